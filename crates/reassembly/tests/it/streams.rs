//! Any segments, against the model.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use crosscap_packet::SeqNumber;
use crosscap_reassembly::{Chunk, GapError, OnGap, OverlapPolicy, Payload};
use proptest::prelude::*;

use crate::model::{Byte, Sent, assemble, bytes, expected};

/// Segments that overlap, leave holes, are cut, come in any order and contradict each other.
fn segments() -> impl Strategy<Value = Vec<Sent>> {
    let segment = (0..200_i64, 0..40_u32, 0..4_u32, 0..3_u8, prop::option::of(0..260_i64));
    let segment = segment.prop_map(|(at, len, cut, kind, acked)| {
        let captured = if cut == 0 { len / 2 } else { len };
        // Segments of one kind agree with each other.
        let byte = |at: i64| if kind == 2 { 0xff } else { at as u8 };
        let bytes = (at..at + i64::from(captured)).map(byte).collect();
        Sent { at, len, bytes, acked }
    });
    prop::collection::vec(segment, 0..40)
}

fn policy() -> impl Strategy<Value = OverlapPolicy> {
    prop::sample::select(&OverlapPolicy::ALL[..])
}

fn captured(bytes: &BTreeMap<i64, Byte>) -> Vec<u8> {
    bytes.values().filter_map(|b| b.ok()).map(|(value, _)| value).collect()
}

proptest! {
    /// Wherever the numbers wrap: the same bytes of the same frames, the same gaps for the same reasons.
    #[test]
    fn every_byte_is_that_of_the_model(
        isn: u32, sent in segments(), policy in policy(), from in 0..260_u64, len in 0..100_u64,
    ) {
        let model = expected(&sent, policy);
        let stream = assemble(SeqNumber(isn), &sent, policy);
        prop_assert_eq!(bytes(stream.chunks()), model.clone());
        prop_assert_eq!(stream.len(), model.len() as u64);
        prop_assert_eq!(stream.captured(), captured(&model).len() as u64);

        let range = from as i64..(from + len) as i64;
        let part: BTreeMap<_, _> = model.range(range).map(|(k, v)| (*k, *v)).collect();
        prop_assert_eq!(bytes(stream.range(from..from + len)), part);
    }

    /// What a reader gives is what the chunks say, whatever the size of its buffer.
    #[test]
    fn readers_give_the_bytes_of_the_model(isn: u32, sent in segments(), size in 1..50_usize) {
        let model = expected(&sent, OverlapPolicy::First);
        let stream = assemble(SeqNumber(isn), &sent, OverlapPolicy::First);
        let read = |on_gap| {
            let (mut reader, mut bytes) = (stream.reader(on_gap), Vec::new());
            let mut buffer = vec![0; size];
            loop {
                match reader.read(&mut buffer) {
                    Ok(0) => return (bytes, None),
                    Ok(n) => bytes.extend(&buffer[..n]),
                    Err(e) => return (bytes, Some(e.downcast::<GapError>().unwrap())),
                }
            }
        };
        let until_gap: Vec<u8> = model.values().map_while(|b| b.ok()).map(|(b, _)| b).collect();
        let zeros: Vec<u8> = model.values().map(|b| b.map_or(0, |(b, _)| b)).collect();
        prop_assert_eq!(read(OnGap::Skip), (captured(&model), None));
        prop_assert_eq!(read(OnGap::Zeros), (zeros, None));
        prop_assert_eq!(read(OnGap::Stop), (until_gap.clone(), None));
        let gap = stream.chunks().find_map(|c| match c {
            Chunk::Gap { offset, len, kind } => Some(GapError { offset, len, kind }),
            Chunk::Data { .. } => None,
        });
        prop_assert_eq!(read(OnGap::Error), (until_gap, gap));
    }

    /// The bytes that contradict each other lie in conflicts, and conflicts begin and end with such.
    #[test]
    fn contradictions_are_found(isn: u32, sent in segments(), policy in policy()) {
        let model = expected(&sent, policy);
        let stream = assemble(SeqNumber(isn), &sent, policy);
        let byte = |frame: u64, at: i64| {
            let s = &sent[frame as usize - 1];
            s.bytes.get((at - s.at) as usize).copied()
        };
        let mut pairs = BTreeSet::new();
        for (at, kept) in model.iter().filter_map(|(at, b)| Some((*at, b.ok()?))) {
            for (frame, s) in (1..).zip(&sent).filter(|(_, s)| (s.at..s.end()).contains(&at)) {
                if s.bytes.get((at - s.at) as usize).is_some_and(|b| *b != kept.0) {
                    pairs.insert((at, kept.1, frame));
                }
            }
        }
        prop_assert_eq!(stream.conflict_count(), stream.conflicts().len() as u64);
        for c in stream.conflicts() {
            let (kept, other) = (c.kept.number(), c.other.number());
            let (first, last) = (c.offset as i64, (c.offset + c.len) as i64 - 1);
            prop_assert_ne!(byte(kept, first), byte(other, first));
            prop_assert_ne!(byte(kept, last), byte(other, last));
            for at in first..=last {
                pairs.remove(&(at, kept, other));
            }
        }
        prop_assert!(pairs.is_empty(), "{:?}", pairs);
    }

    /// Places far apart, in steps within a window: beyond 4 GiB nothing is mixed up.
    #[test]
    fn long_streams_do_not_wrap(isn: u32, steps in prop::collection::vec(1..(1_u32 << 30) - 9, 1..40)) {
        let mut at = 0;
        let mut sent = Vec::new();
        for (i, step) in steps.iter().enumerate() {
            sent.push(Sent { at, len: 4, bytes: vec![i as u8; 4], acked: None });
            at += 4 + i64::from(*step);
        }
        let stream = assemble(SeqNumber(isn), &sent, OverlapPolicy::First);
        let data: Vec<_> = stream
            .chunks()
            .filter_map(|c| match c {
                Chunk::Data { offset, payload, .. } => Some((offset as i64, payload.to_vec())),
                Chunk::Gap { .. } => None,
            })
            .collect();
        let all: Vec<_> = sent.iter().map(|s| (s.at, s.bytes.clone())).collect();
        prop_assert_eq!(data, all);
        prop_assert!(stream.asides().is_empty());
        prop_assert_eq!(stream.chunks().last().unwrap().len(), 4);
    }
}

