//! Against tshark 4.0.17, over third-party captures that are not part of the repository: skipped where they are absent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use crosscap_packet::{Decoded, Decoder, Endpoint};
use crosscap_parser::CaptureFile;
use crosscap_testkit::{CorpusFile, map_corpus};
use serde_json::Value;

/// What of TCP a capture holds: packets from one end to another, and how often ICMP errors quote such.
#[derive(Default)]
struct Flows {
    packets: BTreeMap<(Endpoint, Endpoint), u64>,
    quoted: u64,
}

#[test]
fn tcp_packets_are_those_of_tshark() {
    let all = map_corpus(compare);
    let flows: usize = all.iter().map(|c| c.flows).sum();
    let different: usize = all.iter().map(|c| c.different).sum();
    println!("{} files, {flows} flows, {different} of them differ", all.len());
    let complaints: Vec<&str> = all.iter().filter_map(|c| c.complaint.as_deref()).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(different * 200 <= flows, "{different} of {flows} flows differ");
}

struct Compared {
    flows: usize,
    different: usize,
    complaint: Option<String>,
}

fn compare(file: &CorpusFile) -> Compared {
    let name = &file.name;
    let (ours, theirs) = (ours(&file.path), theirs(&file.oracle()));
    let flows: BTreeSet<_> = ours.packets.keys().chain(theirs.packets.keys()).collect();
    let mut differences = Vec::new();
    for flow in &flows {
        let [o, t] = [&ours, &theirs].map(|all| all.packets.get(flow).copied().unwrap_or_default());
        if o != t {
            differences.push(format!("{} → {}: {o}, tshark {t}", flow.0, flow.1));
        }
    }
    if ours.quoted != theirs.quoted {
        differences.push(format!("quoted: {}, tshark {}", ours.quoted, theirs.quoted));
    }
    let different = differences.len();
    let exception = EXCEPTIONS.iter().find(|(n, ..)| name.ends_with(n));
    let fine = exception.map_or(0, |(_, n, _)| *n) == different;
    let complaint =
        format!("{name}: {different}, {exception:?}\n    {}", differences.join("\n    "));
    Compared { flows: flows.len(), different, complaint: (!fine).then_some(complaint) }
}

fn ours(file: &Path) -> Flows {
    let mut flows = Flows::default();
    // What the parser makes of broken files is not the matter here.
    let Ok(mut capture) = CaptureFile::open(file, 0) else { return flows };
    let mut decoder = Decoder::new();
    while let Ok(Some(r)) = capture.next_record() {
        match decoder.decode(r.link_type, r.data, r.original_len, r.timestamp) {
            Decoded::Tcp(p) => *flows.packets.entry((p.src, p.dst)).or_default() += 1,
            Decoded::IcmpError(_) => flows.quoted += 1,
            _ => {}
        }
    }
    flows
}

fn theirs(oracle: &Value) -> Flows {
    let mut flows = Flows::default();
    for stream in oracle["streams"].as_array().unwrap() {
        let end = |side: &str| {
            let [address, port] = [0, 1].map(|i| stream[side][i].as_str().unwrap());
            Endpoint::new(address.parse::<IpAddr>().unwrap(), port.parse().unwrap())
        };
        let (a, b) = (end("a"), end("b"));
        for (flow, side) in [((a, b), 0), ((b, a), 1)] {
            let packets = stream["dir"][side]["packets"].as_u64().unwrap();
            if packets > 0 {
                *flows.packets.entry(flow).or_default() += packets;
            }
        }
        flows.quoted += stream["icmp_quoted"].as_u64().unwrap();
    }
    flows
}

const BAD_OFFSET: &str =
    "the header's length contradicts the packet's: not a packet of the flow here";

/// Files where the two differ, in how many flows, and why.
const EXCEPTIONS: &[(&str, usize, &str)] = &[
    ("pcap/kerberos_fuzz.pcapng", 1, BAD_OFFSET),
    ("pcap/fuzz-2006-09-29-28586.pcap", 2, BAD_OFFSET),
    ("transform-base64-7296/input.pcap", 1, BAD_OFFSET),
    ("tests/bigtcp-ipv6.pcap", 1, "a length of 0 is that of offloaded segments; tshark: malformed"),
    ("data/nb6-http.pcap", 4, "6in4: the oracle has the ports inside with the addresses outside"),
    ("pcap/alexa-app.pcapng", 1, "tshark takes 8 quoted bytes of TCP for malformed"),
    ("filter/arcnet-rfc1201-arp-icmp-http.pcap", 2, "ARCNET is not decoded"),
];
