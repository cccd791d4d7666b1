//! The connections of an observation point.

use crate::Connection;
use crate::store::Store;

/// Connections in order of their first packets. Most are kept in a few hundred bytes and unpacked when asked for.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    store: Store,
    copies: u64,
}

impl Connections {
    pub(crate) fn new(mut store: Store, copies: u64) -> Self {
        store.finish();
        Self { store, copies }
    }

    /// Packets that the capture recorded twice, of all of them.
    #[must_use]
    pub fn copies(&self) -> u64 {
        self.copies
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
        let copies = &mut all.copies;
        all.store.merge(several.map(|more| {
            *copies += more.copies;
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
