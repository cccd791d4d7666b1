//! The standard output, and warnings.

use std::io::{self, BufWriter, Write};

use crosscap::report::{Quality, TextStyle, escape_for_terminal};

/// Writes to the standard output. A reader that has seen enough, such as `head`, is no error.
pub(crate) fn write(
    what: impl FnOnce(TextStyle, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let stdout = io::stdout();
    let color = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    let mut out = BufWriter::new(stdout.lock());
    match what(TextStyle::with_color(color), &mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Says on the standard error, a line each, what makes a point say less than it should.
pub(crate) fn warn(point: &str, quality: &[Quality]) {
    for quality in quality.iter().filter(|quality| quality.loses_packets()) {
        warning(&format!("{point}: {}", quality.detail));
    }
}

/// Says one thing on the standard error.
pub(crate) fn warning(what: &str) {
    error(&format!("warning: {what}"));
}

/// Says on the standard error what went wrong.
pub(crate) fn error(what: &str) {
    // Nobody may be listening here.
    let _ = writeln!(io::stderr(), "crosscap: {}", escape_for_terminal(what));
}
