//! Segments that nobody sends.

use crosscap_packet::SeqNumber;
use crosscap_reassembly::{Assembly, Chunk, OverlapPolicy, Stream};

use crate::model::{PUSH, sighting};

/// Segments of `len` bytes each, at these sequence numbers.
fn assemble(
    numbers: impl Iterator<Item = u32>,
    len: usize,
    policy: OverlapPolicy,
) -> Stream<&'static [u8]> {
    let mut assembly = Assembly::new();
    for (frame, seq) in (1..).zip(numbers) {
        let at = sighting(frame, SeqNumber(seq), PUSH, len as u32);
        assembly.push(&at, &ZEROS[..len]);
    }
    assembly.finish(policy)
}

static ZEROS: [u8; 65_536] = [0; 65_536];

#[test]
fn one_byte_far_ahead_costs_nothing() {
    let numbers = [0, 10, 20, 7 << 28, 30].into_iter();
    let stream = assemble(numbers, 10, OverlapPolicy::First);
    assert_eq!((stream.len(), stream.captured()), (40, 40));
    assert_eq!(stream.asides().len(), 1);
    // As far as a window reaches: a gap, and no memory for it.
    let stream = assemble([0, 1 << 30].into_iter(), 10, OverlapPolicy::First);
    assert_eq!((stream.len(), stream.chunks().len()), ((1 << 30) + 10, 3));
}

#[test]
fn reversed_segments_are_put_in_order() {
    let numbers = (0..20_001_u32).rev().map(|i| i * 10);
    let stream = assemble(numbers, 10, OverlapPolicy::First);
    assert_eq!((stream.len(), stream.captured()), (200_010, 200_010));
    let offsets = stream.chunks().map(|c| c.offset());
    assert!(offsets.eq((0..20_001).map(|i| i * 10)));
}

/// In any order, under any policy, few or many overlaps: a time that grew with the square would never end.
#[test]
fn many_segments_in_any_shape_are_put_together() {
    type Numbers = fn(u32, u32) -> u32;
    let shapes: [(usize, Numbers); 4] = [
        (1, |i, _| i),
        (1, |i, n| n - i),
        (1, |i, n| (i * 2) ^ (n & 1)),
        (200, |i, n| (i.wrapping_mul(7919) % n) * 8),
    ];
    let n = 200_000;
    for (len, number) in shapes {
        for policy in [OverlapPolicy::First, OverlapPolicy::Last, OverlapPolicy::Solaris] {
            let stream = assemble((0..n).map(|i| number(i, n)), len, policy);
            assert!(stream.captured() >= u64::from(n));
        }
    }
}

/// Segments that all lie over the same many pieces cost what their bytes do.
#[test]
fn many_pieces_under_many_segments_stay_few() {
    let small = (0..30_000_u32).map(|i| i * 2);
    let mut assembly = Assembly::new();
    for (frame, seq) in (1..).zip(small.clone()) {
        assembly.push(&sighting(frame, SeqNumber(seq), PUSH, 1), &ZEROS[..1]);
    }
    for frame in 0..1000 {
        // Declared, not captured.
        assembly.push(&sighting(30_000 + frame, SeqNumber(0), PUSH, 60_000), &ZEROS[..0]);
    }
    let stream = assembly.finish(OverlapPolicy::First);
    assert_eq!((stream.captured(), stream.len()), (30_000, 60_000));
    assert!(stream.chunks().zip(stream.chunks().skip(1)).all(|(a, b)| {
        matches!(
            (a, b),
            (Chunk::Data { .. }, Chunk::Gap { .. }) | (Chunk::Gap { .. }, Chunk::Data { .. })
        )
    }));
}
