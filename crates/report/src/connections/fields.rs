//! What is told of a connection: every column of every format, every field to filter and sort by, in one list.

use std::borrow::Cow;

use crosscap_correlation::Point;
use crosscap_packet::Endpoint;
use crosscap_reassembly::{ConnState, Connection, Direction, Phase};
use sha2::{Digest, Sha256};

use super::field::{Column, ConnectionField, Get, Row, Shown};
use crate::wireshark;

/// Everything that is told of a connection, in the order of the columns.
#[must_use]
pub fn connection_fields() -> &'static [ConnectionField] {
    FIELDS
}

/// The two columns of what both ends have.
macro_rules! each_way {
    ($name:literal, $kind:ident, |$connection:ident, $end:ident| $get:expr) => {
        [
            Column {
                name: concat!("orig_", $name),
                get: Get::$kind(|row| {
                    let ($connection, $end) = (row.connection, Direction::Orig);
                    $get
                }),
            },
            Column {
                name: concat!("resp_", $name),
                get: Get::$kind(|row| {
                    let ($connection, $end) = (row.connection, Direction::Resp);
                    $get
                }),
            },
        ]
    };
}

pub(crate) static FIELDS: &[ConnectionField] = &[
    ConnectionField {
        name: "point",
        doc: "name of the observation point",
        shown: Shown::WithSeveralPoints,
        columns: &[Column {
            name: "point",
            get: Get::Text(|row| Some(row.point.name.as_str().into())),
        }],
    },
    ConnectionField {
        name: "number",
        doc: "place among the connections of the point, from 0: Wireshark's tcp.stream where the point has one file",
        shown: Shown::Yes,
        columns: &[Column { name: "number", get: Get::Id(|row| Some(row.number as u64)) }],
    },
    ConnectionField {
        name: "uid",
        doc: "a name in the form of Zeek's uid; the same for the same captures and the same name of the point",
        shown: Shown::No,
        columns: &[Column { name: "uid", get: Get::Text(|row| Some(uid(row).into())) }],
    },
    ConnectionField {
        name: "start",
        doc: "time of the first packet",
        shown: Shown::Yes,
        columns: &[Column {
            name: "first_ns",
            get: Get::Time(|row| Some(row.connection.first().time)),
        }],
    },
    ConnectionField {
        name: "end",
        doc: "time of the last packet",
        shown: Shown::No,
        columns: &[Column {
            name: "last_ns",
            get: Get::Time(|row| Some(row.connection.last().time)),
        }],
    },
    ConnectionField {
        name: "duration",
        doc: "from the first packet to the last",
        shown: Shown::Yes,
        columns: &[Column { name: "duration_ns", get: Get::Span(|row| Some(duration(row))) }],
    },
    ConnectionField {
        name: "host",
        doc: "originator and responder, address and port",
        shown: Shown::Yes,
        columns: &[
            Column { name: "orig", get: Get::Endpoint(|row| Some(row.connection.orig)) },
            Column { name: "resp", get: Get::Endpoint(|row| Some(row.connection.resp)) },
        ],
    },
    ConnectionField {
        name: "port",
        doc: "their ports alone",
        shown: Shown::No,
        columns: &each_way!("port", Id, |c, end| Some(sender(c, end).port.into())),
    },
    ConnectionField {
        name: "isn",
        doc: "initial sequence numbers; null where the SYN or SYN-ACK was not captured",
        shown: Shown::No,
        columns: &each_way!("isn", Id, |c, end| Some(c.flow(end).isn?.0.into())),
    },
    ConnectionField {
        name: "incarnation",
        doc: "which use of the four-tuple this is, from 1",
        shown: Shown::No,
        columns: &[Column {
            name: "incarnation",
            get: Get::Id(|row| Some(row.connection.incarnation.into())),
        }],
    },
    ConnectionField {
        name: "midstream",
        doc: "whether no SYN of either end was captured; the originator is then a guess",
        shown: Shown::No,
        columns: &[Column {
            name: "midstream",
            get: Get::Flag(|row| Some(row.connection.is_midstream())),
        }],
    },
    ConnectionField {
        name: "state",
        doc: "how it began and ended: Zeek's conn_state",
        shown: Shown::Yes,
        columns: &[Column {
            name: "conn_state",
            get: Get::Word(STATES, |row| Some(row.connection.conn_state().as_str())),
        }],
    },
    ConnectionField {
        name: "history",
        doc: "what happened, in order: Zeek's letters, upper case from the originator",
        shown: Shown::Yes,
        columns: &[Column {
            name: "history",
            get: Get::Text(|row| Some(row.connection.history().into())),
        }],
    },
    ConnectionField {
        name: "packets",
        doc: "packets captured, copies by the capture included",
        shown: Shown::Yes,
        columns: &each_way!("packets", Count, |c, end| Some(c.flow(end).packets)),
    },
    ConnectionField {
        name: "copies",
        doc: "packets that the capture recorded twice",
        shown: Shown::No,
        columns: &each_way!("copies", Count, |c, end| Some(c.flow(end).copies.into())),
    },
    ConnectionField {
        name: "bytes",
        doc: "stream bytes captured, each counted once",
        shown: Shown::Yes,
        columns: &each_way!("bytes", Count, |c, end| Some(c.flow(end).bytes)),
    },
    ConnectionField {
        name: "missing_bytes",
        doc: "stream bytes below the highest one captured that were not captured",
        shown: Shown::No,
        columns: &each_way!("missing_bytes", Count, |c, end| Some(c.flow(end).missing_bytes())),
    },
    ConnectionField {
        name: "retransmits",
        doc: "segments that carried nothing but what had been sent before: data, SYN or FIN",
        shown: Shown::Alarming,
        columns: &each_way!("retransmits", Count, |c, end| Some(c.flow(end).retransmits.into())),
    },
    ConnectionField {
        name: "syns",
        doc: "SYNs or SYN-ACKs, copies aside",
        shown: Shown::No,
        columns: &each_way!("syns", Count, |c, end| Some(c.flow(end).syns.into())),
    },
    ConnectionField {
        name: "keep_alives",
        doc: "keep-alive probes",
        shown: Shown::No,
        columns: &each_way!("keep_alives", Count, |c, end| Some(c.flow(end).keep_alives.into())),
    },
    ConnectionField {
        name: "zero_windows",
        doc: "pure ACKs and data segments that announced a window of 0",
        shown: Shown::No,
        columns: &each_way!("zero_windows", Count, |c, end| Some(c.flow(end).zero_windows.into())),
    },
    ConnectionField {
        name: "silence",
        doc: "the longest time between two packets, after the handshake; null below one second",
        shown: Shown::Yes,
        columns: &[Column {
            name: "longest_silence_ns",
            get: Get::Span(|row| longest_silence(row.connection)),
        }],
    },
    ConnectionField {
        name: "quiet",
        doc: "from its last packet to the end of the capture; null where it was closed by both ends or reset",
        shown: Shown::Yes,
        columns: &[Column { name: "quiet_ns", get: Get::Span(quiet) }],
    },
    ConnectionField {
        name: "wait",
        doc: "the longest time the responder took to answer; null where it never did",
        shown: Shown::No,
        columns: &[Column {
            name: "longest_wait_ns",
            get: Get::Span(|row| Some(row.connection.longest_wait.as_ref()?.nanos())),
        }],
    },
    ConnectionField {
        name: "icmp_errors",
        doc: "ICMP errors about its segments",
        shown: Shown::No,
        columns: &[Column {
            name: "icmp_errors",
            get: Get::Count(|row| {
                Some(row.connection.icmp_errors.as_ref().map_or(0, |errors| errors.count))
            }),
        }],
    },
    ConnectionField {
        name: "frame",
        doc: "frame numbers of the first and the last packet, from 1 in each file",
        shown: Shown::No,
        columns: &[
            Column {
                name: "first_frame",
                get: Get::Id(|row| Some(row.connection.first().frame.number())),
            },
            Column {
                name: "last_frame",
                get: Get::Id(|row| Some(row.connection.last().frame.number())),
            },
        ],
    },
    ConnectionField {
        name: "file",
        doc: "the files they are in",
        shown: Shown::No,
        columns: &[
            Column {
                name: "first_file",
                get: Get::Text(|row| file(row.point, row.connection.first().frame.file())),
            },
            Column {
                name: "last_file",
                get: Get::Text(|row| file(row.point, row.connection.last().frame.file())),
            },
        ],
    },
    ConnectionField {
        name: "wireshark_filter",
        doc: "display filter for its packets in the point's file; in a rotated set, for every use of the four-tuple",
        shown: Shown::No,
        columns: &[Column {
            name: "wireshark_filter",
            get: Get::Text(|row| {
                let files = row.point.files.len();
                Some(wireshark::connection(row.connection, row.number, files).into())
            }),
        }],
    },
];

