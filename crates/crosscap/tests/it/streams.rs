//! Reassembled streams against `tshark -z follow`, over third-party captures that are not part of the repository:
//! skipped where they are absent.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use crosscap::packet::{Decoded, Decoder, Endpoint, TcpFlags};
use crosscap::parser::CaptureFile;
use crosscap::reassembly::{Assembly, Extent, OnGap, OverlapPolicy, Sighting, Stream, Tracker};
use crosscap_testkit::{CorpusFile, map_corpus};
use sha2::{Digest, Sha256};

#[test]
fn streams_are_those_of_tshark() {
    let all = map_corpus(compare);
    if all.is_empty() {
        return;
    }
    let [streams, different] = [|c: &Compared| c.streams, |c: &Compared| c.different]
        .map(|n| all.iter().map(n).sum::<usize>());
    println!("{} files, {streams} streams, {different} of them differ", all.len());
    let mut complaints: Vec<String> = all.iter().filter_map(|c| c.complaint.clone()).collect();
    // A listed file that does not differ has complained itself.
    let superfluous = EXCEPTIONS.iter().filter(|(n, ..)| !all.iter().any(|c| c.name.ends_with(n)));
    complaints.extend(superfluous.map(|e| format!("no such file: {e:?}")));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(different * 100 <= streams, "{different} of {streams} differ");
}

struct Compared {
    name: String,
    /// With data, and not cut by a snap length.
    streams: usize,
    different: usize,
    complaint: Option<String>,
}

/// Length and digest of what was captured of a stream.
type Content = (u64, String);

fn compare(file: &CorpusFile) -> Compared {
    let (name, oracle) = (&file.name, file.oracle());
    let mut ours = ours(&file.path);
    let (mut streams, mut differences) = (0, Vec::new());
    let mut seen = BTreeMap::<_, usize>::new();
    for stream in oracle["streams"].as_array().unwrap() {
        let [a, b] = ["a", "b"].map(|side| {
            let [address, port] = [0, 1].map(|i| stream[side][i].as_str().unwrap());
            Endpoint::new(address.parse::<IpAddr>().unwrap(), port.parse().unwrap())
        });
        let nth = seen.entry((a.min(b), a.max(b))).or_default();
        *nth += 1;
        let follow = &stream["follow"];
        if follow.is_null() {
            continue;
        }
        let swapped = !follow["node0_is_a"].as_bool().unwrap();
        for (side, src, dst) in [(0, a, b), (1, b, a)] {
            let theirs = &follow["dir"][side ^ usize::from(swapped)];
            let bytes = theirs["bytes"].as_u64().unwrap();
            let ours = ours.remove(&(src, dst, *nth)).unwrap_or_default();
            let is_cut = stream["dir"][side]["cut_frames"].as_u64().unwrap() > 0;
            if is_cut || (bytes == 0 && ours.0 == 0) {
                continue;
            }
            streams += 1;
            let digest = theirs["sha256"].as_str().unwrap_or_default();
            if (ours.0, ours.1.as_str()) != (bytes, digest) {
                differences.push(format!("{src} → {dst} {nth}: {}, tshark {bytes}", ours.0));
            }
        }
    }
    let exception = EXCEPTIONS.iter().find(|(n, ..)| name.ends_with(n));
    let fine = exception.map_or(0, |(_, n, _)| *n) == differences.len();
    let complaint = (!fine).then(|| {
        let (n, all) = (differences.len(), differences.join("\n    "));
        format!("{name}: {n}, {exception:?}\n    {all}")
    });
    if exception.is_some_and(|(_, _, why)| UNPAIRED.contains(why)) {
        streams -= differences.len();
        differences.clear();
    }
    Compared { name: name.clone(), streams, different: differences.len(), complaint }
}

