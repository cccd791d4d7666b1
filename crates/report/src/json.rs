//! JSON, for programs.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::escape::is_harmful;
use crate::{Info, Report};

/// Writes the report as indented JSON with a final newline.
///
/// # Errors
///
/// What `out` returns.
pub fn write_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write(report, out)
}

/// Writes what capture files are as indented JSON with a final newline.
///
/// # Errors
///
/// What `out` returns.
pub fn write_info_json(info: &Info, out: &mut dyn Write) -> io::Result<()> {
    write(info, out)
}

fn write(what: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Careful::default());
    what.serialize(&mut serializer)?;
    writeln!(out)
}

/// Indents, and escapes more than JSON asks for: programs do not mind, and a terminal that JSON is written to does.
#[derive(Default)]
struct Careful {
    pretty: PrettyFormatter<'static>,
}

impl Formatter for Careful {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_carefully(out, fragment)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.end_object_value(out)
    }
}

/// As careful, and everything on one line.
pub(crate) struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_carefully(out, fragment)
    }
}

fn write_carefully<W: ?Sized + Write>(out: &mut W, fragment: &str) -> io::Result<()> {
    if fragment.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return out.write_all(fragment.as_bytes());
    }
    let mut plain = 0;
    for (at, c) in fragment.char_indices().filter(|(_, c)| is_harmful(*c)) {
        out.write_all(&fragment.as_bytes()[plain..at])?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        plain = at + c.len_utf8();
    }
    out.write_all(&fragment.as_bytes()[plain..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileInfo, Info};

    #[test]
    fn what_would_command_a_terminal_is_escaped_and_means_the_same() {
        let file = "a\u{9b}2J\u{202e}b\u{7f}\u{e0041}<c> ü".to_owned();
        let info = Info::new(vec![FileInfo { file, ..FileInfo::default() }], Vec::new());
        let mut json = Vec::new();
        write_info_json(&info, &mut json).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert!(json.contains(r"a\u009b2J\u202eb\u007f\udb40\udc41<c> ü"), "{json}");
        assert_eq!(serde_json::from_str::<Info>(&json).unwrap(), info);
        assert!(json.starts_with("{\n  \"schema\": \"crosscap-info/1\",\n"));
    }
}
