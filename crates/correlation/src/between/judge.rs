//! From pairs to what happened.

use crosscap_packet::TcpFlags;
use crosscap_reassembly::Direction;

use super::copies::sift;
use super::pairing::{Pairing, pair};
use super::proof::{Receipt, Receipts};
use super::spans::Spans;
use super::trace::{Trace, Traced};
use super::way::Way;
use super::window::Seen;
use super::{Passage, Tally};

/// What happened between two legs, in both directions; `ends` are the one nearer the originator and the other,
/// `beyond` what lies on the other side of each. `None` where packets were seen at both legs and none is the same.
pub(super) fn passages(ends: [Seen<'_>; 2], beyond: [&[Seen<'_>]; 2]) -> Option<[Passage; 2]> {
    let ways = Direction::BOTH.map(|direction| {
        let [near, far] = match direction {
            Direction::Orig => ends,
            Direction::Resp => [ends[1], ends[0]],
        };
        let [earlier, further] = [beyond[direction as usize], beyond[1 - direction as usize]];
        let [sent, came] = [near, far].map(|seen| sift(seen.trace.packets(direction)));
        let pairing = pair(&sent.packets, &came.packets);
        Way { direction, near, far, earlier, further, sent, came, pairing }
    });
    let strange =
        |w: &Way<'_>| !w.sent.packets.is_empty() && !w.came.packets.is_empty() && !w.pairing.met;
    if ways.iter().any(strange) {
        return None;
    }
    let [orig, resp] = &ways;
    let first = [orig.judge(resp, [false; 2]), resp.judge(orig, [false; 2])];
    // A capture that is found to have missed packets of one direction is not believed about the other.
    let missed = [
        first[0].unrecorded_near.any() || first[1].unrecorded_far.any(),
        first[0].unrecorded_far.any() || first[1].unrecorded_near.any(),
    ];
    if missed == [false; 2] {
        return Some(first);
    }
    Some([orig.judge(resp, missed), resp.judge(orig, [missed[1], missed[0]])])
}

