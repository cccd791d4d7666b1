//! Which packet of one leg is which of the other.

use super::PayloadDigest;
use super::trace::Traced;

/// What became of the packets of the sender's side, by index; `r` indexes those of the receiver's.
#[derive(Default)]
pub(super) struct Pairing {
    /// The same packet in both, in order of `s`; `true` where nothing else at either side looks like it.
    pub(super) exact: Vec<(usize, usize, bool)>,
    /// Parts of packets that took no part at the other side: packet, from, to. Parts of one packet follow each other.
    pub(super) missing: Vec<(usize, i64, i64)>,
    pub(super) extra: Vec<(usize, i64, i64)>,
    /// The same for packets without sequence space.
    pub(super) bare_missing: Vec<usize>,
    pub(super) bare_extra: Vec<usize>,
    /// At the receiver's side more often than at the sender's, and distinct.
    pub(super) repeats: Vec<usize>,
    /// The same sequence numbers with another payload: first packets, bytes.
    pub(super) changed: Vec<(usize, usize, u64)>,
    /// Segments that were cut differently, without loss: how many at either side.
    pub(super) recut: [u64; 2],
    /// Bytes where too many packets overlap to tell them apart.
    pub(super) crowded: u64,
    /// Whether any part of anything has been found at both sides.
    pub(super) met: bool,
    /// Whether what tells copies apart is the same at both sides.
    kept: bool,
    /// Where each packet lies, from and to.
    pub(super) at: [Vec<(i64, i64)>; 2],
}

pub(super) fn pair(sent: &[Traced], came: &[Traced]) -> Pairing {
    let mut pairing = Pairing::default();
    let rest = pairing.pair_exact(sent, came);
    pairing.place(sent, came);
    pairing.compare_exact(sent, came);
    let rest = pairing.pair_bare(sent, came, rest);
    pairing.pair_parts(sent, came, &rest);
    pairing.missing.sort_unstable();
    pairing.extra.sort_unstable();
    pairing
}

impl Pairing {
    /// Pairs packets that agree in every field; returns the others.
    fn pair_exact(&mut self, sent: &[Traced], came: &[Traced]) -> [Vec<usize>; 2] {
        let sorted = |packets: &[Traced]| {
            let mut order: Vec<usize> = (0..packets.len()).collect();
            order.sort_by_key(|&i| (packets[i].key(), i));
            order
        };
        let (s, r) = (sorted(sent), sorted(came));
        let mut rest = [Vec::new(), Vec::new()];
        let (mut s, mut r) = (&s[..], &r[..]);
        loop {
            let key = match (s.first(), r.first()) {
                (Some(&i), Some(&j)) => sent[i].key().min(came[j].key()),
                (Some(&i), None) => sent[i].key(),
                (None, Some(&j)) => came[j].key(),
                (None, None) => break,
            };
            let same = |packets: &[Traced], order: &[usize]| {
                order.iter().take_while(|&&i| packets[i].key() == key).count()
            };
            let (mine, theirs) = (same(sent, s), same(came, r));
            let both = mine.min(theirs);
            let sole = mine == 1 && theirs == 1;
            self.exact.extend(s.iter().zip(r).take(both).map(|(&i, &j)| (i, j, sole)));
            rest[0].extend(&s[both..mine]);
            let over = &r[both..theirs];
            if both > 0 && over.iter().all(|&j| is_distinct(&came[j])) {
                self.repeats.extend(over);
            } else {
                rest[1].extend(over);
            }
            (s, r) = (&s[mine..], &r[theirs..]);
        }
        self.exact.sort_unstable();
        self.repeats.sort_unstable();
        self.met = !self.exact.is_empty();
        self.kept = self.exact.iter().any(|e| sent[e.0].payload > 0 && is_distinct(&sent[e.0]));
        rest.iter_mut().for_each(|r| r.sort_unstable());
        rest
    }

    /// Counts positions from the first packet of the sender's side.
    fn place(&mut self, sent: &[Traced], came: &[Traced]) {
        let base = sent.first().or_else(|| came.first()).map_or(0, |p| i64::from(p.seq));
        self.at[0] = placed(sent, base);
        // The other side may begin gigabytes later.
        let met = self.exact.iter().find(|(i, ..)| !sent[*i].is_reset());
        let near = met.map_or(base, |&(i, ..)| self.at[0][i].0);
        self.at[1] = placed(came, near);
    }

    fn compare_exact(&mut self, sent: &[Traced], came: &[Traced]) {
        for &(i, j, _) in &self.exact {
            if differ(sent[i].digest, came[j].digest) {
                self.changed.push((i, j, u64::from(sent[i].payload)));
            }
        }
    }

    /// Pairs packets without sequence space that agree in their numbers, where devices rewrite the other fields. Returns
    /// those with sequence space.
    fn pair_bare(
        &mut self,
        sent: &[Traced],
        came: &[Traced],
        rest: [Vec<usize>; 2],
    ) -> [Vec<usize>; 2] {
        let [(mut bare_s, rest_s), (mut bare_r, rest_r)] = [(&rest[0], sent), (&rest[1], came)]
            .map(|(rest, all)| rest.iter().partition::<Vec<usize>, _>(|i| all[**i].seq_len() == 0));
        let loose = |p: &Traced| (p.seq, p.ack, p.flags.0, p.payload);
        bare_s.sort_by_key(|&i| (loose(&sent[i]), i));
        bare_r.sort_by_key(|&j| (loose(&came[j]), j));
        let mut theirs = bare_r.into_iter().peekable();
        for i in bare_s {
            while let Some(j) = theirs.next_if(|&j| loose(&came[j]) < loose(&sent[i])) {
                self.bare_extra.push(j);
            }
            if theirs.next_if(|&j| loose(&came[j]) == loose(&sent[i])).is_some() {
                self.met = true;
            } else {
                self.bare_missing.push(i);
            }
        }
        self.bare_extra.extend(theirs);
        self.bare_missing.sort_unstable();
        self.bare_extra.sort_unstable();
        [rest_s, rest_r]
    }

