use crosscap_packet::{Endpoint, FrameRef, OptionSummary, Segment, SeqNumber, TcpFlags, Timestamp};
use crosscap_reassembly::{Sighting, Tracker};

use super::*;
use crate::{TextStyle, write_connections_text};

const SYN: TcpFlags = TcpFlags::SYN;
const SYN_ACK: TcpFlags = TcpFlags(0x12);
const ACK: TcpFlags = TcpFlags::ACK;
const FIN: TcpFlags = TcpFlags(0x11);
const RST: TcpFlags = TcpFlags(0x14);

/// Packets as they come: when (ms), from, to, flags, sequence number, acknowledgement, payload bytes.
type Packet = (i64, &'static str, &'static str, TcpFlags, u32, u32, u32);

fn point(name: &str, files: &[&str], packets: &[Packet]) -> Point {
    let mut tracker = Tracker::new();
    for (frame, &(millis, src, dst, flags, seq, ack, payload_len)) in (1..).zip(packets) {
        let segment = Segment {
            seq: SeqNumber(seq),
            ack: SeqNumber(ack),
            flags,
            window: 1000,
            ttl: 64,
            ip_id: 0,
            payload_len,
            timestamps: None,
            options: OptionSummary::default(),
        };
        let time = Timestamp(millis * 1_000_000);
        let at = Sighting { time, frame: FrameRef::new(0, frame), segment };
        let end = |text: &str| text.parse::<Endpoint>().unwrap();
        tracker.push_segment(end(src), end(dst), at);
    }
    let mut point = Point::new(name, tracker.finish());
    point.files = files.iter().map(|file| (*file).to_owned()).collect();
    point
}

const A: &str = "10.1.0.2:40000";
const B: &str = "10.1.0.3:40001";
const S: &str = "10.9.0.1:443";
const V6: &str = "[2001:db8::1]:50000";
const V6_S: &str = "[2001:db8::2]:80";

/// 0: whole, with 100 and 2,000 bytes; 1: refused; 2: IPv6, in midstream, 65 s silent, and quiet for 35 s.
fn three() -> Vec<Packet> {
    vec![
        (0, A, S, SYN, 99, 0, 0),
        (1, S, A, SYN_ACK, 499, 100, 0),
        (2, A, S, ACK, 100, 500, 100),
        (3, S, A, ACK, 500, 200, 1000),
        (4, S, A, ACK, 1500, 200, 1000),
        (5, S, A, ACK, 500, 200, 1000),
        (6, A, S, FIN, 200, 2500, 0),
        (7, S, A, FIN, 2500, 201, 0),
        (100, B, S, SYN, 7, 0, 0),
        (101, S, B, RST, 0, 8, 0),
        (200, V6, V6_S, ACK, 1000, 2000, 10),
        (201, V6_S, V6, ACK, 2000, 1010, 0),
        (65_201, V6, V6_S, ACK, 1010, 2000, 10),
        (100_201, A, "10.9.0.1:80", SYN, 5, 0, 0),
    ]
}

fn numbers(point: &Point, filters: &[&str], order: &[&str]) -> Vec<usize> {
    let mut table = ConnectionTable::new(&[point]);
    for filter in filters {
        table.retain(&filter.parse().unwrap());
    }
    let order: Vec<_> = order.iter().map(|o| o.parse().unwrap()).collect();
    table.sort(&order);
    table.shown().iter().map(|row| row.number).collect()
}

#[test]
fn filters_keep_what_they_say() {
    let point = point("p", &["p.pcap"], &three());
    let kept = |filters: &[&str]| numbers(&point, filters, &[]);
    assert_eq!(kept(&[]), [0, 1, 2, 3]);
    assert_eq!(kept(&["state=SF"]), [0]);
    assert_eq!(kept(&["conn_state = rej"]), [1]);
    assert_eq!(kept(&["state!=SF"]), [1, 2, 3]);
    assert_eq!(kept(&["silence>=60s"]), [2]);
    assert_eq!(kept(&["silence>1.1m"]), [0; 0]);
    assert_eq!(kept(&["silence=-"]), [0, 1, 3]);
    assert_eq!(kept(&["silence!=-"]), [2]);
    assert_eq!(kept(&["quiet>=35s"]), [2]);
    assert_eq!(kept(&["quiet<35s"]), [3]);
    assert_eq!(kept(&["duration<=7ms"]), [0, 1, 3]);
    assert_eq!(kept(&["port=443"]), [0, 1]);
    assert_eq!(kept(&["port!=443"]), [2, 3]);
    assert_eq!(kept(&["resp_port<443"]), [2, 3]);
    assert_eq!(kept(&["host=10.1.0.3"]), [1]);
    assert_eq!(kept(&["orig=10.1.0.0/16", "port=443"]), [0, 1]);
    assert_eq!(kept(&["host=2001:db8::/32"]), [2]);
    assert_eq!(kept(&["host~0.1:4"]), [0, 1]);
    assert_eq!(kept(&["bytes>=2k"]), [0]);
    assert_eq!(kept(&["orig_bytes>100"]), [0; 0]);
    assert_eq!(kept(&["retransmits>0"]), [0]);
    assert_eq!(kept(&["midstream=true"]), [2]);
    assert_eq!(kept(&["history~R"]), [0; 0]);
    assert_eq!(kept(&["history~r"]), [1]);
    assert_eq!(kept(&["resp_isn=-"]), [1, 2, 3]);
    assert_eq!(kept(&["start>=1970-01-01T00:00:00.2Z"]), [2, 3]);
    assert_eq!(kept(&["start<1970-01-01 00:00:00.1"]), [0]);
    assert_eq!(kept(&["start<100000000"]), [0]);
    assert_eq!(kept(&["point=p", "number>=1", "number<3"]), [1, 2]);
}

