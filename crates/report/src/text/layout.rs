//! Lines, indents, tables, colours.

use std::fmt::Write as _;
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

    /// Text in a tone.
    pub(super) fn toned(&self, tone: Tone, text: &str) -> String {
        match tone {
            Tone::Plain => text.to_owned(),
            Tone::Dim => self.dim(text),
            Tone::Warn => self.warn(text),
            Tone::Bad => self.bad(text),
        }
    }

    /// Rows with aligned cells, and behind them text that is wrapped to what is left of the page.
    pub(super) fn table(&mut self, indent: usize, rows: &[TableRow]) -> io::Result<()> {
        let mut widths: Vec<usize> = Vec::new();
        for row in rows {
            widths.resize(widths.len().max(row.cells.len()), 0);
            for (width, (_, cell)) in widths.iter_mut().zip(&row.cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        let behind = indent + widths.iter().map(|w| w + GAP.len()).sum::<usize>();
        for row in rows {
            let mut line = " ".repeat(indent);
            for ((align, cell), width) in row.cells.iter().zip(&widths) {
                let fill = " ".repeat(width - cell.chars().count());
                let cell = self.toned(row.tone, cell);
                let _ = match align {
                    Align::Left => write!(line, "{cell}{fill}{GAP}"),
                    Align::Right => write!(line, "{fill}{cell}{GAP}"),
                };
            }
            if row.rest.is_empty() {
                self.line(line.trim_end())?;
            } else if behind + NARROWEST <= WIDTH {
                self.wrapped(&line, behind, &row.rest)?;
            } else {
                self.line(line.trim_end())?;
                self.wrapped("", indent + 4, &row.rest)?;
            }
        }
        Ok(())
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// A row of [`Page::table`].
#[derive(Default)]
pub(super) struct TableRow {
    pub(super) tone: Tone,
    pub(super) cells: Vec<(Align, String)>,
    /// What stands behind the cells.
    pub(super) rest: String,
}

#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Right,
}

#[derive(Clone, Copy, Default)]
pub(super) enum Tone {
    #[default]
    Plain,
    Dim,
    Warn,
    Bad,
}

/// Columns of a page.
pub(super) const WIDTH: usize = 110;

/// Between two columns of a table.
pub(super) const GAP: &str = "  ";

/// Columns that text behind the cells of a table needs to be worth its place there.
const NARROWEST: usize = 24;
