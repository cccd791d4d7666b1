//! Points whose files hold what several places captured.

use crosscap_packet::SeqNumber;
use crosscap_reassembly::Direction;
use hashbrown::HashMap;

use crate::Point;
use crate::keys::{LegKey, Legs};
use crate::matching::is_guessable;

/// That the files of a point hold packets more than once that no host sends twice and no bridge shows so far apart: they
/// were captured at several places, by several clocks or in several files, and put together.
///
/// Counts and silences of such a point mix what the places saw.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Merged {
    /// How many handshakes are there more than once.
    pub handshakes: u64,
    /// How far apart their packets are, nanoseconds: least and most.
    pub apart: [i64; 2],
}

impl Merged {
    /// What a point's legs tell.
    pub(crate) fn of(point: &Point, legs: &Legs, index: usize) -> Option<Self> {
        let echoes = point.connections.echoes();
        let mut found = Self { handshakes: echoes.count, apart: echoes.apart };
        let mut answered = 0;
        let mut known: HashMap<[SeqNumber; 2], &LegKey, foldhash::quality::RandomState> =
            HashMap::default();
        for key in legs.at(index) {
            answered += u64::from(key.flow(Direction::Resp).isn.is_some());
            let Some(pair) = key.isn_pair().filter(|p| !p.iter().any(|isn| is_guessable(isn.0)))
            else {
                continue;
            };
            if let Some(first) = known.get(&pair) {
                found.add(first, key);
            } else {
                known.insert(pair, key);
            }
        }
        // One packet may come late once, in a network that duplicates.
        let enough = found.handshakes >= MANY || found.handshakes * 2 >= answered;
        (found.handshakes > 0 && enough).then_some(found)
    }

    fn add(&mut self, first: &LegKey, again: &LegKey) {
        let syns = [first, again].map(|key| key.flow(Direction::Orig).first);
        let [Some(a), Some(b)] = syns else { return };
        let elsewhere =
            first.first_frame.file() != again.first_frame.file() || !first.shares_packets(again);
        let (x, y) = (a.segment(), b.segment());
        if x.is_identified() && elsewhere && x.is_copy_of(&y) {
            let apart = b.time.since(a.time).saturating_abs();
            let [least, most] = self.apart;
            let alone = self.handshakes == 0;
            self.apart = if alone { [apart; 2] } else { [least.min(apart), most.max(apart)] };
            self.handshakes += 1;
        }
    }
}

/// So many handshakes are no accident.
const MANY: u64 = 3;
