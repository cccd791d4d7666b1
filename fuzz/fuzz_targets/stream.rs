//! Puts the segments of a flow together: eight bytes of choices, then eight bytes for each segment or acknowledgement.

#![no_main]

use crosscap_fuzz::segments::{Event, Model};
use crosscap_fuzz::{allocated, seeds, start};
use crosscap_packet::SeqNumber;
use crosscap_reassembly::{Assembly, Chunk, OverlapPolicy, Stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: start(seeds::stream), |data: &[u8]| {
    let Some((&[policy, limit, a, b, c, d, from, len], data)) = data.split_first_chunk() else {
        return;
    };
    let base = u32::from_be_bytes([a, b, c, d]);
    let events: Vec<_> = data.as_chunks().0.iter().take(MOST).map(|e| Event::new(base, e)).collect();
    let limit = if limit < 128 { u32::MAX } else { u32::from(limit - 128) };
    let policy = OverlapPolicy::ALL[usize::from(policy) % OverlapPolicy::ALL.len()];

    let payloads: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Sent(sent) => sent.payload(),
            Event::Acked(_) => Vec::new(),
        })
        .collect();
    let before = allocated();
    let mut assembly = Assembly::with_limit(limit);
    for (frame, (event, payload)) in (1..).zip(events.iter().zip(&payloads)) {
        match event {
            Event::Sent(sent) => assembly.push(&sent.sighting(frame), &payload[..]),
            Event::Acked(ack) => assembly.acked(SeqNumber(*ack)),
        }
    }
    // Vectors may be half empty.
    let kept = events.len().min(limit as usize);
    assert!(allocated() - before <= 2 * COST * kept + SOME, "{}", allocated() - before);

    let mut model = Model::default();
    for (frame, event) in (1..).zip(&events) {
        model.push(frame, event, limit as usize);
    }
    let stream = assembly.finish(policy);
    check(&stream, &model, policy);
    check_range(&stream, u64::from(from) * 8, u64::from(len));
});

/// Everything is as in the model.
fn check(stream: &Stream<&[u8]>, model: &Model, policy: OverlapPolicy) {
    let expected = model.finish(policy);
    assert_eq!(stream.len(), expected.len);
    assert_eq!(stream.captured(), expected.data.len() as u64);
    assert_eq!((stream.from_start(), stream.to_end()), (expected.from_start, expected.to_end));
    let left_out = stream.left_out();
    assert_eq!((left_out.segments, left_out.bytes), model.left_out_count);

    let (mut at, mut expected_data) = (0, expected.data.iter());
    for chunk in stream.chunks() {
        assert!(chunk.offset() == at && chunk.len() > 0);
        at = chunk.end();
        match chunk {
            Chunk::Data { offset, payload, frame } => {
                for (at, byte) in (offset..).zip(payload) {
                    let (place, value) = expected_data.next().expect("as many as captured");
                    assert_eq!((at, (*byte, frame.number())), (*place, *value));
                }
            }
            Chunk::Gap { offset, len, kind } => {
                let end = offset + len;
                let inside = expected.edges().filter(|at| (offset..end).contains(at));
                for at in inside.chain([offset, end - 1]) {
                    assert_eq!(kind, expected.kind(at), "{at}");
                }
            }
        }
    }
    assert_eq!(at, stream.len());

    let asides = stream.asides().iter().map(|a| (a.kind, a.frame.number(), a.payload.to_vec()));
    assert_eq!(asides.collect::<Vec<_>>(), expected.asides);

    assert!(stream.conflict_count() >= stream.conflicts().len() as u64);
    for conflict in stream.conflicts() {
        assert!(conflict.len > 0 && conflict.offset + conflict.len <= stream.len());
        let kept = &expected.data[&conflict.offset];
        assert_eq!(kept.1, conflict.kept.number());
        assert_ne!(conflict.kept, conflict.other);
    }
}

/// A part of the stream is what its chunks are.
fn check_range(stream: &Stream<&[u8]>, from: u64, len: u64) {
    let to = from + len;
    let mut at = from;
    for chunk in stream.range(from..to) {
        assert!(chunk.offset() == at && chunk.len() > 0 && chunk.end() <= to);
        at = chunk.end();
        let whole = stream.chunks().find(|c| (c.offset()..c.end()).contains(&chunk.offset()));
        match (whole.expect("in a chunk"), chunk) {
            (
                Chunk::Data { offset, payload: all, frame },
                Chunk::Data { offset: start, payload, frame: same },
            ) => {
                let skipped = (start - offset) as usize;
                assert_eq!((&all[skipped..][..payload.len()], frame), (payload, same));
            }
            (Chunk::Gap { kind, .. }, Chunk::Gap { kind: same, .. }) => assert_eq!(kind, same),
            (whole, part) => panic!("{part:?} of {whole:?}"),
        }
    }
    assert_eq!(at, to.min(stream.len()).max(from));
}

/// The model is slow.
const MOST: usize = 2000;

/// Of a segment.
const COST: usize = 40;

/// Memory that needs no counting.
const SOME: usize = 4 << 10;
