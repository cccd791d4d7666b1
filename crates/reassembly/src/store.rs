//! Where connections are kept: as they are while packets come, else in few bytes.

use crosscap_packet::{Endpoint, FrameRef};
use hashbrown::HashTable;

use crate::Connection;
use crate::pack::{self, Arena, Place};
use crate::tracked::Tracked;

/// All connections of a tracker, by their numbers from 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    slots: Vec<Slot>,
    /// The latest incarnation of each four-tuple that has a seat: few enough to stay in a cache, unlike all.
    awake: HashTable<Entry>,
    seats: Vec<Seat>,
    /// Seats that nobody has.
    free: Vec<u32>,
    /// The seat to be looked at next by who needs one.
    hand: usize,
    packed: Arena,
    /// What is being packed.
    scratch: Vec<u8>,
    evicted: usize,
}

/// Where a connection is.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Seated(u32),
    Packed {
        at: u32,
        len: u16,
    },
    /// Given up for others.
    Evicted,
}

/// Room for a connection as it is. It is used again: nothing is allocated while connections come and go.
#[derive(Clone, Debug)]
struct Seat {
    tracked: Box<Tracked>,
    /// Whose it is.
    number: u32,
    /// Of its four-tuple.
    tag: u32,
    /// Whether a packet came since it was looked at.
    is_used: bool,
}

/// Where a connection is found, with half the hash of its four-tuple: a table that grows need not look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) place: u32,
    pub(crate) tag: u32,
}

impl Entry {
    /// What a table takes for the hash: it uses the upper bits and the lower ones.
    pub(crate) fn hash(tag: u32) -> u64 {
        u64::from(tag) << 32 | u64::from(tag)
    }
}

impl Store {
    /// Connections kept as they are at a time, unless much of them cannot be packed.
    pub(crate) const SEATS: usize = 8_192;

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many were given up.
    pub(crate) fn evicted(&self) -> usize {
        self.evicted
    }

    /// Those that are kept.
    pub(crate) fn kept(&self) -> usize {
        self.slots.len() - self.evicted
    }

    /// The seat of the latest connection between two ends, if it has one. `tag` is that of the ends.
    pub(crate) fn find(&self, tag: u32, a: Endpoint, b: Endpoint) -> Option<u32> {
        let is_it = |e: &Entry| e.tag == tag && self.is_at(e.place, a, b);
        self.awake.find(Entry::hash(tag), is_it).map(|e| e.place)
    }

    /// Whether the connection at a seat is between two ends.
    pub(crate) fn is_at(&self, seat: u32, a: Endpoint, b: Endpoint) -> bool {
        let connection = &self.seats[seat as usize].tracked.connection;
        is_between((connection.orig, connection.resp), a, b)
    }

    /// The number and the connection at a seat, for a packet.
    pub(crate) fn at(&mut self, seat: u32) -> (u32, &mut Tracked) {
        let seat = &mut self.seats[seat as usize];
        seat.is_used = true;
        (seat.number, &mut seat.tracked)
    }

    /// Adds one; its seat. `before` is the seat of the one before it between the same ends.
    pub(crate) fn push(
        &mut self,
        orig: Endpoint,
        resp: Endpoint,
        incarnation: u32,
        tag: u32,
        before: Option<u32>,
    ) -> u32 {
        if let Some(before) = before {
            self.forget(before);
        }
        // Four billion connections would need more memory than there is; the last number is then shared.
        let number = u32::try_from(self.slots.len()).unwrap_or(u32::MAX - 1);
        let seat = self.seat(number, tag, Tracked::new(orig, resp, incarnation));
        self.slots.push(Slot::Seated(seat));
        seat
    }