impl Way<'_> {
    /// `missed` tells which capture, the near or the far one, is known to have missed packets.
    fn judge(&self, back: &Way<'_>, missed: [bool; 2]) -> Passage {
        let lossy = [self.near.lossy || missed[0], self.far.lossy || missed[1]];
        let mut told = Passage {
            sent: self.sent.packets.len() as u64,
            came: self.came.packets.len() as u64,
            recut: self.pairing.recut,
            not_compared: u64::from(self.pairing.crowded > 0),
            delay: self.delay(),
            hops: self.hops(),
            offer: self.offer(),
            ..Passage::default()
        };
        if self.near.leaves_out(self.direction) || self.far.leaves_out(self.direction) {
            told.not_compared = told.sent + told.came;
            return told;
        }
        self.judge_missing(back, lossy[1], &mut told);
        self.judge_extra(back, lossy[0], &mut told);
        self.judge_copies(back, &mut told);
        self.find_reordered(&mut told);
        for &(i, _, bytes) in &self.pairing.changed {
            told.changed.add(1, bytes, self.sent.packets[i].frame);
        }
        told
    }

    fn judge_missing(&self, back: &Way<'_>, lossy: bool, told: &mut Passage) {
        let (sent, pairing) = (&self.sent.packets, &self.pairing);
        if pairing.missing.is_empty() && pairing.bare_missing.is_empty() {
            return;
        }
        let window = self.sent_window(back);
        let near = pairing.at[0].first().map_or(0, |a| a.0);
        // What the receiver sent: seen at the far leg first.
        let receipts = Receipts::new(
            &self.came.packets,
            &pairing.at[1],
            near,
            &back.sent.packets,
            &back.came.packets,
        );
        let further: Vec<Vec<usize>> =
            self.further.iter().map(|f| self.missing_at(f.trace)).collect();
        let (mut proven, mut lacked) = (Spans::default(), Spans::default());
        let segment = self.segment_size();
        let never_seen = self.kinds_not_seen();
        for parts in pairing.missing.chunk_by(|a, b| a.0 == b.0) {
            let i = parts[0].0;
            let p = &sent[i];
            if !window.covers(p.frame, p.time) {
                told.not_compared += 1;
                continue;
            }
            let passed_on = further.iter().any(|missing| missing.binary_search(&i).is_err());
            if passed_on && self.went_round(&self.far, self.further, &further, i) {
                continue;
            }
            let (mut lost, mut open, mut had) =
                (Piece::new(p, segment), Piece::new(p, segment), Piece::new(p, segment));
            let all = parts.iter().flat_map(|&(_, from, to)| receipts.pieces(from, to));
            for (from, to, receipt) in all {
                let fate = match receipt {
                    _ if passed_on => &mut had,
                    Receipt::Had => {
                        // One copy arrived; of the others nothing is known.
                        let mut fresh = false;
                        proven.add(from, to, |_, _| fresh = true);
                        if fresh { &mut had } else { &mut open }
                    }
                    _ if !lossy => &mut lost,
                    Receipt::Lacked if self.further.is_empty() => {
                        // What was lacking may have come with the next copy.
                        let mut fresh = false;
                        lacked.add(from, to, |_, _| fresh = true);
                        if fresh { &mut lost } else { &mut open }
                    }
                    _ => &mut open,
                };
                fate.take(pairing.at[0][i].0, from, to);
            }
            if had.space == 0 {
                tell_never_seen(p, &never_seen, told);
            }
            lost.put(&mut told.lost);
            open.put(&mut told.undecided);
            had.put(&mut told.unrecorded_far);
        }
        for &i in &pairing.bare_missing {
            let p = &sent[i];
            let passed_on = further.iter().any(|missing| missing.binary_search(&i).is_err());
            if !window.covers(p.frame, p.time) {
                told.not_compared += 1;
            } else if passed_on {
                if !self.went_round(&self.far, self.further, &further, i) {
                    told.unrecorded_far.add(1, 0, p.frame);
                }
            } else {
                told.bare_missing.add(1, 0, p.frame);
                tell_never_seen(p, &never_seen, told);
            }
        }
    }

    /// Of the kinds that begin or end a connection, those that the far leg has none of.
    fn kinds_not_seen(&self) -> Vec<TcpFlags> {
        let came = || self.came.packets.iter().chain(&self.came.copies);
        let kinds = [TcpFlags::SYN, TcpFlags::FIN, TcpFlags::RST];
        kinds.into_iter().filter(|kind| !came().any(|p| p.flags.contains(*kind))).collect()
    }

    /// Which packets of the near leg are missing, in part at least, at another leg.
    fn missing_at(&self, other: &Trace) -> Vec<usize> {
        let other = sift(other.packets(self.direction));
        let found = pair(&self.sent.packets, &other.packets);
        left(
            &found,
            found.missing.iter().map(|m| m.0),
            &found.bare_missing,
            self.sent.packets.len(),
        )
    }

    /// Which packets of the far leg another leg has not, in part at least.
    fn extra_over(&self, other: &Trace) -> Vec<usize> {
        let other = sift(other.packets(self.direction));
        let found = pair(&other.packets, &self.came.packets);
        left(&found, found.extra.iter().map(|e| e.0), &found.bare_extra, self.came.packets.len())
    }

    /// Whether the capture of a leg that lacks a packet has it all the same, on another leg: as what passed a NAT without
    /// having been translated. `lacking` are the packets that each of the `others` lacks.
    fn went_round(
        &self,
        leg: &Seen<'_>,
        others: &[Seen<'_>],
        lacking: &[Vec<usize>],
        packet: usize,
    ) -> bool {
        self.near.point == self.far.point
            || others
                .iter()
                .zip(lacking)
                .any(|(o, lacks)| o.point == leg.point && lacks.binary_search(&packet).is_err())
    }

    fn judge_extra(&self, back: &Way<'_>, lossy: bool, told: &mut Passage) {
        let (came, pairing) = (&self.came.packets, &self.pairing);
        if pairing.extra.is_empty() && pairing.bare_extra.is_empty() {
            return;
        }
        let window = self.came_window(back);
        let mut sent = Spans::default();
        for &(from, to) in &pairing.at[0] {
            sent.add(from, to, |_, _| ());
        }
        let high = pairing.at[0].iter().map(|a| a.1).max();
        let mut by_place: Vec<usize> = (0..pairing.at[0].len()).collect();
        by_place.sort_by_key(|&i| pairing.at[0][i]);
        let ttls = self.ttls();
        let earlier: Vec<Vec<usize>> =
            self.earlier.iter().map(|e| self.extra_over(e.trace)).collect();
        let was_before = |j: usize| earlier.iter().any(|extra| extra.binary_search(&j).is_err());
        for parts in pairing.extra.chunk_by(|a, b| a.0 == b.0) {
            let j = parts[0].0;
            let p = &came[j];
            let bytes: u64 = parts
                .iter()
                .map(|&(_, from, to)| payload_in(p, pairing.at[1][j].0, from, to))
                .sum();
            let whole = pairing.at[1][j];
            let odd_ttl = ttls.is_some_and(|(low, high)| p.ttl < low || p.ttl > high);
            if !window.covers(p.frame, p.time) {
                told.not_compared += 1;
            } else if was_before(j) {
                if !self.went_round(&self.near, self.earlier, &earlier, j) {
                    told.unrecorded_near.add(1, bytes, p.frame);
                }
            } else if !lossy && odd_ttl && self.contradicted(&by_place, whole, p) {
                told.injected.add(1, bytes, p.frame);
            } else if !odd_ttl
                && parts.iter().all(|&(_, from, to)| !sent.contains(from, to))
                && high.is_some_and(|high| high > whole.1)
            {
                told.unrecorded_near.add(1, bytes, p.frame);
            } else {
                told.unexplained.add(1, bytes, p.frame);
            }
        }
        for &j in &pairing.bare_extra {
            let p = &came[j];
            let odd_ttl = ttls.is_some_and(|(low, high)| p.ttl < low || p.ttl > high);
            if !window.covers(p.frame, p.time) {
                told.not_compared += 1;
            } else if was_before(j) {
                if !self.went_round(&self.near, self.earlier, &earlier, j) {
                    told.unrecorded_near.add(1, 0, p.frame);
                }
            } else if p.is_reset() && odd_ttl && !lossy && self.went_on_after(p) {
                told.injected.add(1, 0, p.frame);
            } else {
                told.unexplained.add(
                    1,
                    u64::from(if p.is_reset() { 0 } else { p.payload }),
                    p.frame,
                );
            }
        }
    }

    /// Whether the sender sent other bytes with these numbers; `by_place` are its packets in order of their places.
    fn contradicted(&self, by_place: &[usize], whole: (i64, i64), p: &Traced) -> bool {
        let at = &self.pairing.at[0];
        let first = by_place.partition_point(|&i| at[i] < whole);
        let mut same =
            by_place[first..].iter().take_while(|&&i| at[i] == whole).take(ASKED).peekable();
        let other =
            |&i: &usize| self.sent.packets[i].digest.zip(p.digest).is_some_and(|(a, b)| a != b);
        same.peek().is_some() && same.all(other)
    }

    /// Whether the sender sent anything but a reset surely after a packet had arrived.
    fn went_on_after(&self, reset: &Traced) -> bool {
        let met = self.pairing.exact.iter().rev().map(|&(i, ..)| &self.sent.packets[i]);
        met.filter(|s| !s.is_reset())
            .take(LATER)
            .any(|s| self.near.is_after(&self.far, s.time, reset.time))
    }

    fn judge_copies(&self, back: &Way<'_>, told: &mut Passage) {
        let twice = |p: &Traced| {
            p.payload > 0
                && back.sent.packets.iter().any(|b| {
                    let inside = |[start, end]: [u32; 2]| {
                        p.seq.wrapping_sub(start) as i32 >= 0
                            && end.wrapping_sub(p.seq.wrapping_add(p.payload)) as i32 >= 0
                    };
                    b.frame > p.frame && b.sacked().is_some_and(|(block, dup)| dup && inside(block))
                })
        };
        let payload = |p: &Traced| if p.is_reset() { 0 } else { u64::from(p.payload) };
        for &j in &self.pairing.repeats {
            let p = &self.came.packets[j];
            told.duplicated.add(1, payload(p), p.frame);
        }
        if self.came.systematic {
            return;
        }
        let mut asked = 0;
        for p in self.came.copies.iter().filter(|p| p.ip_id != 0) {
            asked += 1;
            // Each question looks at all that came back.
            let tally =
                if asked <= ASKED && twice(p) { &mut told.duplicated } else { &mut told.repeated };
            tally.add(1, payload(p), p.frame);
        }
    }

    fn find_reordered(&self, told: &mut Passage) {
        let mut sole: Vec<(usize, usize)> =
            self.pairing.exact.iter().filter(|e| e.2).map(|e| (e.1, e.0)).collect();
        sole.sort_unstable();
        let mut latest: Option<(usize, usize)> = None;
        for (j, i) in sole {
            let (s, r) = (&self.sent.packets[i], &self.came.packets[j]);
            match latest {
                Some((later, before)) if i < later => {
                    // Captures of several queues mix up frames; their times tell.
                    let apart = self.sent.packets[later].time.since(s.time) > 0
                        && r.time.since(self.came.packets[before].time) > 0;
                    if apart {
                        told.reordered.add(1, u64::from(r.payload), r.frame);
                    }
                }
                _ => latest = Some((i, j)),
            }
        }
    }
}

