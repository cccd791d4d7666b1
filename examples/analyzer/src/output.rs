//! The standard output.

use std::io::{self, BufWriter, Write};

use crosscap::report::TextStyle;

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
