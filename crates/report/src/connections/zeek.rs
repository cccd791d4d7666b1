//! Zeek's `conn.log`.

use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};
use std::net::IpAddr;

use crosscap_reassembly::Direction;

use super::ConnectionTable;
use super::facts::{duration, uid};
use super::field::Row;
use crate::escape::is_harmful;

/// Writes the connections as Zeek's `conn.log`, with tabs; what cannot be known from TCP headers is unset. Where there
/// are several points, a column `point` is added at the end.
///
/// # Errors
///
/// What `out` returns.
pub fn write_connections_zeek(table: &ConnectionTable<'_>, out: &mut dyn Write) -> io::Result<()> {
    let columns = &COLUMNS[..COLUMNS.len() - usize::from(!table.has_several_points())];
    let heads = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields";
    out.write_all(heads.as_bytes())?;
    for (name, ..) in columns {
        write!(out, "\t{name}")?;
    }
    out.write_all(b"\n#types")?;
    for (_, kind, _) in columns {
        write!(out, "\t{kind}")?;
    }
    for row in table.shown() {
        for (i, (.., get)) in columns.iter().enumerate() {
            write!(out, "{}{}", if i == 0 { "\n" } else { "\t" }, get(row.row()))?;
        }
    }
    writeln!(out)
}

type Get = for<'a> fn(Row<'a>) -> Cell<'a>;

/// Name, type, value; what only several points need is last.
const COLUMNS: &[(&str, &str, Get)] = &[
    ("ts", "time", |row| Cell::Seconds(row.connection.first().time.as_nanos())),
    ("uid", "string", |row| Cell::Owned(uid(row))),
    ("id.orig_h", "addr", |row| Cell::Address(row.connection.orig.addr)),
    ("id.orig_p", "port", |row| Cell::Count(row.connection.orig.port.into())),
    ("id.resp_h", "addr", |row| Cell::Address(row.connection.resp.addr)),
    ("id.resp_p", "port", |row| Cell::Count(row.connection.resp.port.into())),
    ("proto", "enum", |_| Cell::Text("tcp")),
    ("service", "string", |_| Cell::Unset),
    ("duration", "interval", |row| lasting(row, Cell::Seconds(duration(row)))),
    ("orig_bytes", "count", |row| lasting(row, Cell::Count(size(row, Direction::Orig)))),
    ("resp_bytes", "count", |row| lasting(row, Cell::Count(size(row, Direction::Resp)))),
    ("conn_state", "string", |row| Cell::Text(row.connection.conn_state().as_str())),
    ("local_orig", "bool", |_| Cell::Unset),
    ("local_resp", "bool", |_| Cell::Unset),
    ("missed_bytes", "count", |row| Cell::Count(missed(row))),
    ("history", "string", |row| match row.connection.history() {
        "" => Cell::Unset,
        history => Cell::Text(history),
    }),
    ("orig_pkts", "count", |row| Cell::Count(row.connection.flow(Direction::Orig).packets)),
    ("orig_ip_bytes", "count", |_| Cell::Unset),
    ("resp_pkts", "count", |row| Cell::Count(row.connection.flow(Direction::Resp).packets)),
    ("resp_ip_bytes", "count", |_| Cell::Unset),
    ("tunnel_parents", "set[string]", |_| Cell::Unset),
    ("point", "string", |row| Cell::Escaped(&row.point.name)),
];

enum Cell<'a> {
    Unset,
    Count(u64),
    /// From nanoseconds.
    Seconds(i64),
    Address(IpAddr),
    Text(&'a str),
    Owned(String),
    /// Text from outside.
    Escaped(&'a str),
}

impl Display for Cell<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("-"),
            Self::Count(n) => n.fmt(f),
            Self::Seconds(nanos) => {
                let (sign, micros) =
                    (if *nanos < 0 { "-" } else { "" }, nanos.unsigned_abs() / 1000);
                write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
            }
            Self::Address(address) => address.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Owned(text) => f.write_str(text),
            Self::Escaped(text) => escaped(text, f),
        }
    }
}

/// As Zeek escapes: bytes in hexadecimal where they would not be what they are.
fn escaped(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    let special = matches!(text, "-" | "(empty)") || text.starts_with('#');
    for (i, c) in text.chars().enumerate() {
        if is_harmful(c) || c == '\\' || (special && i == 0) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(f, "\\x{byte:02x}")?;
            }
        } else {
            write!(f, "{c}")?;
        }
    }
    Ok(())
}

/// Zeek leaves these out where all packets have one time.
fn lasting<'a>(row: Row<'_>, cell: Cell<'a>) -> Cell<'a> {
    if duration(row) > 0 { cell } else { Cell::Unset }
}

/// Stream bytes by sequence numbers, as Zeek tells them: those captured, those missing among them, and what the peer
/// acknowledged beyond.
fn size(row: Row<'_>, end: Direction) -> u64 {
    let flow = row.connection.flow(end);
    flow.bytes + flow.missing_bytes() + acknowledged_beyond(row, end)
}

fn missed(row: Row<'_>) -> u64 {
    let of = |end| row.connection.flow(end).missing_bytes() + acknowledged_beyond(row, end);
    Direction::BOTH.map(of).iter().sum()
}

/// Bytes behind the last one captured that the peer has acknowledged.
fn acknowledged_beyond(row: Row<'_>, end: Direction) -> u64 {
    let next = row.connection.flow(end).next_seq();
    let acked = row.connection.flow(end.reverse()).acked;
    next.zip(acked).map_or(0, |(next, acked)| u64::try_from(acked.ahead_of(next)).unwrap_or(0))
}
