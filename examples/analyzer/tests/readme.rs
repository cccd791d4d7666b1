//! What the README shows is what the command prints.

use std::path::Path;
use std::process::Command;

/// The README's commands, run; every piece of output that the README shows below one stands in what it prints, in order,
/// line by line.
#[test]
fn the_output_in_the_readme_is_real() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut lines_shown = Vec::new();
    for part in readme.split("cargo run --release -- ").skip(1) {
        let (command, below) = part.split_once('\n').unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_crosscap"))
            .args(command.split(' '))
            .current_dir(&root)
            .output()
            .unwrap();
        // The diagnosis has findings.
        let status = i32::from(command.starts_with("diagnose"));
        assert_eq!(output.status.code(), Some(status), "{command}");
        let printed = String::from_utf8(output.stdout).unwrap();

        let shown = below.split_once("```text\n").unwrap().1.split_once("```").unwrap().0;
        let mut rest = printed.as_str();
        for piece in shown.split("[…]\n") {
            let at = rest
                .find(piece)
                .unwrap_or_else(|| panic!("not printed:\n{piece}\nprinted:\n{printed}"));
            rest = &rest[at + piece.len()..];
        }
        lines_shown.push(shown.lines().count());
    }
    assert!(lines_shown[0] > 30 && lines_shown[1] > 5, "the README shows too little");
}
