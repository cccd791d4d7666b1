//! Which bytes were seen how often, against a model.

use std::collections::BTreeMap;

use crosscap_packet::{SeqNumber, Timestamp};
use crosscap_reassembly::{Coverage, Ledger, LedgerBuilder};
use proptest::prelude::*;

/// A segment: offset, length, time; and the part of the capture it is in.
type Seen = (i64, u32, i64, usize);

const PARTS: usize = 4;

fn segments() -> impl Strategy<Value = Vec<Seen>> {
    prop::collection::vec((0..200_i64, 0..40_u32, 0..50_i64, 0..PARTS), 0..60)
}

fn ledger<'a>(base: u32, segments: impl IntoIterator<Item = &'a Seen>) -> Ledger {
    let mut builder = LedgerBuilder::new();
    for (at, len, time, _) in segments {
        builder.add(SeqNumber(base) + *at as u32, *len, Timestamp(*time));
    }
    builder.finish()
}

fn parts(base: u32, segments: &[Seen]) -> Vec<Ledger> {
    let part = |p| ledger(base, segments.iter().filter(move |s| s.3 == p));
    (0..PARTS).map(part).collect()
}

/// Count, earliest and latest time of each byte, from the lowest one on.
fn model<'a>(segments: impl IntoIterator<Item = &'a Seen>) -> BTreeMap<i64, (u64, i64, i64)> {
    let mut bytes = BTreeMap::new();
    for (at, len, time, _) in segments {
        for at in *at..at + i64::from(*len) {
            let byte = bytes.entry(at).or_insert((0, *time, *time));
            *byte = (byte.0 + 1, byte.1.min(*time), byte.2.max(*time));
        }
    }
    let lowest = bytes.first_key_value().map_or(0, |(at, _)| *at);
    bytes.into_iter().map(|(at, byte)| (at - lowest, byte)).collect()
}

fn bytes(ledger: &Ledger) -> BTreeMap<i64, (u64, i64, i64)> {
    let each = |c: Coverage| {
        assert!(c.len > 0 && c.count > 0);
        let byte = (c.count, c.first.0, c.last.0);
        (c.offset..c.offset + c.len as i64).map(move |at| (at, byte))
    };
    ledger.intervals().flat_map(each).collect()
}

fn spread(ranges: impl Iterator<Item = (i64, u64)>) -> Vec<i64> {
    ranges.flat_map(|(at, len)| at..at + len as i64).collect()
}

proptest! {
    #[test]
    fn every_byte_is_counted(base: u32, segments in segments(), acked in 0..300_i64) {
        let model = model(&segments);
        let mut builder = LedgerBuilder::new();
        for (at, len, time, _) in &segments {
            builder.add(SeqNumber(base) + *at as u32, *len, Timestamp(*time));
        }
        builder.acked(SeqNumber(base) + acked as u32);
        let ledger = builder.finish();
        prop_assert_eq!(bytes(&ledger), model.clone());
        prop_assert_eq!(ledger.bytes(), model.len() as u64);
        prop_assert_eq!(ledger.repeated(), model.values().map(|b| b.0 - 1).sum::<u64>());
        let end = model.last_key_value().map_or(0, |(at, _)| at + 1);
        for at in -3..end + 3 {
            prop_assert_eq!(ledger.count_at(at), model.get(&at).map_or(0, |b| b.0));
        }
        let missing = |end| (0..end).filter(|at| !model.contains_key(at)).collect::<Vec<_>>();
        prop_assert_eq!(spread(ledger.holes()), missing(end));
        let lowest = segments.iter().filter(|s| s.1 > 0).map(|s| s.0).min();
        let acked = lowest.map_or(0, |lowest| acked - lowest);
        prop_assert_eq!(spread(ledger.acked_unseen()), missing(acked));
    }

    /// However the capture is cut, and in whatever order its parts are merged.
    #[test]
    fn the_order_of_merging_does_not_matter(base: u32, segments in segments()) {
        let whole = ledger(base, &segments);
        let p = parts(base, &segments);
        let left = p[0].merge(&p[1]).merge(&p[2]).merge(&p[3]);
        let right = p[0].merge(&p[1].merge(&p[2].merge(&p[3])));
        let turned = p[3].merge(&p[1]).merge(&p[0].merge(&p[2]));
        prop_assert_eq!(&left, &whole);
        prop_assert_eq!(&right, &whole);
        prop_assert_eq!(&turned, &whole);
        prop_assert_eq!(&whole.merge(&Ledger::default()), &whole);
        prop_assert_eq!(&Ledger::default().merge(&whole), &whole);
        let reversed = ledger(base, segments.iter().rev());
        prop_assert_eq!(&reversed, &whole);
        let singles = segments.iter().map(|(at, len, time, _)| {
            Ledger::of(SeqNumber(base) + *at as u32, *len, Timestamp(*time))
        });
        prop_assert_eq!(singles.fold(Ledger::default(), |all, one| one.merge(&all)), whole);
    }

    /// The intervals with constant counts at two points.
    #[test]
    fn comparisons_are_those_of_the_model(base: u32, here in segments(), there in segments()) {
        // A byte that both have: offsets count from it.
        let with_first = |mut s: Vec<Seen>| { s.push((0, 1, 0, 0)); s };
        let (here, there) = (with_first(here), with_first(there));
        let (h, t) = (model(&here), model(&there));
        let compared = ledger(base, &here).compare(&ledger(base, &there));
        let mut all = BTreeMap::new();
        for pair in compared.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let end = a.offset + a.len as i64;
            prop_assert!(end < b.offset || (a.here, a.there) != (b.here, b.there));
            prop_assert!(end <= b.offset);
        }
        for d in compared {
            all.extend((d.offset..d.offset + d.len as i64).map(|at| (at, (d.here, d.there))));
        }
        let count = |m: &BTreeMap<i64, (u64, i64, i64)>, at| m.get(at).map_or(0, |b| b.0);
        let expected: BTreeMap<_, _> =
            h.keys().chain(t.keys()).map(|at| (*at, (count(&h, at), count(&t, at)))).collect();
        prop_assert_eq!(all, expected);
    }

    /// Many times around: parts of a capture that take turns, and parts that follow each other.
    #[test]
    fn long_flows_are_merged(base: u32, steps in prop::collection::vec((0..1_i64 << 29, 0..2_usize), 2..60)) {
        let (mut at, mut segments) = (0, Vec::new());
        for (time, (step, part)) in (0..).zip(&steps) {
            at += step;
            // No part is silent for more than a window.
            let part = if time % 4 < 2 { time as usize % 2 } else { *part };
            segments.push((at, 100, time, part));
        }
        let whole = ledger(base, &segments);
        let p = parts(base, &segments);
        prop_assert_eq!(p[0].merge(&p[1]), whole.clone());
        prop_assert_eq!(p[1].merge(&p[0]), whole.clone());
        let (before, after) = segments.split_at(segments.len() / 2);
        let (before, after) = (ledger(base, before), ledger(base, after));
        prop_assert_eq!(after.merge(&before), before.merge(&after));
        prop_assert_eq!(before.merge(&after), whole);
    }
}

