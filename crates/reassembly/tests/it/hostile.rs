//! Segments that nobody sends.

use std::time::{Duration, Instant};

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

/// In any order, under any policy, few or many overlaps: twice as many take twice as long.
#[test]
fn twice_the_segments_take_twice_the_time() {
    type Numbers = fn(u32, u32) -> u32;
    let shapes: [(&str, usize, Numbers); 4] = [
        ("one byte each", 1, |i, _| i),
        ("one byte each, reversed", 1, |i, n| n - i),
        ("one byte each, with holes", 1, |i, n| (i * 2) ^ (n & 1)),
        ("each over many", 200, |i, n| (i.wrapping_mul(7919) % n) * 8),
    ];
    for (name, len, number) in shapes {
        for policy in [OverlapPolicy::First, OverlapPolicy::Last, OverlapPolicy::Solaris] {
            let time = |n: u32| {
                let run = || {
                    let start = Instant::now();
                    assert!(assemble((0..n).map(|i| number(i, n)), len, policy).captured() > 0);
                    start.elapsed()
                };
                (0..2).map(|_| run()).min().unwrap()
            };
            let (once, twice) = (time(10_000), time(20_000));
            // Something else may run here as well.
            assert!(twice < 4 * once + Duration::from_millis(20), "{name}: {once:?}, {twice:?}");
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