    /// Pairs what was cut differently, byte by byte: parts of one class first, then parts of which the other side has no
    /// class of this kind at all, as behind devices that rewrite timestamps.
    fn pair_parts(&mut self, sent: &[Traced], came: &[Traced], rest: &[Vec<usize>; 2]) {
        let mut events = Vec::with_capacity(2 * (rest[0].len() + rest[1].len()));
        for (side, rest) in rest.iter().enumerate() {
            for &i in rest {
                let (from, to) = self.at[side][i];
                events.extend([(from, true, side, i), (to, false, side, i)]);
            }
        }
        // Ends before beginnings.
        events.sort_unstable();
        let mut active = [Vec::new(), Vec::new()];
        let mut at = i64::MIN;
        let mut run = Run::default();
        for (position, begins, side, i) in events {
            if at < position && active.iter().any(|a| !a.is_empty()) {
                self.pair_part(sent, came, &active, (at, position));
                run.take(self, sent, came, &active, (at, position));
            }
            at = position;
            if begins {
                active[side].push(i);
            } else {
                active[side].retain(|&other| other != i);
            }
            // However many overlap, as many are looked at.
            if active[side].len() > CROWD {
                active[side].remove(0);
                self.crowded += 1;
            }
        }
    }

    fn pair_part(
        &mut self,
        sent: &[Traced],
        came: &[Traced],
        active: &[Vec<usize>; 2],
        (from, to): (i64, i64),
    ) {
        let [mine, theirs] = active;
        if mine.len() >= CROWD || theirs.len() >= CROWD {
            self.crowded += (to - from).unsigned_abs();
            return;
        }
        let mut open = theirs.clone();
        let mut left = Vec::new();
        for &i in mine {
            match open.iter().position(|&j| came[j].class() == sent[i].class()) {
                Some(k) => {
                    open.remove(k);
                    self.met = true;
                }
                None => left.push(i),
            }
        }
        let known = |j: usize| mine.iter().any(|&i| sent[i].class() == came[j].class());
        for i in left {
            // Of the same bytes, where nothing rewrites what tells copies apart, another copy.
            let other_copy = |j: usize| self.kept && self.at[0][i] == self.at[1][j];
            match open.iter().position(|&j| !known(j) && !other_copy(j)) {
                Some(k) => {
                    open.remove(k);
                    self.met = true;
                }
                None => self.missing.push((i, from, to)),
            }
        }
        self.extra.extend(open.into_iter().map(|j| (j, from, to)));
    }
}

/// Segments of one packet of either side at a time, as far as no byte is missing.
#[derive(Default)]
struct Run {
    going: bool,
    to: i64,
    first: [usize; 2],
    segments: [u64; 2],
    bytes: u64,
    digest: [Option<PayloadDigest>; 2],
}

impl Run {
    fn take(
        &mut self,
        pairing: &mut Pairing,
        sent: &[Traced],
        came: &[Traced],
        active: &[Vec<usize>; 2],
        (from, to): (i64, i64),
    ) {
        let ([i], [j]) = (&active[0][..], &active[1][..]) else {
            self.going = false;
            return;
        };
        let spans = [pairing.at[0][*i], pairing.at[1][*j]];
        if !self.going || self.to != from {
            let going = spans.iter().all(|s| s.0 == from);
            let empty = Some(PayloadDigest::default());
            *self = Self { going, first: [*i, *j], digest: [empty; 2], ..Self::default() };
        }
        if !self.going {
            return;
        }
        self.to = to;
        let ended = spans.map(|s| s.1 == to);
        for (side, packet) in [&sent[*i], &came[*j]].into_iter().enumerate() {
            if ended[side] {
                self.segments[side] += 1;
                let both = self.digest[side].zip(packet.digest);
                self.digest[side] = both.map(|(all, next)| all.then(next, packet.payload));
                self.bytes += if side == 0 { u64::from(packet.payload) } else { 0 };
            }
        }
        if ended == [true; 2] {
            if differ(self.digest[0], self.digest[1]) {
                pairing.changed.push((self.first[0], self.first[1], self.bytes));
            }
            if self.segments[0] != self.segments[1] {
                (0..2).for_each(|side| pairing.recut[side] += self.segments[side]);
            }
            self.going = false;
        }
    }
}

/// Where packets lie, each nearest to the highest before it.
fn placed(packets: &[Traced], near: i64) -> Vec<(i64, i64)> {
    let mut high = near;
    let placed = packets.iter().map(|p| {
        // Truncation is the modulus.
        let from = high + i64::from(p.seq.wrapping_sub(high as u32) as i32);
        let to = from + i64::from(p.seq_len());
        if !p.is_reset() {
            high = high.max(to);
        }
        (from, to)
    });
    placed.collect()
}

fn differ(a: Option<PayloadDigest>, b: Option<PayloadDigest>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

/// Whether something in a packet tells it from one that was sent again.
fn is_distinct(packet: &Traced) -> bool {
    packet.ip_id != 0 || packet.has_timestamps()
}

/// Packets that overlap and are told apart.
const CROWD: usize = 16;
