//! The defragmenter against a model that keeps everything, and under floods.

use crosscap_testkit::{TcpFrame, Wire};
use proptest::prelude::*;

use super::*;
use crate::{Decoded, LinkType, decode};

fn packet(len: usize) -> Wire {
    let frame = TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").seq(7).ip_id(9);
    Wire::tcp(&frame.payload_len(len))
}

fn fragment(frame: &Wire) -> Fragment<'_> {
    match decode(LinkType::RAW, &frame.bytes, 0) {
        Decoded::Fragment(fragment) => fragment,
        other => panic!("{other:?}"),
    }
}

/// Gives the frames one after the other, a second apart; the last answer.
fn push_all<'a>(
    defragmenter: &mut Defragmenter,
    frames: impl IntoIterator<Item = &'a Wire>,
) -> Option<Datagram> {
    let mut last = None;
    for (i, frame) in frames.into_iter().enumerate() {
        last = defragmenter.push(&fragment(frame), Timestamp::from_parts(i as i64, 0));
    }
    last
}

#[test]
fn both_families_in_any_order() {
    let v6 = TcpFrame::new("[2001:db8::2]:40422", "[2001:db8::a]:80").seq(7).payload_len(1000);
    for packet in [packet(1000), Wire::tcp(&v6)] {
        let whole = decode(LinkType::RAW, &packet.bytes, 0);
        let Decoded::Tcp(expected) = whole else { panic!("{whole:?}") };
        let mut fragments = packet.fragments(9, 256);
        for _ in 0..2 {
            let datagram = push_all(&mut Defragmenter::new(), &fragments).unwrap();
            assert!(!datagram.overlapped());
            assert_eq!(datagram.decode(), Decoded::Tcp(expected));
            fragments.reverse();
        }
    }
}

#[test]
fn datagrams_of_other_ends_ids_protocols_and_tunnels_are_others() {
    let packet = packet(1000);
    let [first, second] = [0..512, 512..1020].map(|place| packet.fragment(9, place));
    let lower = |frame: &Wire| frame.clone().changed(0, &[0x45]);
    let mut defragmenter = Defragmenter::new();
    assert!(defragmenter.push(&fragment(&first), Timestamp(0)).is_none());
    for (at, to) in [(5, 8), (9, 17), (15, 3), (19, 11)] {
        let other = lower(&second).changed(at, &[to]);
        assert!(defragmenter.push(&fragment(&other), Timestamp(0)).is_none(), "{at}");
    }
    let tunnelled = second.ip("192.0.2.1", "192.0.2.2");
    assert!(defragmenter.push(&fragment(&tunnelled), Timestamp(0)).is_none());
    assert_eq!(defragmenter.stats().incomplete, 6);
    assert!(defragmenter.push(&fragment(&second), Timestamp(0)).is_some());
    assert_eq!(defragmenter.stats().incomplete, 5);
}

#[test]
fn fragments_cut_by_the_snap_length_keep_their_lengths() {
    let packet = packet(1000);
    let frames = packet.fragments(9, 512);
    let mut defragmenter = Defragmenter::new();
    let mut last = None;
    for frame in &frames {
        let len = frame.bytes.len() as u32;
        let Decoded::Fragment(cut) = decode(LinkType::RAW, &frame.bytes[..96], len) else {
            panic!("no fragment")
        };
        last = defragmenter.push(&cut, Timestamp(0));
    }
    let datagram = last.unwrap();
    let Decoded::Tcp(packet) = datagram.decode() else { panic!("no TCP") };
    // The first 76 bytes of the first fragment; nothing of what is behind the hole.
    assert_eq!((packet.segment.payload_len, packet.payload.len()), (1000, 56));
    assert_eq!(defragmenter.bytes(), 0);
}

