//! Where connections are kept: as they are while packets come, else in few bytes.

use crosscap_packet::{Endpoint, FrameRef};

use crate::Connection;
use crate::pack::{self, Arena, Place};
use crate::tracked::Tracked;

/// All connections of a tracker, by their numbers from 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    slots: Vec<Slot>,
    seats: Vec<Seat>,
    /// Seats that nobody has.
    free: Vec<u32>,
    /// The seat to be looked at next by who needs one.
    hand: usize,
    packed: Arena,
    /// What is being packed.
    scratch: Vec<u8>,
}

/// Where a connection is.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Seated(u32),
    Packed { at: u32, len: u16 },
}

/// Room for a connection as it is. It is used again: nothing is allocated while connections come and go.
#[derive(Clone, Debug)]
struct Seat {
    tracked: Box<Tracked>,
    /// Whose it is.
    number: u32,
    /// Whether a packet came since it was looked at.
    is_used: bool,
}

impl Store {
    /// Connections kept as they are at a time, unless much of them cannot be packed.
    pub(crate) const SEATS: usize = 8_192;

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds one; its number.
    pub(crate) fn push(&mut self, orig: Endpoint, resp: Endpoint, incarnation: u32) -> u32 {
        // Four billion connections would need more memory than there is; the last number is then shared.
        let number = u32::try_from(self.slots.len()).unwrap_or(u32::MAX - 1);
        let seat = self.seat(number, Tracked::new(orig, resp, incarnation));
        self.slots.push(Slot::Seated(seat));
        number
    }

    /// The one with a number, for a packet.
    pub(crate) fn wake(&mut self, number: u32) -> &mut Tracked {
        let seat = match self.slots[number as usize] {
            Slot::Seated(seat) => seat,
            Slot::Packed { at, len } => {
                let unpacked = pack::unpack(self.packed.get(Place { at, len }));
                self.packed.free(Place { at, len });
                let seat = self.seat(number, unpacked);
                self.slots[number as usize] = Slot::Seated(seat);
                seat
            }
        };
        let seat = &mut self.seats[seat as usize];
        seat.is_used = true;
        &mut seat.tracked
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
        self.free.push(seat);
        true
    }

    /// What one is.
    pub(crate) fn connection(&self, number: usize) -> Connection {
        match self.slots[number] {
            Slot::Seated(seat) => self.seats[seat as usize].tracked.connection.clone(),
            Slot::Packed { at, len } => pack::unpack(self.packed.get(Place { at, len })).connection,
        }
    }

    pub(crate) fn first_frame(&self, number: usize) -> FrameRef {
        match self.slots[number] {
            Slot::Seated(seat) => self.seats[seat as usize].tracked.connection.first_frame,
            Slot::Packed { at, len } => pack::first_frame(self.packed.get(Place { at, len })),
        }
    }

    /// Originator and responder.
    pub(crate) fn ends(&self, number: u32) -> (Endpoint, Endpoint) {
        match self.slots[number as usize] {
            Slot::Seated(seat) => {
                let connection = &self.seats[seat as usize].tracked.connection;
                (connection.orig, connection.resp)
            }
            Slot::Packed { at, len } => pack::ends(self.packed.get(Place { at, len })),
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
                let seat = self.seat(number as u32, unpacked);
                self.slots[number] = Slot::Seated(seat);
                self.pack(number as u32);
            }
        }
    }

    /// Takes over those of others, in order of their first frames.
    pub(crate) fn merge(&mut self, others: impl Iterator<Item = Self>) {
        let count = self.len();
        for other in others {
            let (seats, first) = (self.seats.len() as u32, self.slots.len());
            let moved = self.packed.append(other.packed);
            self.seats.extend(other.seats);
            self.free.extend(other.free.iter().map(|seat| seats + seat));
            // Without room in 32 bits (32 GiB and more), nothing but the connection itself is lost.
            self.slots.extend(other.slots.iter().filter_map(|slot| {
                Some(match *slot {
                    Slot::Seated(seat) => Slot::Seated(seats + seat),
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
            for (number, slot) in self.slots.iter().enumerate() {
                if let Slot::Seated(seat) = *slot {
                    self.seats[seat as usize].number = number as u32;
                }
            }
        }
    }

    /// Lets go of what is only of use while packets come.
    pub(crate) fn finish(&mut self) {
        self.free.sort_unstable();
        for seat in std::mem::take(&mut self.free).into_iter().rev() {
            self.seats.swap_remove(seat as usize);
            if let Some(moved) = self.seats.get(seat as usize) {
                self.slots[moved.number as usize] = Slot::Seated(seat);
            }
        }
        self.scratch = Vec::new();
    }

    /// A seat for one.
    fn seat(&mut self, number: u32, tracked: Tracked) -> u32 {
        if self.free.is_empty() && self.seats.len() >= Self::SEATS {
            self.make_room();
        }
        if let Some(seat) = self.free.pop()
            && let Some(taken) = self.seats.get_mut(seat as usize)
        {
            *taken.tracked = tracked;
            (taken.number, taken.is_used) = (number, true);
            return seat;
        }
        self.seats.push(Seat { tracked: Box::new(tracked), number, is_used: true });
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

/// Seats looked at for each that is needed; only if none of the later half can be packed, one is added.
const LOOKS: usize = 16;

const _: () = assert!(size_of::<Slot>() == 8);
