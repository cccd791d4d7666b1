//! The connections of an observation point.

use crosscap_packet::{Endpoint, FrameRef, Timestamp};

use crate::Connection;
use crate::pack::Packed;
use crate::tracked::Tracked;

/// Connections in order of their first packets. Most are kept in a few hundred bytes and unpacked when asked for.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    slots: Vec<Slot>,
    copies: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Tracked(Box<Tracked>),
    Packed(Packed),
}

impl Connections {
    pub(crate) fn new(slots: Vec<Slot>, copies: u64) -> Self {
        Self { slots, copies }
    }

    /// Packets that the capture recorded twice, of all of them.
    #[must_use]
    pub fn copies(&self) -> u64 {
        self.copies
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The one at a place, from 0.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Connection> {
        self.slots.get(index).map(Slot::connection)
    }

    /// The one at a place, from 0.
    ///
    /// # Panics
    ///
    /// If there are not that many.
    #[must_use]
    pub fn at(&self, index: usize) -> Connection {
        self.slots[index].connection()
    }

    /// Exchanges originator and responder of the one at a place: for a midstream guess that turned out wrong.
    ///
    /// # Panics
    ///
    /// If there are not that many.
    pub fn flip(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.tracked().flip();
        slot.pack(Timestamp(0), i64::MIN);
    }

    /// All, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Connection> + '_ {
        self.slots.iter().map(Slot::connection)
    }

    /// Those of several trackers, each of which was given all packets of some four-tuples, as one tracker would have them.
    #[must_use]
    pub fn merge(several: impl IntoIterator<Item = Self>) -> Self {
        let mut several = several.into_iter();
        let mut all = several.next().unwrap_or_default();
        let count = all.len();
        for more in several {
            all.slots.extend(more.slots);
            all.copies += more.copies;
        }
        if all.len() > count {
            all.slots.sort_by_cached_key(Slot::first_frame);
        }
        all
    }
}

impl IntoIterator for Connections {
    type Item = Connection;
    type IntoIter = IntoConnections;

    fn into_iter(self) -> IntoConnections {
        IntoConnections(self.slots.into_iter())
    }
}

/// Unpacks one connection after the other.
#[derive(Debug)]
pub struct IntoConnections(std::vec::IntoIter<Slot>);

impl Iterator for IntoConnections {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        self.0.next().map(Slot::into_connection)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for IntoConnections {}

impl Slot {
    fn connection(&self) -> Connection {
        match self {
            Self::Tracked(tracked) => tracked.connection.clone(),
            Self::Packed(packed) => packed.unpack().connection,
        }
    }

    fn into_connection(self) -> Connection {
        match self {
            Self::Tracked(tracked) => tracked.connection,
            Self::Packed(packed) => packed.unpack().connection,
        }
    }

    pub(crate) fn first_frame(&self) -> FrameRef {
        match self {
            Self::Tracked(tracked) => tracked.connection.first_frame,
            Self::Packed(packed) => packed.first_frame(),
        }
    }

    /// Originator and responder.
    pub(crate) fn ends(&self) -> (Endpoint, Endpoint) {
        match self {
            Self::Tracked(tracked) => (tracked.connection.orig, tracked.connection.resp),
            Self::Packed(packed) => packed.ends(),
        }
    }

    /// Unpacks it where it stands.
    pub(crate) fn tracked(&mut self) -> &mut Tracked {
        if let Self::Packed(packed) = self {
            *self = Self::Tracked(packed.unpack());
        }
        match self {
            Self::Tracked(tracked) => tracked,
            Self::Packed(_) => unreachable!("unpacked above"),
        }
    }

    /// Packs it where it stands, unless it has said something since `now` less `idle` nanoseconds. Whether it is packed.
    pub(crate) fn pack(&mut self, now: Timestamp, idle: i64) -> bool {
        let Self::Tracked(tracked) = self else { return true };
        if tracked.connection.last.is_some_and(|last| now.since(last.time) < idle) {
            return false;
        }
        let Some(packed) = Packed::new(tracked) else { return false };
        *self = Self::Packed(packed);
        true
    }
}