/// The packets that found no partner, in order; all of them where that cannot be told.
fn left(
    found: &Pairing,
    parts: impl Iterator<Item = usize>,
    bare: &[usize],
    count: usize,
) -> Vec<usize> {
    if found.crowded > 0 || !found.met {
        return (0..count).collect();
    }
    let mut left: Vec<usize> = parts.chain(bare.iter().copied()).collect();
    left.sort_unstable();
    left.dedup();
    left
}

fn tell_never_seen(p: &Traced, kinds: &[TcpFlags], told: &mut Passage) {
    for kind in kinds.iter().filter(|kind| p.flags.contains(**kind)) {
        told.never_seen.of_kind(*kind).add(1, p.payload.into(), p.frame);
    }
}

/// The part of a packet that has one fate.
struct Piece<'a> {
    packet: &'a Traced,
    segment: u64,
    space: u64,
    bytes: u64,
    segments: u64,
}

impl<'a> Piece<'a> {
    const fn new(packet: &'a Traced, segment: u64) -> Self {
        Self { packet, segment, space: 0, bytes: 0, segments: 0 }
    }

    fn take(&mut self, start: i64, from: i64, to: i64) {
        let bytes = payload_in(self.packet, start, from, to);
        self.space += (to - from).unsigned_abs();
        self.bytes += bytes;
        self.segments += if self.segment == 0 { 1 } else { bytes.div_ceil(self.segment).max(1) };
    }

    fn put(self, tally: &mut Tally) {
        if self.space > 0 {
            let whole = self.space == u64::from(self.packet.seq_len());
            tally.add(if whole { 1 } else { self.segments }, self.bytes, self.packet.frame);
        }
    }
}

/// How much of a part of a packet that begins at `start` is payload.
fn payload_in(packet: &Traced, start: i64, from: i64, to: i64) -> u64 {
    let start = start + i64::from(packet.flags.contains(TcpFlags::SYN));
    let end = start + i64::from(packet.payload);
    (to.min(end) - from.max(start)).max(0).unsigned_abs()
}

/// Copies that the receiver's words are searched for.
const ASKED: usize = 1_000;

/// Packets after a reset that are looked at.
const LATER: usize = 1_000;