    /// The seat of the one with a number, which is the latest of its four-tuple.
    pub(crate) fn wake(&mut self, number: u32, tag: u32) -> Option<u32> {
        match self.slots[number as usize] {
            Slot::Seated(seat) => Some(seat),
            Slot::Evicted => None,
            Slot::Packed { at, len } => {
                let unpacked = pack::unpack(self.packed.get(Place { at, len }));
                self.packed.free(Place { at, len });
                let seat = self.seat(number, tag, unpacked);
                self.slots[number as usize] = Slot::Seated(seat);
                Some(seat)
            }
        }
    }

    /// Packs one and leaves its seat to others, where it has any and can be packed. Whether that was done.
    pub(crate) fn pack(&mut self, number: u32) -> bool {
        let Some(&Slot::Seated(seat)) = self.slots.get(number as usize) else { return false };
        self.scratch.clear();
        if !pack::pack(&mut self.seats[seat as usize].tracked, &mut self.scratch) {
            return false;
        }
        let Some(Place { at, len }) = self.packed.put(&self.scratch) else { return false };
        self.slots[number as usize] = Slot::Packed { at, len };
        self.forget(seat);
        self.free.push(seat);
        true
    }

    /// What one is.
    ///
    /// # Panics
    ///
    /// Where it was evicted: none that was is left when all are [finished](Self::finish).
    pub(crate) fn connection(&self, number: usize) -> Connection {
        match self.peek(number) {
            Some(connection) => connection,
            None => unreachable!("evicted"),
        }
    }

    /// What one is, unless it was evicted.
    pub(crate) fn peek(&self, number: usize) -> Option<Connection> {
        match *self.slots.get(number)? {
            Slot::Seated(seat) => Some(self.seats[seat as usize].tracked.connection.clone()),
            Slot::Packed { at, len } => Some(pack::look(self.packed.get(Place { at, len }))),
            Slot::Evicted => None,
        }
    }

    /// Gives one up.
    pub(crate) fn evict(&mut self, number: u32) {
        match std::mem::replace(&mut self.slots[number as usize], Slot::Evicted) {
            Slot::Seated(seat) => {
                self.forget(seat);
                self.free.push(seat);
            }
            Slot::Packed { at, len } => self.packed.free(Place { at, len }),
            Slot::Evicted => return,
        }
        self.evicted += 1;
    }

    pub(crate) fn first_frame(&self, number: usize) -> FrameRef {
        match self.slots[number] {
            Slot::Seated(seat) => self.seats[seat as usize].tracked.connection.first_frame,
            Slot::Packed { at, len } => pack::first_frame(self.packed.get(Place { at, len })),
            Slot::Evicted => FrameRef::new(0, 0),
        }
    }

    /// See [`Connection::flip`].
    pub(crate) fn flip(&mut self, number: usize) {
        match self.slots[number] {
            Slot::Seated(seat) => self.seats[seat as usize].tracked.flip(),
            Slot::Packed { at, len } => {
                let mut unpacked = pack::unpack(self.packed.get(Place { at, len }));
                unpacked.flip();
                self.packed.free(Place { at, len });
                self.slots[number] = self.put(unpacked);
            }
            Slot::Evicted => {}
        }
    }

    /// Packs one, or gives it a seat for good where it cannot be.
    fn put(&mut self, mut tracked: Tracked) -> Slot {
        self.scratch.clear();
        if pack::pack(&mut tracked, &mut self.scratch)
            && let Some(Place { at, len }) = self.packed.put(&self.scratch)
        {
            return Slot::Packed { at, len };
        }
        self.seats.push(Seat { tracked: Box::new(tracked), number: 0, tag: 0, is_used: false });
        Slot::Seated((self.seats.len() - 1) as u32)
    }