#[test]
fn order_is_by_one_field_after_the_other_and_otherwise_as_it_was() {
    let point = point("p", &["p.pcap"], &three());
    let sorted = |order: &[&str]| numbers(&point, &[], order);
    assert_eq!(sorted(&["-number"]), [3, 2, 1, 0]);
    assert_eq!(sorted(&["-bytes"]), [0, 2, 1, 3]);
    assert_eq!(sorted(&["bytes"]), [1, 3, 2, 0]);
    // None comes last either way.
    assert_eq!(sorted(&["silence"]), [2, 0, 1, 3]);
    assert_eq!(sorted(&["-quiet"]), [2, 3, 0, 1]);
    assert_eq!(sorted(&["state"]), [2, 1, 3, 0]);
    assert_eq!(sorted(&["resp", "-start"]), [3, 1, 0, 2]);
    assert_eq!(sorted(&["orig_port"]), [0, 3, 1, 2]);
}

#[test]
fn a_filter_that_makes_no_sense_says_why() {
    let refused = [
        ("staet=S1", "no field is named \"staet\"; the fields are point, number, uid, start,"),
        ("", "expected FIELD OP VALUE"),
        ("state", "one of != <= >= = < > ~"),
        ("state!S1", "expected FIELD OP VALUE"),
        ("=S1", "no field is named \"\""),
        ("state<S1", "state is a word: it cannot be compared by <"),
        ("bytes~1", "bytes is a count: it cannot be compared by ~"),
        ("host>10.1.0.2", "host is an endpoint"),
        (
            "state=ESTABLISHED",
            "expected one of S0 S1 S2 S3 SF REJ RSTO RSTR RSTOS0 RSTRH SH SHR OTH",
        ),
        ("silence>=60", "such as 20ms, 60s or 30m"),
        ("silence>-", "such as 20ms"),
        ("bytes>=1.5", "such as 7, 10k or 1.5M"),
        ("port=https", "a whole number"),
        ("orig=example.org", "a network such as 10.1.0.0/16"),
        ("start>noon", "2024-05-14T12:03:36Z"),
        ("midstream=maybe", "true or false"),
    ];
    for (filter, why) in refused {
        let error = filter.parse::<ConnectionFilter>().unwrap_err().to_string();
        assert!(error.contains(why), "{filter}: {error}");
    }
    assert!("-staet".parse::<ConnectionOrder>().unwrap_err().to_string().contains("\"staet\""));
}

