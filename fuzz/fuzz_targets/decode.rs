//! Decodes one packet: link type (2 bytes), bytes not captured (2 bytes), data.

#![no_main]

use crosscap_fuzz::{seeds, start};
use crosscap_packet::{Decoded, LinkType, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: start(seeds::decode), |data: &[u8]| {
    let Some((&[t0, t1, m0, m1], data)) = data.split_first_chunk() else { return };
    let link_type = LinkType(u16::from_be_bytes([t0, t1]));
    let missing = u16::from_be_bytes([m0, m1]);
    // Some writers leave the length on the wire 0.
    let original_len =
        if missing == u16::MAX { 0 } else { data.len() as u32 + u32::from(missing) };

    let decoded = decode(link_type, data, original_len);
    assert_eq!(decode(link_type, data, original_len), decoded, "the same again");
    let Decoded::Tcp(packet) = decoded else { return };

    let on_wire = original_len.max(data.len() as u32);
    assert!(is_inside(packet.payload, data), "the payload lies in the data");
    assert!(packet.payload.len() <= packet.segment.payload_len as usize);
    assert!(packet.segment.payload_len < on_wire);
    assert!(packet.options.iter().count() <= 40, "a bounded walk");
    assert_eq!(packet.options.timestamps(), packet.segment.timestamps);
    // What a shorter snap length leaves says the same, or nothing.
    for len in (0..data.len()).rev().take(200) {
        if let Decoded::Tcp(cut) = decode(link_type, &data[..len], on_wire) {
            let segment = crosscap_packet::Segment {
                timestamps: packet.segment.timestamps,
                ..cut.segment
            };
            assert_eq!((cut.src, cut.dst, segment), (packet.src, packet.dst, packet.segment));
            assert!(packet.payload.starts_with(cut.payload));
        }
    }
});

fn is_inside(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.start == part.end || (whole.start <= part.start && part.end <= whole.end)
}