#[test]
fn a_datagram_is_given_up_after_a_minute_of_the_capture() {
    let frames = packet(1000).fragments(9, 512);
    let [first, second] = [&frames[0], &frames[1]].map(fragment);
    let at = |seconds| Timestamp::from_parts(seconds, 0);
    let mut defragmenter = Defragmenter::new();
    assert!(defragmenter.push(&first, at(1000)).is_none());
    assert!(defragmenter.push(&second, at(1061)).is_none());
    // The second is young still, and a clock that steps back changes nothing.
    assert!(defragmenter.push(&first, at(1010)).is_some());
    assert_eq!((defragmenter.stats().incomplete, defragmenter.bytes()), (1, 0));

    // Behind one of a clock that was ahead, the same id does not join datagrams hours apart.
    let ahead = packet(1000).fragments(10, 512);
    defragmenter.push(&fragment(&ahead[0]), at(1 << 31));
    defragmenter.push(&first, at(2000));
    assert!(defragmenter.push(&second, at(9000)).is_none());
}

#[test]
fn what_overlaps_is_flagged_and_the_first_counts() {
    let packet = packet(80);
    let whole = packet.payload().bytes;
    let pieces = |data: &[(u16, bool, &[u8])]| -> Vec<Wire> {
        data.iter().map(|&(at, more, d)| packet.lying_fragment(9, at, more, d)).collect()
    };
    let other = [0xee; 100];
    // A later one in the middle, over two, under two, and one that has come before with other bytes.
    for (frames, changed) in [
        (
            pieces(&[(0, true, &whole[..48]), (24, true, &other[..8]), (48, false, &whole[48..])]),
            0..0,
        ),
        (
            pieces(&[(48, false, &whole[48..]), (24, true, &other[..40]), (0, true, &whole[..48])]),
            24..48,
        ),
        (
            pieces(&[(24, true, &other[..8]), (0, true, &whole[..48]), (48, false, &whole[48..])]),
            24..32,
        ),
        (
            pieces(&[(0, true, &whole[..48]), (0, true, &other[..48]), (48, false, &whole[48..])]),
            0..0,
        ),
        (
            pieces(&[(24, true, &other[..8]), (0, true, &whole[..96]), (96, false, &whole[96..])]),
            24..32,
        ),
    ] {
        let mut defragmenter = Defragmenter::new();
        let datagram = push_all(&mut defragmenter, &frames).unwrap();
        let mut expected = whole.clone();
        expected[changed].fill(0xee);
        assert_eq!(datagram.bytes, expected);
        assert!(datagram.overlapped());
        assert!((1..=2).contains(&defragmenter.stats().overlaps));
    }
}

#[test]
fn empty_fragments_and_those_beyond_the_end_of_ip_are_rejected() {
    let packet = packet(80);
    let mut defragmenter = Defragmenter::new();
    for (offset, len) in [(8, 0), (65_528, 8), (65_528, 1000), (64, 65_472)] {
        let frame = packet.lying_fragment(9, offset, true, &vec![0; len]);
        assert!(defragmenter.push(&fragment(&frame), Timestamp(0)).is_none());
    }
    assert_eq!(defragmenter.stats(), DefragStats { rejected: 4, ..DefragStats::default() });
    assert!(defragmenter.pending.is_empty());
}

#[test]
fn floods_cost_bounded_memory() {
    let limits = DefragLimits { bytes: 1 << 20, datagrams: 500, ..DefragLimits::default() };
    for (size, most) in [(8, 500), (16_000, 100)] {
        let mut defragmenter = Defragmenter::with_limits(limits);
        let frame = packet(100).lying_fragment(0, 8, true, &vec![1; size]);
        for id in 0..10_000_u16 {
            let frame = frame.clone().changed(4, &id.to_be_bytes());
            defragmenter.push(&fragment(&frame), Timestamp(0));
            assert!(defragmenter.bytes() <= limits.bytes);
            assert!(defragmenter.pending.len() <= most);
            assert_eq!(defragmenter.pending.len(), defragmenter.by_age.len());
        }
        let stats = defragmenter.stats();
        assert_eq!(stats.evicted + stats.incomplete, 10_000);
    }
}

