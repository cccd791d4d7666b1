//! `crosscap info`.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crosscap::report::{
    FileInfo, Info, Unreadable, escape_for_terminal, write_info_json, write_info_text,
};

use crate::args::{self, Format};
use crate::{FAILED, output};

/// Describes each file and writes it to the standard output.
pub(crate) fn run(args: &args::Info) -> Result<ExitCode, Box<dyn Error>> {
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for file in &args.files {
        match describe(file, args) {
            Ok(info) => files.push(info),
            Err(error) => {
                let line = format!("crosscap: {}", escape_for_terminal(&error.to_string()));
                // The report says it as well; nobody may be listening here.
                let _ = writeln!(io::stderr(), "{line}");
                unreadable.push(Unreadable {
                    file: file.display().to_string(),
                    error: error.to_string(),
                });
            }
        }
    }
    let info = Info::new(files, unreadable);
    output::write(|style, out| match args.format {
        Format::Text => write_info_text(&info, style, out),
        Format::Json => write_info_json(&info, out),
    })?;
    Ok(if !info.unreadable.is_empty() {
        ExitCode::from(FAILED)
    } else if info.files.iter().any(|file| file.damaged) {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn describe(path: &Path, args: &args::Info) -> Result<FileInfo, Box<dyn Error>> {
    let options = args.reading.options();
    if path == Path::new("-") {
        return Ok(crosscap::file_info(options.from_reader(io::stdin(), "-", 0)?)?);
    }
    let mut info = crosscap::file_info(options.open(path, 0)?)?;
    // A pipe gives its bytes once.
    if args.hash && info.size.is_some() {
        info.sha256 = Some(crosscap::sha256(File::open(path)?)?);
    }
    Ok(info)
}
