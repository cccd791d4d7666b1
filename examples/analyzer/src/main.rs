//! The `crosscap` command: why TCP connections hang, from packet captures.

mod args;
mod connections;
mod diagnose;
mod info;
mod output;
mod stream;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use crosscap::report::escape_for_terminal;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Help and version are no errors, and hold nothing from outside.
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => {
            let lines = error.render().to_string();
            let safe: Vec<String> = lines.lines().map(escape_for_terminal).collect();
            let _ = writeln!(io::stderr(), "{}", safe.join("\n"));
            return ExitCode::from(FAILED);
        }
    };
    let result = match args.command {
        Command::Diagnose(diagnose) => diagnose::run(&diagnose),
        Command::Connections(connections) => connections::run(&connections),
        Command::Stream(stream) => stream::run(&stream),
        Command::Info(info) => info::run(&info),
    };
    result.unwrap_or_else(|error| {
        // Where even this cannot be written there is nobody to tell.
        output::error(&error.to_string());
        ExitCode::from(FAILED)
    })
}

/// Exit status for usage and input errors; clap uses it as well.
pub(crate) const FAILED: u8 = 2;
