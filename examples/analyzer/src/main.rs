//! The `crosscap` command: why TCP connections hang, from packet captures.

mod args;
mod diagnose;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.command {
        Command::Diagnose(diagnose) => diagnose::run(&diagnose),
    };
    result.unwrap_or_else(|error| {
        // A reader that has seen enough, such as `head`, is no error.
        let quiet = error
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        if !quiet {
            // Where even this cannot be written there is nobody to tell.
            let _ = writeln!(io::stderr(), "crosscap: {error}");
        }
        ExitCode::from(FAILED)
    })
}

/// Exit status for usage and input errors; clap uses it as well.
const FAILED: u8 = 2;
