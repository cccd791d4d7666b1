//! Bad input: each row of the table in the project's reliability notes that concerns links and networks.

use crosscap_packet::{Decoded, Decoder, DefragStats, LinkType, NotTcp, TcpPacket, Timestamp};
use crosscap_testkit::{TcpFrame, hostile_frames};

/// What the frames gave: the last one as it was, and what became of fragments.
#[derive(Debug)]
struct Outcome {
    packet: Option<(String, u32, Vec<u8>, usize)>,
    why: Option<NotTcp>,
    fragments: DefragStats,
}

fn outcome(name: &str) -> Outcome {
    let all = hostile_frames();
    let hostile = all.iter().find(|h| h.name == name).unwrap_or_else(|| panic!("no {name}"));
    let mut decoder = Decoder::new();
    let mut outcome = Outcome { packet: None, why: None, fragments: DefragStats::default() };
    for frame in &hostile.frames {
        let link_type = LinkType(hostile.link_type);
        (outcome.packet, outcome.why) =
            match decoder.decode(link_type, frame, frame.len() as u32, Timestamp(0)) {
                Decoded::Tcp(packet) => (Some(summary(&packet)), None),
                Decoded::NotTcp(why) => (None, Some(why)),
                _ => (None, None),
            };
    }
    outcome.fragments = decoder.defragmenter().stats();
    outcome
}

fn summary(p: &TcpPacket<'_>) -> (String, u32, Vec<u8>, usize) {
    (
        format!("{} {}", p.src, p.dst),
        p.segment.payload_len,
        p.payload.to_vec(),
        p.options.iter().count(),
    )
}

fn payload() -> Vec<u8> {
    TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").seq(7).payload_len(64).payload
}

/// The packet that all is about, with so many options.
#[track_caller]
fn is_whole(outcome: &Outcome, options: usize) {
    let ends = "10.1.0.2:40422 10.96.0.10:80".to_owned();
    assert_eq!(outcome.packet, Some((ends, 64, payload(), options)), "{outcome:?}");
}

#[test]
fn headers_without_end() {
    for name in [
        "300-vlan-tags",
        "300-mpls-labels",
        "300-backbone-tags",
        "300-ip-in-ip",
        "300-gre",
        "200-ipv6-extension-headers",
    ] {
        assert_eq!(outcome(name).why, Some(NotTcp::Malformed), "{name}");
    }
    assert_eq!(outcome("gtp-extension-of-no-length").why, Some(NotTcp::OtherProtocol(17)));
}

#[test]
fn teardrop() {
    // The last fragment says where the datagram ends, and it is one of 28 bytes.
    let outcome = outcome("teardrop");
    let (_, len, bytes, _) = outcome.packet.unwrap();
    assert_eq!((len, &bytes[..]), (8, &payload()[..8]));
    assert_eq!((outcome.fragments.overlaps, outcome.fragments.reassembled), (1, 1));
}

#[test]
fn ping_of_death() {
    let outcome = outcome("ping-of-death");
    assert_eq!((outcome.packet, outcome.why), (None, None));
    assert_eq!((outcome.fragments.rejected, outcome.fragments.incomplete), (1, 1));
}

#[test]
fn overlapping_fragments_with_other_data() {
    // What came first counts.
    let outcome = outcome("overlapping-fragments-with-other-data");
    let mut expected = payload();
    expected[20..36].fill(0xee);
    assert_eq!(outcome.packet.unwrap().2, expected);
    assert_eq!(outcome.fragments.overlaps, 1);
}

#[test]
fn a_repeated_fragment_is_no_overlap() {
    let outcome = outcome("fragment-repeated");
    is_whole(&outcome, 0);
    assert_eq!((outcome.fragments.overlaps, outcome.fragments.reassembled), (0, 1));
}

#[test]
fn of_two_last_fragments_the_first_counts() {
    let outcome = outcome("two-last-fragments");
    let (_, len, bytes, _) = outcome.packet.unwrap();
    assert_eq!((len, &bytes[..]), (44, &payload()[..44]));
    assert!(outcome.fragments.overlaps > 0);
}

#[test]
fn ipv4_total_length_0_is_the_captured_length() {
    is_whole(&outcome("ipv4-total-length-0"), 0);
}

#[test]
fn lengths_that_cannot_be() {
    for name in
        ["ipv4-header-length-4", "ipv4-total-length-below-header", "tcp-offset-4", "tcp-offset-15"]
    {
        assert_eq!(outcome(name).why, Some(NotTcp::Malformed), "{name}");
    }
}

#[test]
fn lying_options_end_the_walk() {
    for name in ["tcp-option-length-0", "tcp-bad-sack-length"] {
        is_whole(&outcome(name), 1);
    }
}

#[test]
fn land() {
    let (ends, ..) = outcome("land").packet.unwrap();
    assert_eq!(ends, "10.96.0.10:80 10.96.0.10:80");
}

#[test]
fn unknown_link_type() {
    assert_eq!(outcome("unknown-link-type").why, Some(NotTcp::UnknownLinkType));
}