#[test]
fn names_from_outside_can_do_no_harm() {
    let packets = &three()[..2];
    let names = ["=1+1", "a,\"b\"", "-", "tab\there", "esc\u{1b}[2J", "back\\slash"];
    let points: Vec<_> = names.iter().map(|name| point(name, &["@file,\r\n"], packets)).collect();
    let points: Vec<_> = points.iter().collect();
    let table = ConnectionTable::new(&points);

    let mut csv = Vec::new();
    write_connections_csv(&table, &mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let lines: Vec<_> = csv.split_terminator("\r\n").collect();
    let starts = [
        "point,",
        "'=1+1,0,",
        "\"a,\"\"b\"\"\",0,",
        "'-,0,",
        "tab\\u{9}here,0,",
        "esc\\u{1b}[2J,0,",
        "back\\slash,0,",
    ];
    assert_eq!(lines.len(), starts.len());
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert!(lines[1].contains(",\"'@file,\\u{d}\\u{a}\","), "{}", lines[1]);

    let mut zeek = Vec::new();
    write_connections_zeek(&table, &mut zeek).unwrap();
    let zeek = String::from_utf8(zeek).unwrap();
    let points: Vec<_> = zeek
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.rsplit('\t').next().unwrap())
        .collect();
    let escaped = ["=1+1", "a,\"b\"", "\\x2d", "tab\\x09here", "esc\\x1b[2J", "back\\x5cslash"];
    assert_eq!(points, escaped);

    let mut jsonl = Vec::new();
    write_connections_jsonl(&table, &mut jsonl).unwrap();
    let jsonl = String::from_utf8(jsonl).unwrap();
    assert!(!jsonl.contains('\u{1b}'));
    for (line, name) in jsonl.lines().zip(names) {
        assert_eq!(serde_json::from_str::<serde_json::Value>(line).unwrap()["point"], name);
    }

    let mut text = Vec::new();
    write_connections_text(&table, TextStyle::default(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains(['\u{1b}', '\t']), "{text}");
}

fn zeek_line(packets: &[Packet]) -> Vec<String> {
    let point = point("p", &["p.pcap"], packets);
    let mut zeek = Vec::new();
    write_connections_zeek(&ConnectionTable::new(&[&point]), &mut zeek).unwrap();
    let zeek = String::from_utf8(zeek).unwrap();
    zeek.lines().find(|l| !l.starts_with('#')).unwrap().split('\t').map(str::to_owned).collect()
}

/// Sizes by sequence numbers, with what was lost on the way into the capture.
#[test]
fn zeek_counts_bytes_by_sequence_numbers_and_what_was_missed() {
    let mut packets = three()[..8].to_vec();
    let whole = zeek_line(&packets);
    // 1,000 of the responder's bytes in the middle, and their copy: a gap that was acknowledged.
    packets.remove(5);
    packets.remove(3);
    let gap = zeek_line(&packets);
    // And all the rest of the responder: only acknowledged.
    packets.retain(|p| p.1 == A || p.3 == SYN_ACK);
    let acked = zeek_line(&packets);
    let [orig_bytes, resp_bytes, missed] = [9, 10, 14];
    let told = |line: &[String]| [orig_bytes, resp_bytes, missed].map(|i| line[i].clone());
    assert_eq!(told(&whole), ["100", "2000", "0"]);
    assert_eq!(told(&gap), ["100", "2000", "1000"]);
    assert_eq!(told(&acked), ["100", "2000", "2000"]);
    // A single packet lasts for no time: unset, as in Zeek.
    let single = zeek_line(&packets[..1]);
    assert_eq!(single[8..11], ["-", "-", "-"]);
}

/// One JSON object of each connection, with the type that the documentation promises.
#[test]
fn every_column_holds_what_its_kind_says() {
    let point = point("p", &["p.pcap"], &three());
    let mut jsonl = Vec::new();
    write_connections_jsonl(&ConnectionTable::new(&[&point]), &mut jsonl).unwrap();
    for line in String::from_utf8(jsonl).unwrap().lines() {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(line).unwrap();
        assert_eq!(object.len(), FIELDS.iter().flat_map(|f| f.columns).count(), "a name twice");
        for field in FIELDS {
            for column in field.columns() {
                let value = &object[column];
                let fits = match field.kind().as_str() {
                    "count" | "number" => value.is_u64(),
                    "time" | "time span" => value.is_i64(),
                    "true or false" => value.is_boolean(),
                    _ => value.is_string(),
                };
                assert!(fits || value.is_null(), "{column}: {value}");
            }
        }
    }
}

#[test]
fn columns_and_fields_can_be_told_apart() {
    let mut names = std::collections::HashMap::new();
    for field in FIELDS {
        for name in field.columns().chain([field.name]) {
            // A field may share the name of its only column.
            let before = names.insert(name, field.name);
            assert!(before.is_none_or(|f| f == field.name && field.columns.len() == 1), "{name}");
        }
        let end = field.doc.ends_with('.') || field.doc.contains('|');
        assert!(!field.doc.is_empty() && !end, "{}", field.name);
    }
}

/// The states that filters take are those that connections have.
#[test]
fn every_state_can_be_asked_for() {
    for state in
        ["S0", "S1", "S2", "S3", "SF", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"]
    {
        assert!(format!("state={state}").parse::<ConnectionFilter>().is_ok(), "{state}");
    }
}

#[test]
fn the_documentation_lists_every_column() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/connections.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let rows = FIELDS.iter().map(|field| {
        let columns: Vec<_> = field.columns().map(|name| format!("`{name}`")).collect();
        format!(
            "| `{}` | {} | {} | {} |\n",
            field.name,
            columns.join(", "),
            field.kind(),
            field.doc
        )
    });
    let table = format!(
        "| field | columns | kind | meaning |\n|---|---|---|---|\n{}",
        rows.collect::<String>()
    );
    assert!(docs.contains(&table), "docs/connections.md should have this table:\n{table}");
}

#[test]
fn the_table_is_aligned_and_sums_up() {
    let point = point("p", &["p.pcap"], &three());
    let mut table = ConnectionTable::new(&[&point]);
    table.limit(3);
    let mut text = Vec::new();
    write_connections_text(&table, TextStyle::default(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(format!("\n{text}"), TABLE);
}

const TABLE: &str = "
                                    host                                                      packets        bytes  retransmits
number  start             duration  orig                 resp              state  history  orig  resp  orig   resp  orig   resp    silence   quiet
     0  00:00:00.000000       7 ms  10.1.0.2:40000       10.9.0.1:443      SF     ShDdtFf     3     5   100  2,000     0      1          -       -
     1  00:00:00.100000       1 ms  10.1.0.3:40001       10.9.0.1:443      REJ    Sr          1     1     0      0     0      0          -       -
     2  00:00:00.200000  1 min 5 s  [2001:db8::1]:50000  [2001:db8::2]:80  OTH    Da          2     1    20      0     0      0  1 min 5 s  35.0 s

4 connections, 3 shown: 1 OTH, 1 REJ, 1 S0, 1 SF
";
