//! Which pairs of legs are asked about clocks, where there are very many.
//!
//! Of half-planes that bound one set only those on its edge matter. The first and the last packet of each end, which are
//! known without unpacking a connection, tell which these are.

use crosscap_packet::Timestamp;
use crosscap_reassembly::Direction;

use super::pairs::{is_answer, is_same_peer, is_told_apart};
use crate::Leg;
use crate::copies::Alike;
use crate::keys::{LegKey, Legs};

/// Two legs of one path, and whether the first is nearer the client; `None` where packets do not prove which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) legs: [Leg; 2],
    pub(super) first_is_upstream: Option<bool>,
}

/// Those of `pairs` that bound clocks most tightly, in the order given.
pub(super) fn tightest(legs: &Legs, pairs: Vec<Pair>) -> Vec<Pair> {
    let mut told: Vec<(usize, Hint)> = Vec::new();
    for (i, pair) in pairs.iter().enumerate() {
        hint(legs, pair, |hint| told.push((i, hint)));
    }
    told.sort_unstable_by_key(|(i, hint)| (hint.at, hint.difference, *i));
    let mut chosen: Vec<usize> = told.chunks(AT_ONCE).flat_map(edges).collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen.into_iter().map(|i| pairs[i]).collect()
}

/// What a packet seen at two points proves; see [`Constraint`](super::Constraint).
#[derive(Clone, Copy, Debug)]
struct Hint {
    at: Timestamp,
    difference: i64,
    forward: bool,
}

/// Tells what the packets that the keys of two legs remember prove.
fn hint(legs: &Legs, pair: &Pair, mut tell: impl FnMut(Hint)) {
    let [reference, here] = pair.legs.map(|leg| legs.key(leg));
    let hint = |at: Timestamp, there: Timestamp, forward| Hint {
        at,
        difference: there.since(at),
        forward,
    };
    if let Some(upstream) = pair.first_is_upstream {
        let alike = Alike::between((reference.isns(), reference.orig), (here.isns(), here.orig));
        for direction in Direction::BOTH {
            let (a, b) = (reference.flow(direction), here.flow(direction));
            let sole_syn = a.syns == 1 && b.syns == 1;
            for (a, b) in [(a.first, b.first), (a.last, b.last)] {
                let (Some(a), Some(b)) = (a, b) else { continue };
                let (s, there) = (a.segment(), b.segment());
                if is_told_apart(&s, alike, sole_syn) && alike.same(direction, &s, &there) {
                    tell(hint(a.time, b.time, (direction == Direction::Orig) == upstream));
                }
            }
        }
    }
    answered(reference, here, |asked, answer| tell(hint(asked, answer, true)));
    answered(here, reference, |asked, answer| tell(hint(answer, asked, false)));
}

/// Tells when packets of one leg and their answers at another one were seen.
fn answered(asked: &LegKey, answering: &LegKey, mut tell: impl FnMut(Timestamp, Timestamp)) {
    for direction in Direction::BOTH {
        let peer = direction.reverse();
        let (asks, answers) = (asked.flow(direction), answering.flow(peer));
        let sent = answers.first.map(|first| first.segment().seq).zip(answers.next);
        let last = asks.last.and_then(|last| last.segment().timestamps);
        let all = asks.next.zip(last.map(|stamps| stamps.value));
        if all.is_none() || !is_same_peer([asked.flow(peer).isn, answers.isn], asks.acked, sent) {
            continue;
        }
        for ask in [asks.first, asks.last].into_iter().flatten() {
            let mut later = [answers.first, answers.last].into_iter().flatten();
            let answer = later.find(|answer| is_answer(&ask.segment(), &answer.segment(), all));
            if let Some(answer) = answer {
                tell(ask.time, answer.time);
            }
        }
    }
}

/// Whose hints lie on the edge of what all allow; and of what the others allow, so that one that is wrong hides nothing.
/// `hints` are in order of time.
fn edges(hints: &[(usize, Hint)]) -> Vec<usize> {
    let mut found = Vec::new();
    for forward in [true, false] {
        let mut rest: Vec<&(usize, Hint)> =
            hints.iter().filter(|(_, hint)| hint.forward == forward).collect();
        for _ in 0..LAYERS {
            let edge = edge(&rest);
            found.extend(edge.iter().map(|&place| rest[place].0));
            let mut edge = edge.into_iter().peekable();
            let mut place = 0..;
            rest.retain(|_| edge.next_if_eq(&place.next().unwrap_or_default()).is_none());
        }
    }
    found
}

/// Places of the hints on the edge of what all of one direction allow.
fn edge(hints: &[&(usize, Hint)]) -> Vec<usize> {
    // From one to another: nanoseconds, and by how much it allows more.
    let way = |from: usize, to: usize| {
        let (from, to) = (hints[from].1, hints[to].1);
        let more = i128::from(to.difference) - i128::from(from.difference);
        (to.at.since(from.at) as f64, if to.forward { more } else { -more } as f64)
    };
    let mut edge: Vec<usize> = Vec::new();
    for next in 0..hints.len() {
        while let [.., before, last] = edge[..]
            && let ((x, y), (far, more)) = (way(before, last), way(before, next))
            && x * more <= y * far
        {
            edge.pop();
        }
        edge.push(next);
    }
    edge
}

/// Hints, in order of time, that are compared with each other: a clock that was set hides none that are far from then.
const AT_ONCE: usize = 4_096;

/// Edges that are kept, one inside the other.
const LAYERS: usize = 2;

#[cfg(test)]
mod tests;