fn sender(connection: &Connection, end: Direction) -> Endpoint {
    match end {
        Direction::Orig => connection.orig,
        Direction::Resp => connection.resp,
    }
}

pub(crate) fn duration(row: Row<'_>) -> i64 {
    row.connection.last().time.since(row.connection.first().time)
}

fn longest_silence(connection: &Connection) -> Option<i64> {
    let silences = connection.silences.as_ref()?;
    let outlived = [Phase::Established, Phase::HalfClosed]
        .into_iter()
        .flat_map(|phase| Direction::BOTH.map(|end| silences.longest_outlived(phase, end)));
    outlived.chain([silences.unanswered()]).flatten().map(|silence| silence.nanos()).max()
}

fn quiet(row: Row<'_>) -> Option<i64> {
    let ended = row.connection.is_closed() || row.connection.is_reset();
    if ended { None } else { Some(row.point.last?.since(row.connection.last().time)) }
}

fn file(point: &Point, index: u16) -> Option<Cow<'_, str>> {
    point.files.get(usize::from(index)).map(|name| name.as_str().into())
}

/// `C` and 96 bits in base 62, as Zeek makes them; here of what tells the connection from all others.
pub(crate) fn uid(row: Row<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update((row.number as u64).to_le_bytes());
    hash.update(row.connection.first().time.as_nanos().to_le_bytes());
    hash.update(format!("{} {} {}", row.connection.orig, row.connection.resp, row.point.name));
    let mut bits =
        hash.finalize().iter().take(12).fold(0u128, |bits, &byte| bits << 8 | u128::from(byte));
    let mut uid = [b'C'; 1 + UID_DIGITS];
    for digit in &mut uid[1..] {
        *digit = BASE_62[(bits % 62) as usize];
        bits /= 62;
    }
    uid.iter().copied().map(char::from).collect()
}

const STATES: &[&str] = &[
    ConnState::S0.as_str(),
    ConnState::S1.as_str(),
    ConnState::S2.as_str(),
    ConnState::S3.as_str(),
    ConnState::Sf.as_str(),
    ConnState::Rej.as_str(),
    ConnState::Rsto.as_str(),
    ConnState::Rstr.as_str(),
    ConnState::Rstos0.as_str(),
    ConnState::Rstrh.as_str(),
    ConnState::Sh.as_str(),
    ConnState::Shr.as_str(),
    ConnState::Oth.as_str(),
];

const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62¹⁷ is more than 2⁹⁶.
const UID_DIGITS: usize = 17;
