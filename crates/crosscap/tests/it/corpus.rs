//! Connections of other people's captures, against tshark 4.0.17: what it says of them was kept beside them. They are not
//! part of the repository: skipped where they are absent.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use crosscap::packet::{Decoded, Decoder, Endpoint, TcpFlags};
use crosscap::parser::CaptureFile;
use crosscap::reassembly::{Direction, Flow, SegmentClass, Tracker};
use crosscap_testkit::{CorpusFile, map_corpus};
use serde_json::Value;

/// A connection, as either of us sees it: its ends, and what each of them sent.
#[derive(Debug)]
struct Seen {
    ends: [Endpoint; 2],
    /// In order of `ends`.
    sent: [Sent; 2],
}

/// What one end sent.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    packets: u64,
    syns: u64,
    fins: u64,
    rsts: u64,
    bytes: u64,
    /// What tshark calls retransmission or out of order: only the sum, as it tells them apart by thresholds of time.
    again: u64,
    zero_windows: u64,
    keep_alives: u64,
    /// Packets whose payload the snap length cut.
    cut: u64,
}

#[test]
fn connections_are_those_of_tshark() {
    let all = map_corpus(compare);
    if all.is_empty() {
        return;
    }
    let mut complaints = Vec::new();
    for (check, goal, named) in GOALS {
        let of = |c: &Compared| c.tallies.get(check).copied().unwrap_or_default();
        let total: usize = all.iter().map(|c| of(c).compared).sum();
        let different: usize = all.iter().map(|c| of(c).different).sum();
        let share = 100.0 * (total - different) as f64 / total as f64;
        println!("{check}: {share:.2} % of {total} ({different} differ)");
        if share < *goal {
            complaints.push(format!("{check}: {share:.2} %, not {goal} %"));
        }
        for file in all.iter().filter(|_| *named) {
            let different = of(file).different;
            let of_file = |(n, c, ..): &&Exception| file.name.ends_with(n) && c == check;
            match EXCEPTIONS.iter().find(of_file) {
                Some((_, _, n, _)) if *n == different => {}
                None if different == 0 => {}
                exception => complaints
                    .push(format!("{}: {check}: {different} differ, {exception:?}", file.name)),
            }
        }
    }
    let superfluous = EXCEPTIONS.iter().filter(|(n, ..)| !all.iter().any(|f| f.name.ends_with(n)));
    complaints.extend(superfluous.map(|e| format!("no such file: {e:?}")));
    complaints.extend(again_complaints(&all));
    all.iter().flat_map(|c| &c.notes).for_each(|note| println!("{note}"));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Each flow with another number of segments sent again or out of order is in the list with both numbers, and no other.
fn again_complaints(all: &[Compared]) -> Vec<String> {
    let found = all.iter().flat_map(|c| c.again.iter().map(|(sender, n)| (&*c.name, sender, *n)));
    let mut listed = AGAIN_EXCEPTIONS.to_vec();
    let mut complaints = Vec::new();
    for (name, sender, [ours, tshark]) in found {
        let here = |(n, s, both, _): &AgainException| {
            name.ends_with(n) && sender == s && *both == [ours, tshark]
        };
        match listed.iter().position(here) {
            Some(place) => _ = listed.swap_remove(place),
            None => complaints.push(format!("{name}: {sender}: again {ours}, tshark {tshark}")),
        }
    }
    complaints.extend(listed.iter().map(|e| format!("no such difference: {e:?}")));
    complaints
}

/// What was compared in a capture, and how much of it differs.
#[derive(Clone, Copy, Default)]
struct Tally {
    compared: usize,
    different: usize,
}

struct Compared {
    name: String,
    tallies: BTreeMap<&'static str, Tally>,
    notes: Vec<String>,
    /// Senders of whom another number of segments was sent again or out of order, and both numbers.
    again: Vec<(String, [u64; 2])>,
}

impl Compared {
    fn check(&mut self, check: &'static str, what: impl FnOnce() -> String, [o, t]: [u64; 2]) {
        self.judge(check, o == t, || format!("{}: {o}, tshark {t}", what()));
    }

    fn judge(&mut self, check: &'static str, same: bool, note: impl FnOnce() -> String) {
        let tally = self.tallies.entry(check).or_default();
        tally.compared += 1;
        if !same {
            tally.different += 1;
            self.notes.push(format!("{}: {check}: {}", self.name, note()));
        }
    }
}

fn compare(file: &CorpusFile) -> Compared {
    let (name, tallies) = (file.name.clone(), BTreeMap::new());
    let mut compared = Compared { name, tallies, notes: Vec::new(), again: Vec::new() };
    let (ours, theirs) = (ours(&file.path), theirs(&file.oracle()));
    // Each use of each pair of ends; so that one stream more does not make all behind it differ.
    let (mut by_ends, mut uses) = (BTreeMap::new(), BTreeMap::new());
    for (seen, side) in ours.iter().map(|s| (s, 0)).chain(theirs.iter().map(|s| (s, 1))) {
        let mut ends = seen.ends;
        ends.sort_unstable();
        let nth = uses.entry((ends, side)).or_insert(0);
        by_ends.entry((ends, *nth)).or_insert([None; 2])[side] = Some(seen);
        *nth += 1;
    }
    for ((ends, nth), both) in by_ends {
        let stream = format!("{} ↔ {}, use {nth}", ends[0], ends[1]);
        let [Some(o), Some(t)] = both else {
            compared.check(STREAMS, || stream, both.map(|b| u64::from(b.is_some())));
            continue;
        };
        compared.check(STREAMS, || stream.clone(), [1, 1]);
        for end in 0..2 {
            let t_sent = t.sent[end];
            let o_sent = o.sent[if o.ends[0] == t.ends[0] { end } else { 1 - end }];
            let sender = t.ends[end].to_string();
            compare_flows(&mut compared, &format!("{stream}, from {sender}"), [o_sent, t_sent]);
            if o_sent.again != t_sent.again {
                compared.again.push((sender, [o_sent.again, t_sent.again]));
            }
        }
    }
    let in_order =
        |all: &[Seen]| all.iter().map(|s| s.ends.iter().min().copied()).collect::<Vec<_>>();
    if !theirs.is_empty() {
        let whole = || "the file".to_owned();
        let sum = |of: fn(&Sent) -> u64| {
            [&ours, &theirs].map(|all| all.iter().flat_map(|s| &s.sent).map(of).sum::<u64>())
        };
        let same = in_order(&ours) == in_order(&theirs);
        compared.judge(NUMBERS, same, || "another order".into());
        compared.check(ZERO_WINDOWS, whole, sum(|s| s.zero_windows));
        compared.check(KEEP_ALIVES, whole, sum(|s| s.keep_alives));
        let [o, t] = sum(|s| s.again);
        compared.judge(AGAIN, o.abs_diff(t) * 100 <= t, || format!("{o}, tshark {t}"));
    }
    compared
}

fn compare_flows(compared: &mut Compared, flow: &str, both: [Sent; 2]) {
    let mut check = |check, of: fn(Sent) -> u64| {
        compared.check(check, || flow.to_owned(), both.map(of));
    };
    check(PACKETS, |s| s.packets);
    check(SYNS, |s| s.syns);
    check(FINS, |s| s.fins);
    check(RSTS, |s| s.rsts);
    let [o, t] = both;
    if t.cut == 0 && o.bytes + t.bytes > 0 {
        check(BYTES, |s| s.bytes);
    }
    if o.again + t.again > 0 {
        check(AGAIN_EACH, |s| s.again);
    }
}

/// The file as the analysis reads it.
fn ours(file: &Path) -> Vec<Seen> {
    let Ok(mut capture) = CaptureFile::open(file, 0) else { return Vec::new() };
    let (mut decoder, mut tracker) = (Decoder::new(), Tracker::new());
    // Copies by the capture are packets to tshark. By connection and sender, as originators are known only at the end.
    let mut copied: BTreeMap<(usize, Endpoint), Sent> = BTreeMap::new();
    // What the parser makes of broken files is not the matter here.
    while let Ok(Some(r)) = capture.next_record() {
        match decoder.decode(r.link_type, r.data, r.original_len, r.timestamp) {
            Decoded::Tcp(packet) => {
                let judged = tracker.push(r.frame, r.timestamp, &packet);
                if judged.class == SegmentClass::Copy {
                    let sent = copied.entry((judged.connection, packet.src)).or_default();
                    let has = |flag| u64::from(packet.segment.flags.contains(flag));
                    sent.syns += has(TcpFlags::SYN);
                    sent.fins += has(TcpFlags::FIN);
                    sent.rsts += has(TcpFlags::RST);
                    sent.again += u64::from(packet.segment.seq_len() > 0);
                }
            }
            Decoded::IcmpError(error) => tracker.push_icmp(r.frame, r.timestamp, &error),
            _ => {}
        }
    }
    let connections = tracker.finish();
    let seen = connections.iter().enumerate().map(|(index, c)| {
        let ends = [c.orig, c.resp];
        let sent = Direction::BOTH.map(|direction| {
            let end = ends[direction as usize];
            // Once, where both ends are the same.
            let copied = copied.remove(&(index, end)).unwrap_or_default();
            let flow = c.flow(direction);
            Sent {
                packets: flow.packets,
                syns: u64::from(flow.syns) + copied.syns,
                fins: u64::from(flow.fins) + copied.fins,
                rsts: u64::from(flow.rsts) + copied.rsts,
                bytes: flow.bytes,
                again: again(flow) + copied.again,
                zero_windows: flow.zero_windows.into(),
                keep_alives: flow.keep_alives.into(),
                cut: 0,
            }
        });
        Seen { ends, sent }
    });
    seen.collect()
}

/// What of a flow tshark would call sent again or out of order, copies by the capture included: each segment that takes
/// sequence space and begins below the highest sequence number its sender has named, in an acknowledgement without
/// payload too. Keep-alives and zero-window probes are neither.
fn again(flow: &Flow) -> u64 {
    u64::from(flow.retransmits) + u64::from(flow.out_of_order) + u64::from(flow.overlaps)
}

fn theirs(oracle: &Value) -> Vec<Seen> {
    let streams = oracle["streams"].as_array().expect("streams");
    // A stream of which only ICMP errors tell is none here.
    let sent = streams.iter().map(|stream| Seen {
        ends: ["a", "b"].map(|side| {
            let [address, port] = [0, 1].map(|i| stream[side][i].as_str().unwrap());
            Endpoint::new(address.parse::<IpAddr>().unwrap(), port.parse().unwrap())
        }),
        sent: [0, 1].map(|side| {
            let flow = &stream["dir"][side];
            let number = |value: &Value| value.as_u64().unwrap_or_default();
            let analysed = |what: &str| number(&flow["analysis"][what]);
            Sent {
                packets: number(&flow["packets"]),
                syns: number(&flow["syn"]),
                fins: number(&flow["fin"]),
                rsts: number(&flow["rst"]),
                bytes: number(&flow["unique_bytes"]),
                again: AGAIN_COUNTERS.iter().map(|what| analysed(what)).sum(),
                zero_windows: analysed("zero_window"),
                keep_alives: analysed("keep_alive"),
                cut: number(&flow["cut_frames"]),
            }
        }),
    });
    sent.filter(|s| s.sent.iter().any(|sent| sent.packets > 0)).collect()
}

/// Fast and spurious retransmissions have the field of plain ones as well.
const AGAIN_COUNTERS: [&str; 2] = ["retransmission", "out_of_order"];

const STREAMS: &str = "streams";
const NUMBERS: &str = "stream numbers, files";
const PACKETS: &str = "packets";
const SYNS: &str = "SYNs";
const FINS: &str = "FINs";
const RSTS: &str = "RSTs";
const BYTES: &str = "distinct bytes";
const ZERO_WINDOWS: &str = "zero windows, files";
const KEEP_ALIVES: &str = "keep-alives, files";
const AGAIN: &str = "sent again or out of order, files";
const AGAIN_EACH: &str = "sent again or out of order, flows";

/// Of what is compared, how many per cent must be the same, and whether each file with a difference is named below.
const GOALS: &[(&str, f64, bool)] = &[
    (STREAMS, 99.5, true),
    (NUMBERS, 98.0, true),
    (PACKETS, 99.9, true),
    (SYNS, 100.0, true),
    (FINS, 99.9, true),
    (RSTS, 100.0, true),
    (BYTES, 99.5, true),
    (ZERO_WINDOWS, 99.5, true),
    (KEEP_ALIVES, 98.0, true),
    // The list of flows has them.
    (AGAIN, 97.0, false),
    (AGAIN_EACH, 98.0, false),
];

/// A file, what is compared, how much of it differs, and why.
type Exception = (&'static str, &'static str, usize, &'static str);

const BAD_OFFSET: &str = "the header's length contradicts the packet's: no packet of the flow here";
const VNC: &str = "tshark's dissector of VNC begins another stream in the middle of one";
const SIX_IN_FOUR: &str = "6in4: the oracle has the ports inside with the addresses outside";
const ALL_FLAGS: &str = "tshark counts SYN and FIN of a damaged segment with all flags";
const RESET: &str = "what a RST carries is a message here, not stream data";
const PROBES: &str = "what lies one byte below a window probe counts as a keep-alive here";
const NO_ACK: &str = "what has no ACK announces no window here";

/// A file, a sender in it, how many of its segments were sent again or out of order for us and for tshark, and why.
type AgainException = (&'static str, &'static str, [u64; 2], &'static str);

const PROBE_BYTE: &str = "a segment of which a window probe had shown the first byte overlaps it here; tshark passes over \
    what is in a probe";
const ISNS: &str = "two SYN-ACKs with other numbers: the second is an answer once more here, and what follows goes by the \
    one that the client took; tshark goes by the last one, so that the second is new, and the data below it sent again";
const ACK_FIRST: &str = "the capture has the acknowledgement before the data: another tap, or merged out of order. New \
    here, as nothing says that it was sent before; spurious for tshark";
const CIP: &str = "two taps: the acknowledgement is captured before the first of the two copies of the data, which is new \
    here and spurious for tshark";
const LATE_SYN: &str = "the SYN itself is captured last, once only; tshark goes by its number";
const FIN_AT_SYN: &str =
    "the first of two FINs with the sequence number of the SYN is the first FIN here";
const FUZZED: &str =
    "damaged numbers: tshark goes by an ACK 524,288 ahead, which is beyond the window";

/// Flows where the two differ in how many segments were sent again or out of order.
const AGAIN_EXCEPTIONS: &[AgainException] = &[
    ("tests/http-mime-truncated/input.pcap", "194.32.78.251:80", [5, 0], PROBE_BYTE),
    ("tests/tcp-fastopen-10-syn-data-ignore/input.pcap", "17.253.144.10:443", [8, 7], ISNS),
    ("pcap/KakaoTalk_chat.pcap", "173.252.97.2:443", [1, 8], ISNS),
    ("pcap/KakaoTalk_talk.pcap", "203.205.147.215:80", [1, 2], ISNS),
    ("layers/testdata/cip.pcap", "54.175.48.202:80", [18, 17], ISNS),
    ("layers/testdata/cip.pcap", "10.200.1.18:2430", [5_442, 5_476], CIP),
    ("layers/testdata/cip.pcap", "10.50.1.54:44818", [5_384, 5_421], CIP),
    ("Traces/ipv6-http-atomic-frag.pcap", "[2001:db8:1::2]:36951", [0, 1], ACK_FIRST),
    ("tests/pcap/tcp-reassembly-synthetic.pcap", "10.180.156.1:40009", [0, 1], LATE_SYN),
    ("Traces/tcp/fin_retransmission.pcap", "10.1.30.117:55344", [1, 2], FIN_AT_SYN),
    ("pcap/fuzz-2006-09-29-28586.pcap", "172.20.3.5:80", [3, 4], FUZZED),
];

/// Files where the two differ, except in what is sent again.
const EXCEPTIONS: &[Exception] = &[
    ("pcap/kerberos_fuzz.pcapng", STREAMS, 1, BAD_OFFSET),
    ("pcap/kerberos_fuzz.pcapng", NUMBERS, 1, BAD_OFFSET),
    ("pcap/fuzz-2006-09-29-28586.pcap", STREAMS, 2, BAD_OFFSET),
    ("pcap/fuzz-2006-09-29-28586.pcap", NUMBERS, 1, BAD_OFFSET),
    ("pcap/fuzz-2006-09-29-28586.pcap", PACKETS, 2, BAD_OFFSET),
    ("pcap/fuzz-2006-09-29-28586.pcap", FINS, 2, BAD_OFFSET),
    ("transform-base64-7296/input.pcap", STREAMS, 1, BAD_OFFSET),
    ("transform-base64-7296/input.pcap", NUMBERS, 1, BAD_OFFSET),
    ("transform-base64-7296/input.pcap", KEEP_ALIVES, 1, ALL_FLAGS),
    ("pcap/vnc.pcap", STREAMS, 2, VNC),
    ("pcap/vnc.pcap", NUMBERS, 1, VNC),
    ("pcap/vnc.pcap", PACKETS, 4, VNC),
    ("pcap/vnc.pcap", FINS, 2, VNC),
    ("pcap/vnc.pcap", BYTES, 4, VNC),
    ("data/nb6-http.pcap", STREAMS, 2, SIX_IN_FOUR),
    ("data/nb6-http.pcap", NUMBERS, 1, SIX_IN_FOUR),
    ("filter/arcnet-rfc1201-arp-icmp-http.pcap", STREAMS, 1, "ARCNET is not decoded"),
    ("filter/arcnet-rfc1201-arp-icmp-http.pcap", NUMBERS, 1, "ARCNET is not decoded"),
    ("tests/bigtcp-ipv6.pcap", STREAMS, 1, "a length of 0 is that of offloaded segments"),
    ("tcp-rst-unacked-stream-01-raw/input.pcap", BYTES, 1, RESET),
    ("bug-6244-tcp-rst-with-data/tcp-rst-with-data.pcap", BYTES, 1, RESET),
    ("bug-6244-tcp-rst-with-data-02/tcp-rst-with-data.pcap", BYTES, 1, RESET),
    ("pcap4j/core/udp_tcp_icmp.pcap", BYTES, 1, RESET),
    ("src/test/resources/TcpPacketTest.pcap", BYTES, 1, RESET),
    ("tests/tcp_rst_diag_payload.pcap", BYTES, 1, RESET),
    ("PacketExamples/CiscoHDLC.pcap", ZERO_WINDOWS, 1, NO_ACK),
    ("input/urgent.dmp.gz", KEEP_ALIVES, 1, PROBES),
    ("input/zwnd.dmp.gz", KEEP_ALIVES, 1, PROBES),
];
