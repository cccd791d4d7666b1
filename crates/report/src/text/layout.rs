//! Lines, indents, colours.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

/// Where the text goes, line by line.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
    color: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write, color: bool) -> Self {
        Self { out, color }
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Words wrapped to the page, each line behind `indent`; the first behind `label`, which is as wide.
    pub(super) fn wrapped(&mut self, label: &str, indent: usize, text: &str) -> io::Result<()> {
        let mut line = format!("{label:indent$}");
        let mut width = indent;
        for word in text.split(' ') {
            let len = word.chars().count();
            if width > indent && width + 1 + len > WIDTH {
                writeln!(self.out, "{line}")?;
                line = " ".repeat(indent);
                width = indent;
            }
            if width > indent {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
            width += len;
        }
        writeln!(self.out, "{line}")
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    pub(super) fn bad(&self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    pub(super) fn warn(&self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default().bold(), text)
    }

    pub(super) fn good(&self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Columns of a page.
pub(super) const WIDTH: usize = 110;
