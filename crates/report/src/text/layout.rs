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
        self.wrapped_in(Tone::Plain, label, indent, text)
    }

    /// The same, the words in a tone.
    pub(super) fn wrapped_in(
        &mut self,
        tone: Tone,
        label: &str,
        indent: usize,
        text: &str,
    ) -> io::Result<()> {
        let mut margin = format!("{label:indent$}");
        let (mut line, mut width) = (String::new(), indent);
        for word in unbreakable(text) {
            let len = word.chars().count();
            if width > indent && width + 1 + len > WIDTH {
                writeln!(self.out, "{margin}{}", self.toned(tone, &line))?;
                margin = " ".repeat(indent);
                line.clear();
                width = indent;
            }
            if width > indent {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
            width += len;
        }
        writeln!(self.out, "{margin}{}", self.toned(tone, &line))
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

/// The words of a text. A number and its unit are one, a point and the first of its frames, and what stands in brackets.
fn unbreakable(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let here = rest?;
        let mut bracket = here.bytes().take(if here.starts_with('[') { BRACKET } else { 0 });
        let closed = bracket.position(|b| b == b']').unwrap_or_default();
        let mut end = here[closed..].find(' ').map(|at| closed + at);
        while let Some(at) = end {
            let behind = &here[at + 1..];
            let next = behind.find(' ');
            let unit = behind[..next.unwrap_or(behind.len())].trim_end_matches(is_punctuation);
            let measured =
                UNITS.contains(&unit) && here[..at].ends_with(|c: char| c.is_ascii_digit());
            let framed =
                unit.starts_with('#') && !here.starts_with('#') && !here[..at].contains('#');
            if !(measured || framed) {
                break;
            }
            end = next.map(|next| at + 1 + next);
        }
        rest = end.map(|at| &here[at + 1..]);
        Some(&here[..end.unwrap_or(here.len())])
    })
}

fn is_punctuation(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | ')')
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

/// What is never torn from the number before it.
const UNITS: [&str; 8] = ["ns", "µs", "ms", "s", "min", "h", "ppm", "%"];

/// Bytes in brackets that are never torn.
const BRACKET: usize = 40;

/// Columns of a page.
pub(super) const WIDTH: usize = 110;

/// Between two columns of a table.
pub(super) const GAP: &str = "  ";

/// Columns that text behind the cells of a table needs to be worth its place there.
const NARROWEST: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(write: impl FnOnce(&mut Page<'_>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut Page::new(&mut out, false)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_number_and_its_unit_stay_on_one_line() {
        let words = |text| unbreakable(text).collect::<Vec<_>>();
        assert_eq!(words("after 422 s (7 min 2 s)."), ["after", "422 s", "(7 min", "2 s)."]);
        assert_eq!(words("it's s  x 5"), ["it's", "s", "", "x", "5"]);
        assert_eq!(words("seen [client #1 #2], [::1]:80"), ["seen", "[client #1 #2],", "[::1]:80"]);
        assert_eq!(words("at pod #1 #2 #3, or"), ["at", "pod #1", "#2", "#3,", "or"]);
        assert_eq!(words("[open"), ["[open"]);
        assert_eq!(words(""), [""]);
        let text = format!("{} 7 s", "x".repeat(WIDTH - 2));
        assert_eq!(page(|p| p.wrapped("", 0, &text)), format!("{}\n7 s\n", "x".repeat(WIDTH - 2)));
    }

    #[test]
    fn a_table_is_aligned_and_what_stands_behind_it_is_wrapped() {
        let row = |what: &str, count: &str, rest: &str| TableRow {
            tone: Tone::Plain,
            cells: vec![(Align::Left, what.into()), (Align::Right, count.into())],
            rest: rest.into(),
        };
        let rows = [row("lost", "1,200", "client #1"), row("Änderung", "3", "")];
        let expected = "  lost      1,200  client #1\n  Änderung      3\n";
        assert_eq!(page(|p| p.table(2, &rows)), expected);
        // Cells that take the whole line leave the text behind them the next.
        let wide = [row(&"w".repeat(90), "1", "client #1")];
        let expected = format!("  {}  1\n      client #1\n", "w".repeat(90));
        assert_eq!(page(|p| p.table(2, &wide)), expected);
    }
}