    /// Takes over those of others, in order of their first frames.
    pub(crate) fn merge(&mut self, others: impl Iterator<Item = Self>) {
        let count = self.len();
        for other in others {
            let (seats, first) = (self.seats.len() as u32, self.slots.len());
            let moved = self.packed.append(other.packed);
            self.seats.extend(other.seats);
            // Without room in 32 bits (32 GiB and more), nothing but the connection itself is lost.
            self.slots.extend(other.slots.iter().filter_map(|slot| {
                Some(match *slot {
                    Slot::Seated(seat) => Slot::Seated(seats + seat),
                    Slot::Evicted => Slot::Evicted,
                    Slot::Packed { at, len } => {
                        let Place { at, len } = moved(Place { at, len })?;
                        Slot::Packed { at, len }
                    }
                })
            }));
            debug_assert_eq!(self.slots.len(), first + other.slots.len());
        }
        if self.len() > count {
            let mut order: Vec<u32> = (0..self.len() as u32).collect();
            order.sort_by_cached_key(|&number| self.first_frame(number as usize));
            self.slots = order.iter().map(|&number| self.slots[number as usize]).collect();
        }
    }

    /// Lets go of what is only of use while packets come; no more may follow.
    pub(crate) fn finish(&mut self) {
        self.free.sort_unstable();
        for seat in std::mem::take(&mut self.free).into_iter().rev() {
            self.seats.swap_remove(seat as usize);
            if let Some(moved) = self.seats.get(seat as usize) {
                self.slots[moved.number as usize] = Slot::Seated(seat);
            }
        }
        self.slots.retain(|slot| !matches!(slot, Slot::Evicted));
        self.slots.shrink_to_fit();
        (self.awake, self.scratch) = Default::default();
    }

    /// Whether the one with a number is between two ends.
    pub(crate) fn is_between(&self, number: u32, a: Endpoint, b: Endpoint) -> bool {
        match self.slots[number as usize] {
            Slot::Seated(seat) => self.is_at(seat, a, b),
            Slot::Packed { at, len } => {
                is_between(pack::ends(self.packed.get(Place { at, len })), a, b)
            }
            Slot::Evicted => false,
        }
    }

    /// No longer finds the one at a seat.
    fn forget(&mut self, seat: u32) {
        let hash = Entry::hash(self.seats[seat as usize].tag);
        if let Ok(entry) = self.awake.find_entry(hash, |e| e.place == seat) {
            entry.remove();
        }
    }

    /// A seat for one.
    fn seat(&mut self, number: u32, tag: u32, tracked: Tracked) -> u32 {
        let seat = self.any_seat(number, tag, tracked);
        let rehash = |e: &Entry| Entry::hash(e.tag);
        self.awake.insert_unique(Entry::hash(tag), Entry { place: seat, tag }, rehash);
        seat
    }

    fn any_seat(&mut self, number: u32, tag: u32, tracked: Tracked) -> u32 {
        if self.free.is_empty() && self.seats.len() >= Self::SEATS {
            self.make_room();
        }
        if let Some(seat) = self.free.pop()
            && let Some(taken) = self.seats.get_mut(seat as usize)
        {
            *taken.tracked = tracked;
            (taken.number, taken.tag, taken.is_used) = (number, tag, true);
            return seat;
        }
        self.seats.push(Seat { tracked: Box::new(tracked), number, tag, is_used: true });
        (self.seats.len() - 1) as u32
    }

    /// Packs one that no packet came for since the last look, or the last of those looked at.
    fn make_room(&mut self) {
        for look in (0..LOOKS).rev() {
            self.hand = (self.hand + 1) % self.seats.len();
            let seat = &mut self.seats[self.hand];
            let (number, is_used) = (seat.number, seat.is_used);
            seat.is_used = false;
            if (!is_used || look < LOOKS / 2) && self.pack(number) {
                return;
            }
        }
    }
}

fn is_between(ends: (Endpoint, Endpoint), a: Endpoint, b: Endpoint) -> bool {
    ends == (a, b) || ends == (b, a)
}

/// Seats looked at for each that is needed; only if none of the later half can be packed, one is added.
const LOOKS: usize = 16;

const _: () = assert!(size_of::<Slot>() == 8);
