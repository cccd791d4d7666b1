//! The connections of an observation point.

use crate::Connection;
use crate::store::Store;

/// Connections in order of their first packets. Most are kept in a few hundred bytes and unpacked when asked for.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    store: Store,
    counts: Counts,
}

/// What a tracker counted besides.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) copies: u64,
    pub(crate) evicted: u64,
    pub(crate) forgotten_holes: u64,
    pub(crate) echoes: Echoes,
}

/// SYN-ACKs that were captured again, unchanged in all that tells one sent again from the first, but more than 10 ms apart
/// or in another file: by another clock or at another place.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Echoes {
    /// How many.
    pub count: u64,
    /// How far they are from the first, nanoseconds: least and most.
    pub apart: [i64; 2],
}

impl Echoes {
    pub(crate) fn add(&mut self, other: Self) {
        let [least, most] = other.apart;
        match (self.count, other.count) {
            (_, 0) => {}
            (0, _) => *self = other,
            _ => {
                self.count += other.count;
                self.apart = [self.apart[0].min(least), self.apart[1].max(most)];
            }
        }
    }
}

impl Connections {
    pub(crate) fn new(mut store: Store, counts: Counts) -> Self {
        store.finish();
        Self { store, counts }
    }

    /// Packets that the capture recorded twice, of all of them.
    #[must_use]
    pub fn copies(&self) -> u64 {
        self.counts.copies
    }

    /// Connections that were given up because there were more than the [`Limits`](crate::Limits) allow. They are not
    /// among these.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.counts.evicted
    }

    /// Holes in streams that were forgotten because there were too many: what comes for them counts as resent.
    #[must_use]
    pub fn forgotten_holes(&self) -> u64 {
        self.counts.forgotten_holes
    }

    /// SYN-ACKs that were captured at two places.
    #[must_use]
    pub fn echoes(&self) -> Echoes {
        self.counts.echoes
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one at a place, from 0.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Connection> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The one at a place, from 0.
    ///
    /// # Panics
    ///
    /// If there are not that many.
    #[must_use]
    pub fn at(&self, index: usize) -> Connection {
        self.store.connection(index)
    }

    /// Exchanges originator and responder of the one at a place: for a midstream guess that turned out wrong.
    ///
    /// # Panics
    ///
    /// If there are not that many.
    pub fn flip(&mut self, index: usize) {
        self.store.flip(index);
    }

    /// All, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Connection> + '_ {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Those of several trackers, each of which was given all packets of some four-tuples, as one tracker would have them.
    #[must_use]
    pub fn merge(several: impl IntoIterator<Item = Self>) -> Self {
        let mut several = several.into_iter();
        let mut all = several.next().unwrap_or_default();
        let counts = &mut all.counts;
        all.store.merge(several.map(|more| {
            counts.copies += more.counts.copies;
            counts.evicted += more.counts.evicted;
            counts.forgotten_holes += more.counts.forgotten_holes;
            counts.echoes.add(more.counts.echoes);
            more.store
        }));
        all
    }
}

impl IntoIterator for Connections {
    type Item = Connection;
    type IntoIter = IntoConnections;

    fn into_iter(self) -> IntoConnections {
        IntoConnections { indexes: 0..self.len(), of: self }
    }
}

/// Unpacks one connection after the other.
#[derive(Debug)]
pub struct IntoConnections {
    indexes: std::ops::Range<usize>,
    of: Connections,
}

impl Iterator for IntoConnections {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        self.indexes.next().map(|index| self.of.at(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.indexes.size_hint()
    }
}

impl ExactSizeIterator for IntoConnections {}