#[test]
fn offsets_count_from_the_syn() {
    let mut builder = LedgerBuilder::new();
    builder.start(SeqNumber(99));
    builder.add(SeqNumber(105), 5, Timestamp(1));
    builder.acked(SeqNumber(108));
    let with_syn = builder.finish();
    assert_eq!(with_syn.intervals().next().unwrap().offset, 5);
    assert_eq!(with_syn.number_at(5), SeqNumber(105));
    assert_eq!(with_syn.holes().collect::<Vec<_>>(), [(0, 5)]);
    assert_eq!(with_syn.acked_unseen().collect::<Vec<_>>(), [(0, 5)]);
    // Counted from the SYN, wherever the lowest bytes lie.
    let mut far = LedgerBuilder::new();
    far.start(SeqNumber(99));
    for i in 0..10_u32 {
        far.add(SeqNumber(i << 30), 5, Timestamp(i64::from(i)));
    }
    let far = far.finish();
    let merged = far.merge(&with_syn);
    assert_eq!(merged, with_syn.merge(&far));
    assert_eq!((merged.count_at(5), merged.count_at((1 << 32) + 5)), (1, 0));
    assert_eq!(merged.count_at((1 << 32) - 100), 1);
    let [first, ..] = with_syn.compare(&far)[..] else { panic!() };
    assert_eq!((first.offset, first.len, first.here, first.there), (-100, 5, 0, 1));
}

#[test]
fn without_room_times_become_bounds_and_then_the_end_is_forgotten() {
    let mut builder = LedgerBuilder::new();
    let n = 3 * Ledger::MAX_INTERVALS as u32;
    for i in 0..n {
        builder.add(SeqNumber(i * 10), 10, Timestamp(i.into()));
    }
    let in_order = builder.finish();
    assert!(in_order.joined() > 0 && in_order.intervals().len() <= Ledger::MAX_INTERVALS);
    assert_eq!((in_order.bytes(), in_order.repeated()), (u64::from(n) * 10, 0));
    assert_eq!(in_order.complete_to(), None);
    for c in in_order.intervals() {
        let (first, last) = (c.offset / 10, (c.offset + c.len as i64 - 1) / 10);
        assert!(c.first.0 <= first && last <= c.last.0);
    }

    let mut builder = LedgerBuilder::new();
    (0..n).for_each(|i| builder.add(SeqNumber(i * 10), 5, Timestamp(0)));
    builder.acked(SeqNumber(n * 10));
    let holes = builder.finish();
    let end = holes.complete_to().unwrap();
    assert_eq!(holes.intervals().len(), Ledger::MAX_INTERVALS);
    assert_eq!(end, Ledger::MAX_INTERVALS as i64 * 10);
    assert_eq!(spread(holes.acked_unseen()).len() as i64, end / 2);
    // Two intervals where there was one: it ends earlier.
    let both = in_order.merge(&holes);
    let end = both.complete_to().unwrap();
    assert_eq!(end, Ledger::MAX_INTERVALS as i64 / 2 * 10);
    for at in [0, end - 10] {
        assert_eq!([at, at + 5].map(|at| both.count_at(at)), [2, 1]);
    }
    assert_eq!(both.count_at(end), 0);
}

/// Segments that all lie over the same many intervals: a moment, not an hour.
#[test]
fn many_segments_over_many_intervals_take_a_moment() {
    let mut builder = LedgerBuilder::new();
    (0..20_000_u32).for_each(|i| builder.add(SeqNumber(i * 2), 1, Timestamp(0)));
    (0..20_000_u32).for_each(|_| builder.add(SeqNumber(0), 40_000, Timestamp(0)));
    let ledger = builder.finish();
    assert_eq!((ledger.bytes(), ledger.count_at(0), ledger.count_at(1)), (40_000, 20_001, 20_000));
}
