//! Legs whose sequence numbers a device between the points moved by a constant: SYN proxies, firewalls that draw initial
//! sequence numbers of their own.
//!
//! What such a device leaves alone must single out one leg at each point, and both streams must be as long at the one as
//! at the other.

use crosscap_packet::Endpoint;
use crosscap_reassembly::Direction;

use super::{Joined, MAX_CANDIDATES, Matcher, PORT_BITS};
use crate::Tier;
use crate::keys::{FlowKey, LegKey};

/// What a device that moves numbers may leave alone.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kept {
    /// One of the two initial sequence numbers: a SYN proxy answers for the server only.
    Isn(Side, u32),
    /// The clock in the SYN, and the client's port.
    Stamp(u32, u16),
    /// Both ends: nothing is translated.
    Ends(Endpoint, Endpoint),
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Side {
    Orig,
    Resp,
}

impl Matcher<'_> {
    pub(super) fn join_shifted(&mut self) {
        let members = self.members();
        // Seen at one point only, from the beginning, with something said.
        let alone: Vec<usize> = (0..self.keys.len())
            .filter(|&leg| {
                let set = &members[&self.sets.find(leg)];
                let here = self.point(leg);
                set.iter().all(|&other| self.point(other) == here)
                    && self.keys[leg].isn_pair().is_some()
                    && self.keys[leg].flows.iter().any(|f| f.bytes > 0)
            })
            .collect();
        let points = alone.iter().map(|&leg| self.point(leg));
        if points.clone().min() == points.max() {
            return;
        }
        let mut keyed: Vec<(Kept, usize)> =
            alone.iter().flat_map(|&leg| kept(&self.keys[leg]).map(move |k| (k, leg))).collect();
        keyed.sort_unstable();
        for same in keyed.chunk_by(|a, b| a.0 == b.0) {
            let legs: Vec<usize> = same.iter().map(|k| k.1).collect();
            if legs.len() <= MAX_CANDIDATES * self.sizes.len() {
                self.join_kept(same[0].0, &legs);
            }
        }
    }

    /// Joins the legs that share what is kept, where there is one for each point and their streams are alike.
    fn join_kept(&mut self, kept: Kept, legs: &[usize]) {
        for (i, &a) in legs.iter().enumerate() {
            let others = legs[i + 1..].iter().filter(|&&b| self.point(b) != self.point(a));
            for b in others.copied().collect::<Vec<_>>() {
                let Some(bits) = alike(kept, &self.keys[a], &self.keys[b]) else { continue };
                let how = Joined { tier: Tier::Offset, bits };
                let alone = |leg: usize| {
                    let rivals = legs.iter().filter(|&&other| self.point(other) == self.point(leg));
                    rivals.clone().count() == 1
                        || rivals.clone().all(|&other| self.sets.equiv(other, leg))
                };
                if self.sets.equiv(a, b) {
                    continue;
                }
                if alone(a) && alone(b) && self.is_sure(a, b, how.bits) {
                    self.join(a, b, how);
                } else {
                    self.ambiguous(a, &[(b, how)]);
                }
            }
        }
    }
}

fn kept(key: &LegKey) -> impl Iterator<Item = Kept> + use<> {
    let port = key.orig.port;
    let [orig, resp] = [0, 1].map(|i| key.flows[i].isn.map(|isn| isn.0));
    let syn = key.flow(Direction::Orig).first.and_then(|s| s.segment.timestamps);
    [
        orig.map(|isn| Kept::Isn(Side::Orig, isn)),
        resp.map(|isn| Kept::Isn(Side::Resp, isn)),
        syn.map(|stamps| Kept::Stamp(stamps.value, port)),
        Some(Kept::Ends(key.orig, key.resp)),
    ]
    .into_iter()
    .flatten()
}

/// In how many bits two legs agree; `None` where too little does, their streams differ in length, or one that is still
/// open leaves that undecided.
fn alike(kept: Kept, a: &LegKey, b: &LegKey) -> Option<f64> {
    let [x, y] = [a, b].map(|key| key.flow(Direction::Orig).first);
    let (x, y) = (x?.segment, y?.segment);
    let stamp = x.timestamps.is_some_and(|x| y.timestamps.is_some_and(|y| x.value == y.value));
    let counter = x.ip_id != 0 && x.ip_id == y.ip_id;
    let isn = matches!(kept, Kept::Isn(..));
    // Other uses of the same four-tuple have the same ends.
    if !(isn || stamp || counter) {
        return None;
    }
    let mut bits = 0.0;
    let agreed = [
        (isn, 32.0),
        (stamp, STAMP_BITS),
        (counter, COUNTER_BITS),
        (a.orig.port == b.orig.port, PORT_BITS),
        (a.orig.addr == b.orig.addr, ADDRESS_BITS),
        (a.resp == b.resp, ADDRESS_BITS),
    ];
    bits += agreed.iter().filter(|(agrees, _)| *agrees).map(|(_, bits)| bits).sum::<f64>();
    for direction in Direction::BOTH {
        let (a, b) = (a.flow(direction), b.flow(direction));
        let length = |f: &FlowKey| Some(f.next?.ahead_of(f.isn?));
        if length(a)? != length(b)? {
            return None;
        }
        bits += if a.closed && b.closed && a.bytes > 0 { LENGTH_BITS } else { 0.0 };
    }
    Some(bits)
}

/// What an equal clock in the SYN is worth in bits: connections of the same second differ in ten.
const STAMP_BITS: f64 = 10.0;

/// What an equal IP identification is worth in bits.
const COUNTER_BITS: f64 = 12.0;

/// What an equal address is worth in bits: there are few, used often.
const ADDRESS_BITS: f64 = 4.0;

/// What an equal length is worth in bits: many requests are alike.
const LENGTH_BITS: f64 = 3.0;
