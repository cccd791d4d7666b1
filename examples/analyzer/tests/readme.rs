//! What the README shows is what the command prints.

use std::path::Path;
use std::process::Command;

/// The README's demo, run; every piece of output that the README shows stands in it, in order, line by line.
#[test]
fn the_output_in_the_readme_is_real() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let command =
        readme.lines().find_map(|line| line.strip_prefix("cargo run --release -- ")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_crosscap"))
        .args(command.split(' '))
        .current_dir(&root)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let printed = String::from_utf8(output.stdout).unwrap();

    let shown = readme.split_once("```text\n").unwrap().1.split_once("```").unwrap().0;
    let mut rest = printed.as_str();
    for piece in shown.split("[…]\n") {
        let at = rest
            .find(piece)
            .unwrap_or_else(|| panic!("not printed:\n{piece}\nprinted:\n{printed}"));
        rest = &rest[at + piece.len()..];
    }
    assert!(shown.lines().count() > 30, "the README shows too little");
}
