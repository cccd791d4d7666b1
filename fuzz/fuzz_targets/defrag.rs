//! Puts fragments of several datagrams together: two bytes of limits, then eight bytes for each fragment.

#![no_main]

use std::collections::HashMap;

use crosscap_fuzz::datagram::{Model, Piece};
use crosscap_fuzz::{allocated, seeds, start};
use crosscap_packet::{Decoded, DefragLimits, Defragmenter, LinkType, Timestamp, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: start(seeds::defrag), |data: &[u8]| {
    let Some((&limits, data)) = data.split_first_chunk() else { return };
    let pieces: Vec<_> = data.as_chunks().0.iter().map(Piece::new).collect();
    against_the_model(&pieces);
    within_limits(&pieces, limits);
});

/// Nothing is given up: what comes out is what a naive model has.
fn against_the_model(pieces: &[Piece]) {
    let mut defragmenter = Defragmenter::new();
    let mut models: HashMap<_, Model> = HashMap::new();
    let (mut reassembled, mut overlaps, mut rejected) = (0, 0, 0);
    for piece in pieces {
        let (frame, on_wire) = piece.frame();
        let fragment = match decode(LinkType::RAW, &frame, on_wire) {
            Decoded::Fragment(fragment) => fragment,
            other => {
                assert!(piece.is_whole(), "{piece:?} is {other:?}");
                continue;
            }
        };
        assert_eq!((fragment.offset, fragment.len), (piece.offset as u32, piece.len as u32));
        assert_eq!((fragment.more, fragment.id), (piece.more, piece.id.into()));
        assert_eq!(fragment.data, piece.data());

        let datagram = defragmenter.push(&fragment, Timestamp(0));
        if !piece.fits() {
            rejected += 1;
            assert!(datagram.is_none());
            continue;
        }
        let model = models.entry((piece.is_v6, piece.id)).or_default();
        overlaps += u64::from(model.push(piece));
        assert_eq!(datagram.is_some(), model.is_complete());
        if let Some(datagram) = datagram {
            reassembled += 1;
            let (whole, on_wire) = model.frame(piece);
            assert_eq!(datagram.decode(), decode(LinkType::RAW, &whole, on_wire));
            assert_eq!(datagram.overlapped(), model.overlapped);
            models.remove(&(piece.is_v6, piece.id));
        }
    }
    let stats = defragmenter.stats();
    assert_eq!((stats.reassembled, stats.incomplete), (reassembled, models.len() as u64));
    assert_eq!((stats.overlaps, stats.rejected, stats.evicted), (overlaps, rejected, 0));
}

/// Limits hold, whatever the fragments and the clock.
fn within_limits(pieces: &[Piece], [bytes, datagrams]: [u8; 2]) {
    let limits = DefragLimits {
        bytes: usize::from(bytes) * 256,
        datagrams: usize::from(datagrams % 16),
        age: 1_000_000_000,
    };
    let before = allocated();
    let mut defragmenter = Defragmenter::with_limits(limits);
    let (mut time, mut peak, mut pushed) = (0_i64, 0, 0);
    for piece in pieces {
        time = match piece.tick {
            i8::MIN => i64::MIN,
            i8::MAX => i64::MAX,
            tick => time.saturating_add(i64::from(tick) * 100_000_000),
        };
        let (frame, on_wire) = piece.frame();
        if let Decoded::Fragment(fragment) = decode(LinkType::RAW, &frame, on_wire) {
            pushed += 1;
            // Before the push, the fragment may be on top.
            peak = peak.max(defragmenter.bytes() + COST);
            drop(defragmenter.push(&fragment, Timestamp(time)));
        }
        drop(frame);
        let (bytes, stats) = (defragmenter.bytes(), defragmenter.stats());
        assert!(bytes <= limits.bytes);
        peak = peak.max(bytes);
        assert!(allocated() - before <= peak + COST, "{} > {peak}", allocated() - before);
        assert!(stats.reassembled + stats.incomplete + stats.evicted + stats.rejected <= pushed);
    }
}

/// Memory that needs no counting: a hash table keeps what it once had.
const COST: usize = 8 << 10;
