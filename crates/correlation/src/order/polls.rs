//! What all connections together tell of the order of points: those between the same two addresses, and the majority.

use std::cmp::Ordering;
use std::net::IpAddr;

use hashbrown::HashMap;

use crate::keys::LegKey;

type Map<K, V> = HashMap<K, V, foldhash::quality::RandomState>;

/// Which of two points is nearer the client, by connections between the same two addresses: a route passes two points in
/// one order. Kept only of those addresses of which some connection does not tell.
#[derive(Default)]
pub(super) struct Routes(Map<[(usize, IpAddr, IpAddr); 2], [bool; 2]>);

impl Routes {
    fn key(a: &LegKey, b: &LegKey) -> ([(usize, IpAddr, IpAddr); 2], bool) {
        let [a, b] = [a, b].map(|key| (key.leg.point, key.orig.addr, key.resp.addr));
        if a <= b { ([a, b], false) } else { ([b, a], true) }
    }

    pub(super) fn ask(&mut self, a: &LegKey, b: &LegKey, order: Ordering) {
        if order.is_eq() {
            self.0.entry(Self::key(a, b).0).or_default();
        }
    }

    pub(super) fn count(&mut self, a: &LegKey, b: &LegKey, order: Ordering) {
        let (key, turned) = Self::key(a, b);
        if let Some(seen) = self.0.get_mut(&key)
            && order.is_ne()
        {
            seen[usize::from(order.is_gt() != turned)] = true;
        }
    }

    /// Whether every connection tells by itself.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of two parts of all connections.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// `Equal` where none tells, or they contradict each other.
    pub(super) fn verdict(&self, a: &LegKey, b: &LegKey) -> Ordering {
        let (key, turned) = Self::key(a, b);
        let order = match self.0.get(&key) {
            Some([true, false]) => Ordering::Less,
            Some([false, true]) => Ordering::Greater,
            _ => Ordering::Equal,
        };
        if turned { order.reverse() } else { order }
    }
}

/// How often each point was nearer the client than each other one.
pub(super) struct Votes {
    points: usize,
    nearer: Vec<u64>,
}

impl Votes {
    pub(super) fn new(points: usize) -> Self {
        Self { points, nearer: vec![0; points * points] }
    }

    pub(super) fn count(&mut self, a: usize, b: usize, order: Ordering) {
        match order {
            Ordering::Less => self.nearer[a * self.points + b] += 1,
            Ordering::Greater => self.nearer[b * self.points + a] += 1,
            Ordering::Equal => {}
        }
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.nearer.iter_mut().zip(other.nearer).for_each(|(mine, more)| *mine += more);
        self
    }

    pub(super) fn verdict(&self, a: usize, b: usize) -> Ordering {
        self.nearer[b * self.points + a].cmp(&self.nearer[a * self.points + b])
    }
}