/// By sender, receiver, and how many connections there were between them so far.
fn ours(file: &Path) -> BTreeMap<(Endpoint, Endpoint, usize), Content> {
    // What the parser makes of broken files is not the matter here.
    let Ok(mut capture) = CaptureFile::open(file, 0) else { return BTreeMap::new() };
    let (mut decoder, mut tracker) = (Decoder::new(), Tracker::new());
    let mut flows: Vec<[(Endpoint, Assembly<Extent>); 2]> = Vec::new();
    // The payload of the whole file.
    let mut store = Vec::new();
    while let Ok(Some(r)) = capture.next_record() {
        let decoded = decoder.decode(r.link_type, r.data, r.original_len, r.timestamp);
        let Decoded::Tcp(packet) = decoded else { continue };
        let connection = tracker.push(r.frame, r.timestamp, &packet).connection;
        if connection == flows.len() {
            flows.push([packet.src, packet.dst].map(|end| (end, Assembly::new())));
        }
        let [one, other] = &mut flows[connection];
        let (flow, peer) = if one.0 == packet.src { (one, other) } else { (other, one) };
        let extent = Extent { position: store.len() as u64, len: packet.payload.len() as u32 };
        store.extend_from_slice(packet.payload);
        let segment = packet.segment;
        flow.1.push(&Sighting { time: r.timestamp, frame: r.frame, segment }, extent);
        if segment.flags.contains(TcpFlags::ACK) && !segment.flags.contains(TcpFlags::RST) {
            peer.1.acked(segment.ack);
        }
    }
    let mut contents = BTreeMap::new();
    let mut seen = BTreeMap::<_, usize>::new();
    for [(a, one), (b, other)] in flows {
        let nth = seen.entry((a.min(b), a.max(b))).or_default();
        *nth += 1;
        for (src, dst, assembly) in [(a, b, one), (b, a, other)] {
            let stream = assembly.finish(OverlapPolicy::First);
            contents.insert((src, dst, *nth), content(&stream, &store));
        }
    }
    contents
}

fn content(stream: &Stream<Extent>, store: &[u8]) -> Content {
    let fetch = |extent: Extent, _, buffer: &mut [u8]| {
        buffer.copy_from_slice(&store[extent.position as usize..][..buffer.len()]);
        Ok(())
    };
    let mut bytes = Vec::new();
    stream.reader_with(OnGap::Skip, fetch).read_to_end(&mut bytes).unwrap();
    assert_eq!(stream.captured(), bytes.len() as u64);
    let digest = Sha256::digest(&bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    (stream.captured(), digest)
}

const RESET: &str = "what a RST carries is no stream data here";
const HOLE: &str = "follow stops at a hole that the peer never acknowledged";
const PROBE: &str = "one byte without PSH, first of all packets: a keep-alive probe here";
const TWO_ISNS: &str = "two SYN-ACKs, the data fits the first: follow takes the second";
const DAMAGED: &str = "fuzzed headers: follow takes damaged numbers for those of the stream";

const TWO_STREAMS: &str = "follow makes two streams of each of two connections";
const SAME_ENDS: &str = "both ends are the same";
const OUTSIDE: &str = "6in4: the oracle has the ports inside with the addresses outside";

/// Nothing is known of the bytes: what one calls a stream is none for the other.
const UNPAIRED: [&str; 3] = [TWO_STREAMS, SAME_ENDS, OUTSIDE];

/// Files where the two differ, in how many streams, and why.
const EXCEPTIONS: &[(&str, usize, &str)] = &[
    ("tests/tcp-rst-unacked-stream-01-raw/input.pcap", 1, RESET),
    ("tests/bug-6244-tcp-rst-with-data/tcp-rst-with-data.pcap", 1, RESET),
    ("tests/bug-6244-tcp-rst-with-data-02/tcp-rst-with-data.pcap", 1, RESET),
    ("tests/tcp_rst_diag_payload.pcap", 1, RESET),
    ("org/pcap4j/core/udp_tcp_icmp.pcap", 1, RESET),
    ("pcap4j-packettest/src/test/resources/TcpPacketTest.pcap", 1, RESET),
    ("tests/tcp-rst-unacked-stream-07-http/input.pcap", 1, HOLE),
    ("tests/tcp-protodetect-bailout/input.pcap", 1, HOLE),
    ("input/bad_tcp_checksum.dmp.gz", 1, HOLE),
    ("captures/tls-fragmented-handshakes.pcap.gz", 2, PROBE),
    ("captures/grpc_web.pcapng.gz", 2, PROBE),
    ("pcap/ssh2.pcapng", 1, PROBE),
    ("pcap/KakaoTalk_chat.pcap", 1, TWO_ISNS),
    ("pcap/KakaoTalk_talk.pcap", 1, TWO_ISNS),
    ("pcap/fuzz-2006-09-29-28586.pcap", 2, DAMAGED),
    ("tests/transform-base64-7296/input.pcap", 1, DAMAGED),
    ("pcap/vnc.pcap", 8, TWO_STREAMS),
    ("captures/cose_encrypt0_tagged.pcap", 1, SAME_ENDS),
    ("data/nb6-http.pcap", 2, OUTSIDE),
];
