//! What is told of a connection: every column of every format, every field to filter and sort by, in one list.

use crosscap_reassembly::Direction;

use super::facts::{
    CLOSINGS, FORMS, STATES, closed_by, duration, file, longest_silence, quiet, reset_form, sender,
    uid,
};
use super::field::{Column, ConnectionField, Get, Shown};
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
        name: "timeouts",
        doc: "of the retransmits, those sent because a timer ran out",
        shown: Shown::No,
        columns: &each_way!("timeouts", Count, |c, end| Some(c.flow(end).causes.timeout.into())),
    },
    ConnectionField {
        name: "fast_retransmits",
        doc: "of the retransmits, those asked for by duplicate or selective acknowledgements",
        shown: Shown::No,
        columns: &each_way!("fast_retransmits", Count, |c, end| Some(
            c.flow(end).causes.fast.into()
        )),
    },
    ConnectionField {
        name: "tail_probes",
        doc: "of the retransmits, probes with the last segment sooner than the timer",
        shown: Shown::No,
        columns: &each_way!("tail_probes", Count, |c, end| Some(
            c.flow(end).causes.tail_probe.into()
        )),
    },
    ConnectionField {
        name: "spurious_retransmits",
        doc: "of the retransmits, those of bytes that had arrived",
        shown: Shown::No,
        columns: &each_way!("spurious_retransmits", Count, |c, end| Some(
            c.flow(end).causes.spurious.into()
        )),
    },
    ConnectionField {
        name: "out_of_order",
        doc: "segments that came late: sent before bytes already seen",
        shown: Shown::No,
        columns: &each_way!("out_of_order", Count, |c, end| Some(c.flow(end).out_of_order.into())),
    },
    ConnectionField {
        name: "overlaps",
        doc: "segments that brought new bytes together with some already seen",
        shown: Shown::No,
        columns: &each_way!("overlaps", Count, |c, end| Some(c.flow(end).overlaps.into())),
    },
    ConnectionField {
        name: "undecidable",
        doc: "segments of which this point cannot tell whether they were sent again or came late",
        shown: Shown::No,
        columns: &each_way!("undecidable", Count, |c, end| Some(c.flow(end).undecidable.into())),
    },
    ConnectionField {
        name: "gaps",
        doc: "times that the other end acknowledged bytes which were not captured",
        shown: Shown::No,
        columns: &each_way!("gaps", Count, |c, end| Some(c.flow(end).gaps.into())),
    },
    ConnectionField {
        name: "duplicate_acks",
        doc: "pure acknowledgements that repeated the one before",
        shown: Shown::No,
        columns: &each_way!("duplicate_acks", Count, |c, end| Some(
            c.flow(end).duplicate_acks.into()
        )),
    },
    ConnectionField {
        name: "syns",
        doc: "SYNs or SYN-ACKs, copies aside",
        shown: Shown::No,
        columns: &each_way!("syns", Count, |c, end| Some(c.flow(end).syns.into())),
    },
    ConnectionField {
        name: "fins",
        doc: "segments with FIN, copies aside",
        shown: Shown::No,
        columns: &each_way!("fins", Count, |c, end| Some(c.flow(end).fins.into())),
    },
    ConnectionField {
        name: "rsts",
        doc: "segments with RST, copies aside",
        shown: Shown::No,
        columns: &each_way!("rsts", Count, |c, end| Some(c.flow(end).rsts.into())),
    },
    ConnectionField {
        name: "reset_form",
        doc: "what the first RST says of its sender: no-socket, refused, abort (by a live socket) or other",
        shown: Shown::No,
        columns: &[
            Column {
                name: "orig_reset_form",
                get: Get::Word(FORMS, |row| reset_form(row.connection, Direction::Orig)),
            },
            Column {
                name: "resp_reset_form",
                get: Get::Word(FORMS, |row| reset_form(row.connection, Direction::Resp)),
            },
        ],
    },
    ConnectionField {
        name: "reset_own_ttl",
        doc: "whether the first RST came with the time to live of the end's first packet; false points to another sender",
        shown: Shown::No,
        columns: &each_way!("reset_own_ttl", Flag, |c, end| c.flow(end).reset()?.own_ttl),
    },
    ConnectionField {
        name: "closed_by",
        doc: "who sent the first FIN or RST, and which",
        shown: Shown::No,
        columns: &[Column {
            name: "closed_by",
            get: Get::Word(CLOSINGS, |row| closed_by(row.connection)),
        }],
    },
    ConnectionField {
        name: "half_closed",
        doc: "from the first FIN to the FIN or RST of the other end; null where there was none",
        shown: Shown::No,
        columns: &[Column {
            name: "half_closed_ns",
            get: Get::Span(|row| row.connection.half_closed()),
        }],
    },
    ConnectionField {
        name: "mss",
        doc: "largest segment that the end takes, as its SYN says",
        shown: Shown::No,
        columns: &each_way!("mss", Count, |c, end| Some(
            c.flow(end).syn_options?.maximum_segment_size?.into()
        )),
    },
    ConnectionField {
        name: "window_scale",
        doc: "left shift of the windows the end announces; null where the handshake was not captured",
        shown: Shown::No,
        columns: &each_way!("window_scale", Count, |c, end| Some(
            c.flow(end).window_scale(c.flow(end.reverse()))?.into()
        )),
    },
    ConnectionField {
        name: "syn_rtt",
        doc: "from the SYN to the SYN-ACK; null where either was sent twice",
        shown: Shown::No,
        columns: &[Column { name: "syn_rtt_ns", get: Get::Span(|row| row.connection.syn_rtt) }],
    },
    ConnectionField {
        name: "ack_rtt",
        doc: "from the SYN-ACK to its acknowledgement",
        shown: Shown::No,
        columns: &[Column { name: "ack_rtt_ns", get: Get::Span(|row| row.connection.ack_rtt) }],
    },
    ConnectionField {
        name: "rtt_min",
        doc: "shortest time from data to its acknowledgement by the other end",
        shown: Shown::No,
        columns: &each_way!("rtt_min_ns", Span, |c, end| c.flow(end).rtt.shortest()),
    },
    ConnectionField {
        name: "rtt_mean",
        doc: "mean time from data to its acknowledgement by the other end",
        shown: Shown::No,
        columns: &each_way!("rtt_mean_ns", Span, |c, end| c.flow(end).rtt.mean()),
    },
    ConnectionField {
        name: "rtt_max",
        doc: "longest time from data to its acknowledgement by the other end",
        shown: Shown::No,
        columns: &each_way!("rtt_max_ns", Span, |c, end| c.flow(end).rtt.longest()),
    },
    ConnectionField {
        name: "keep_alives",
        doc: "keep-alive probes",
        shown: Shown::No,
        columns: &each_way!("keep_alives", Count, |c, end| Some(c.flow(end).keep_alives.into())),
    },
    ConnectionField {
        name: "keep_alive_min",
        doc: "shortest time between two keep-alive probes without data between them",
        shown: Shown::No,
        columns: &each_way!("keep_alive_min_ns", Span, |c, end| c
            .flow(end)
            .keep_alive_interval
            .map(|(min, _)| min)),
    },
    ConnectionField {
        name: "keep_alive_max",
        doc: "longest time between two keep-alive probes without data between them",
        shown: Shown::No,
        columns: &each_way!("keep_alive_max_ns", Span, |c, end| c
            .flow(end)
            .keep_alive_interval
            .map(|(_, max)| max)),
    },
    ConnectionField {
        name: "window_probes",
        doc: "probes of a window that was 0",
        shown: Shown::No,
        columns: &each_way!("window_probes", Count, |c, end| Some(
            c.flow(end).window_probes.into()
        )),
    },
    ConnectionField {
        name: "zero_windows",
        doc: "pure ACKs and data segments that announced a window of 0",
        shown: Shown::No,
        columns: &each_way!("zero_windows", Count, |c, end| Some(c.flow(end).zero_windows.into())),
    },
    ConnectionField {
        name: "window_closed",
        doc: "how often the end's window went to 0",
        shown: Shown::No,
        columns: &each_way!("window_closed", Count, |c, end| Some(
            c.flow(end).closed_windows.episodes.into()
        )),
    },
    ConnectionField {
        name: "window_closed_longest",
        doc: "the longest time until it opened again",
        shown: Shown::No,
        columns: &each_way!("window_closed_longest_ns", Span, |c, end| Some(
            c.flow(end).closed_windows.longest
        )),
    },
    ConnectionField {
        name: "window_closed_total",
        doc: "all times until it opened again",
        shown: Shown::No,
        columns: &each_way!("window_closed_total_ns", Span, |c, end| Some(
            c.flow(end).closed_windows.total
        )),
    },
    ConnectionField {
        name: "window_full",
        doc: "segments that filled the window of the other end to the last byte",
        shown: Shown::No,
        columns: &each_way!("window_full", Count, |c, end| Some(c.flow(end).window_full.into())),
    },
    ConnectionField {
        name: "beyond_window",
        doc: "segments with bytes beyond the window of the other end",
        shown: Shown::No,
        columns: &each_way!("beyond_window", Count, |c, end| Some(
            c.flow(end).beyond_window.into()
        )),
    },
    ConnectionField {
        name: "pause",
        doc: "the longest time between two packets that follow each other, the handshake included",
        shown: Shown::No,
        columns: &[Column {
            name: "longest_pause_ns",
            get: Get::Span(|row| row.connection.longest_pause.map(|p| p.nanos())),
        }],
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
