//! Decodes one packet: link type (2 bytes), bytes not captured (2 bytes), data.

#![no_main]

use crosscap_fuzz::{seeds, start};
use crosscap_packet::{Decoded, LinkType, OptionSummary, Segment, TcpPacket, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: start(seeds::decode), |data: &[u8]| {
    let Some((&[t0, t1, m0, m1], data)) = data.split_first_chunk() else { return };
    let link_type = LinkType(u16::from_be_bytes([t0, t1]));
    let missing = u16::from_be_bytes([m0, m1]);
    // Some writers leave the length on the wire 0.
    let original_len =
        if missing == u16::MAX { 0 } else { data.len() as u32 + u32::from(missing) };
    let on_wire = original_len.max(data.len() as u32);

    let decoded = decode(link_type, data, original_len);
    assert_eq!(decode(link_type, data, original_len), decoded, "the same again");
    match decoded {
        Decoded::Tcp(packet) => check_segment(&packet, data, on_wire),
        Decoded::Fragment(fragment) => {
            assert!(is_inside(fragment.data, data));
            assert!(fragment.data.len() <= fragment.len as usize && fragment.len < on_wire);
            assert!(fragment.more || fragment.offset > 0, "a fragment, not a whole datagram");
            assert_eq!(fragment.src.is_ipv4(), fragment.dst.is_ipv4());
        }
        Decoded::IcmpError(error) => {
            assert_eq!(error.from.is_ipv4(), error.to.is_ipv4());
            assert_eq!(error.src.addr.is_ipv4(), error.dst.addr.is_ipv4());
        }
        _ => {}
    }
    // What a shorter snap length leaves says the same, or nothing.
    for len in (0..data.len()).rev().take(CUTS) {
        match (decoded, decode(link_type, &data[..len], on_wire)) {
            (_, Decoded::NotTcp(_)) => {}
            (Decoded::Tcp(packet), Decoded::Tcp(cut)) => {
                assert!(packet.payload.starts_with(cut.payload));
                // Options may be cut; that there are some is known.
                let Segment { timestamps, options, .. } = packet.segment;
                let absent = OptionSummary::Absent;
                assert!(cut.segment.options == options || cut.segment.options == OptionSummary::Other);
                assert_eq!(cut.segment.options == absent, options == absent);
                let segment = Segment { timestamps, options, ..cut.segment };
                let (options, payload) = (packet.options, packet.payload);
                assert_eq!(TcpPacket { segment, options, payload, ..cut }, packet);
            }
            (Decoded::Fragment(fragment), Decoded::Fragment(mut cut)) => {
                assert!(fragment.data.starts_with(cut.data));
                cut.data = fragment.data;
                assert_eq!(cut, fragment);
            }
            (decoded, cut) => assert_eq!(cut, decoded, "cut to {len}"),
        }
    }
});

fn check_segment(packet: &TcpPacket<'_>, data: &[u8], on_wire: u32) {
    assert!(is_inside(packet.payload, data), "the payload lies in the data");
    assert!(packet.payload.len() <= packet.segment.payload_len as usize);
    assert!(packet.segment.payload_len < on_wire);
    assert!(packet.options.iter().count() <= 40, "a bounded walk");
    assert_eq!(packet.options.timestamps(), packet.segment.timestamps);
    assert_eq!(packet.src.addr.is_ipv4(), packet.dst.addr.is_ipv4());
    if let Some(tunnel) = packet.tunnel {
        assert!((1..=4).contains(&tunnel.layers));
    }
}

fn is_inside(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || (whole.start <= part.start && part.end <= whole.end)
}

const CUTS: usize = 100;