/// As [`OverlapPolicy`] says, in a table: the two segments, and the bytes that each policy gives.
#[test]
fn policies_differ_as_documented() {
    let policies = OverlapPolicy::ALL;
    let table = [
        // begin, length of both; First, Last, Bsd, Linux, OldLinux, Solaris
        ((0, 2), (0, 2), ["aa", "bb", "aa", "aa", "bb", "bb"]),
        ((0, 2), (0, 3), ["aab", "bbb", "aab", "bbb", "bbb", "bbb"]),
        ((0, 3), (0, 2), ["aaa", "bba", "aaa", "aaa", "aaa", "aaa"]),
        ((1, 2), (0, 2), ["baa", "bba", "bba", "bba", "bba", "baa"]),
        ((1, 1), (0, 2), ["ba", "bb", "bb", "bb", "bb", "bb"]),
        ((1, 1), (0, 3), ["bab", "bbb", "bbb", "bbb", "bbb", "bbb"]),
        ((0, 2), (1, 2), ["aab", "abb", "aab", "aab", "aab", "abb"]),
        ((0, 2), (1, 1), ["aa", "ab", "aa", "aa", "aa", "aa"]),
        ((0, 3), (1, 1), ["aaa", "aba", "aaa", "aaa", "aaa", "aaa"]),
    ];
    for (a, b, texts) in table {
        let sent = [(a, b'a'), (b, b'b')].map(|((at, len), byte)| {
            let bytes = vec![byte; len as usize];
            Sent { at, len, bytes, acked: None }
        });
        for (policy, text) in policies.into_iter().zip(texts) {
            let mut read = String::new();
            let stream = assemble(SeqNumber(9), &sent, policy);
            stream.reader(OnGap::Error).read_to_string(&mut read).unwrap();
            assert_eq!(read, text, "{policy:?} {a:?} {b:?}");
            let payloads = stream.chunks().map(|c| match c {
                Chunk::Data { payload, .. } => Payload::len(&payload),
                Chunk::Gap { .. } => 0,
            });
            assert_eq!(payloads.sum::<usize>(), text.len());
        }
    }
}