#[test]
fn many_small_fragments_cost_no_more_than_their_bytes() {
    // 8,190 fragments of 8 bytes, from both ends to the middle; then the same again, cut to nothing and as one.
    let packet = packet(65_480);
    let whole = packet.payload().bytes;
    let mut defragmenter = Defragmenter::new();
    let places: Vec<u16> = (0..8_180_u16).map(|i| i * 8).collect();
    for &at in places.iter().step_by(2).chain(places.iter().rev().step_by(2)) {
        let data = &whole[usize::from(at)..usize::from(at) + 8];
        let frame = packet.lying_fragment(9, at, true, data);
        assert!(defragmenter.push(&fragment(&frame), Timestamp(0)).is_none());
    }
    assert_eq!(defragmenter.stats().overlaps, 0);
    // Neighbours are joined, or this would be twice as much.
    assert!(defragmenter.bytes() < 12 * whole.len());
    let last = packet.fragment(9, 65_440..whole.len());
    let datagram = defragmenter.push(&fragment(&last), Timestamp(0)).unwrap();
    assert_eq!(datagram.bytes, whole);
}

proptest! {
    /// However a datagram is cut, shuffled and repeated, it comes out as it was, and once.
    #[test]
    fn what_was_cut_is_put_together(
        len in 0usize..600, mut cuts in prop::collection::vec(1usize..75, 1..8), order in any::<u64>(),
        repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let packet = packet(len);
        let whole = packet.payload().bytes;
        cuts.iter_mut().for_each(|c| *c *= 8);
        cuts.retain(|c| *c < whole.len());
        cuts.extend([0, 8, whole.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let mut frames: Vec<Wire> =
            cuts.windows(2).map(|w| packet.fragment(9, w[0]..w[1])).collect();
        let distinct = frames.len();
        for repeat in repeats {
            frames.push(frames[repeat.index(distinct)].clone());
        }
        // Any order will do, so long as it is the same for the same seed.
        frames.sort_by_key(|f| {
            let mixed = |h: u64, b: &u8| h.rotate_left(5).wrapping_mul(order | 1) ^ u64::from(*b);
            f.bytes.iter().fold(order | 1, mixed)
        });

        let mut defragmenter = Defragmenter::new();
        let mut missing: std::collections::BTreeSet<_> = cuts.windows(2).map(|w| w[0]).collect();
        for frame in &frames {
            let fragment = fragment(frame);
            let complete = defragmenter.push(&fragment, Timestamp(0));
            missing.remove(&(fragment.offset as usize));
            prop_assert_eq!(complete.is_some(), missing.is_empty());
            if let Some(datagram) = complete {
                prop_assert_eq!(&datagram.bytes, &whole);
                prop_assert!(!datagram.overlapped());
                // What is repeated behind it begins another one.
                break;
            }
        }
        prop_assert_eq!(defragmenter.stats().reassembled, 1);
        prop_assert_eq!((defragmenter.stats().overlaps, defragmenter.bytes()), (0, 0));
    }

    /// Fragments that overlap as they like: what a model with one cell for each byte says.
    #[test]
    fn overlaps_are_those_of_a_model(
        places in prop::collection::vec((0u16..20, 1usize..90, any::<bool>(), any::<bool>()), 1..24),
    ) {
        let packet = packet(0);
        let mut defragmenter = Defragmenter::new();
        let (mut cells, mut len) = (vec![None; 256], None);
        for (i, &(at, n, more, odd)) in places.iter().enumerate() {
            let at = at * 8;
            let twist = if odd { i as u8 } else { 0 };
            let data: Vec<u8> = (0..n).map(|j| (usize::from(at) + j) as u8 ^ twist).collect();
            let frame = packet.lying_fragment(9, at, more, &data);
            let Decoded::Fragment(fragment) = decode(LinkType::RAW, &frame.bytes, 0) else {
                // One that is the whole datagram.
                continue;
            };
            let complete = defragmenter.push(&fragment, Timestamp(0));
            for (cell, byte) in cells[usize::from(at)..].iter_mut().zip(&data) {
                cell.get_or_insert(*byte);
            }
            if !more && len.is_none() {
                len = Some(usize::from(at) + n);
            }
            let expected: Option<Vec<u8>> =
                len.and_then(|len| cells[..len].iter().copied().collect());
            prop_assert_eq!(complete.map(|d| d.bytes), expected.clone());
            if expected.is_some() {
                (cells, len) = (vec![None; 256], None);
            }
        }
    }
}
