//! IP datagrams from their fragments.

mod datagram;
mod pending;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

pub use datagram::Datagram;
use pending::Pending;

use crate::{Fragment, Timestamp, Tunnel};

/// Puts IP datagrams together from fragments, which are to be given in the order of the capture.
///
/// - Where fragments overlap, the bytes that came first count; [`Datagram::overlapped`] and [`DefragStats::overlaps`]
///   say that it happened. Exact repetitions are no overlap.
/// - A fragment that the snap length cut still counts with its length on the wire. The bytes of the datagram end where
///   the first one is missing.
/// - Memory is bounded by [`DefragLimits`]; the oldest datagrams go first.
/// - Time is that of the capture. A datagram is given up when its first fragment is older than the limit; a clock that
///   steps back gives up nothing.
///
/// ```
/// use crosscap_packet::{Decoded, Defragmenter, LinkType, Timestamp, decode};
///
/// // A TCP segment in two fragments of 16 and 4 bytes.
/// let header = |len, place| [0x45, 0, 0, len, 0, 1, place, 0, 64, 6, 0, 0, 10, 1, 0, 2, 10, 96, 0, 10];
/// let tcp = [0x9d, 0xe6, 0, 80, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0];
/// let first = [&header(36, 0x20)[..], &tcp[..16]].concat();
/// let mut second = [&header(24, 0)[..], &tcp[16..]].concat();
/// second[7] = 2; // in units of eight bytes
///
/// let mut defragmenter = Defragmenter::new();
/// let mut push = |frame| match decode(LinkType::RAW, frame, 0) {
///     Decoded::Fragment(fragment) => defragmenter.push(&fragment, Timestamp(0)),
///     other => panic!("{other:?}"),
/// };
/// assert!(push(&second).is_none());
/// let datagram = push(&first).expect("complete");
/// let Decoded::Tcp(packet) = datagram.decode() else { panic!("not TCP") };
/// assert_eq!(packet.segment.seq.0, 7);
/// ```
#[derive(Debug, Default)]
pub struct Defragmenter {
    limits: DefragLimits,
    pending: HashMap<Key, Pending>,
    /// Keys in order of their first fragments.
    by_age: BTreeMap<u64, Key>,
    /// Datagrams ever begun.
    begun: u64,
    /// What all pending datagrams take.
    bytes: usize,
    stats: DefragStats,
}

/// How much a [`Defragmenter`] keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DefragLimits {
    /// Memory for all incomplete datagrams, in bytes, what keeps them in order included: 32 MiB unless told otherwise.
    pub bytes: usize,
    /// Incomplete datagrams: 65,535 unless told otherwise.
    pub datagrams: usize,
    /// Nanoseconds that a datagram's fragments may lie apart: 60 s unless told otherwise (RFC 8200 §4.5).
    pub age: i64,
}

impl Default for DefragLimits {
    fn default() -> Self {
        Self { bytes: 32 << 20, datagrams: 65_535, age: 60_000_000_000 }
    }
}

/// What became of the fragments.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DefragStats {
    /// Datagrams put together.
    pub reassembled: u64,
    /// Datagrams of which fragments are missing: given up for their age, or not complete yet.
    pub incomplete: u64,
    /// Datagrams given up for lack of memory.
    pub evicted: u64,
    /// Fragments that overlap others of their datagram without being a repetition, or contradict its length.
    pub overlaps: u64,
    /// Fragments that no datagram can hold: empty ones, and those that reach beyond 65,535 bytes.
    pub rejected: u64,
}

/// What fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    /// Of IPv4 only (RFC 791 §3.2).
    protocol: Option<u8>,
    tunnel: Option<Tunnel>,
}

impl Key {
    fn of(f: &Fragment<'_>) -> Self {
        let protocol = f.src.is_ipv4().then_some(f.protocol);
        Self { src: f.src, dst: f.dst, id: f.id, protocol, tunnel: f.tunnel }
    }
}

impl Defragmenter {
    /// One with the usual limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One with other limits.
    #[must_use]
    pub fn with_limits(limits: DefragLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a fragment captured at `time`; gives the datagram that it completes.
    pub fn push(&mut self, fragment: &Fragment<'_>, time: Timestamp) -> Option<Datagram> {
        self.give_up_before(time);
        if fragment.len == 0 || fragment.offset.saturating_add(fragment.len) > MAX_DATAGRAM {
            self.stats.rejected += 1;
            return None;
        }
        let key = Key::of(fragment);
        // The oldest may be of a clock that was ahead; then others are old too.
        if self.pending.get(&key).is_some_and(|p| self.is_old(p, time)) {
            self.remove(&key);
            self.stats.incomplete += 1;
        }
        let pending = self.pending.entry(key).or_insert_with(|| {
            self.begun += 1;
            self.by_age.insert(self.begun, key);
            let begun = Pending::new(self.begun, time);
            self.bytes += begun.cost();
            begun
        });
        let before = pending.cost();
        self.stats.overlaps += u64::from(pending.push(fragment));
        self.bytes = self.bytes - before + pending.cost();
        if pending.is_complete() {
            self.stats.reassembled += 1;
            return self.remove(&key)?.into_datagram(fragment);
        }
        while self.bytes > self.limits.bytes || self.pending.len() > self.limits.datagrams {
            self.stats.evicted += u64::from(self.remove_oldest());
        }
        None
    }

    /// What became of the fragments so far.
    #[must_use]
    pub fn stats(&self) -> DefragStats {
        let incomplete = self.stats.incomplete + self.pending.len() as u64;
        DefragStats { incomplete, ..self.stats }
    }

    /// The memory that incomplete datagrams take, in bytes, as counted against [`DefragLimits::bytes`].
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives up what began too long ago.
    fn give_up_before(&mut self, time: Timestamp) {
        while let Some((_, key)) = self.by_age.first_key_value()
            && self.pending.get(key).is_some_and(|oldest| self.is_old(oldest, time))
        {
            self.stats.incomplete += u64::from(self.remove_oldest());
        }
    }

    fn is_old(&self, pending: &Pending, time: Timestamp) -> bool {
        time.since(pending.begun()) > self.limits.age
    }

    fn remove_oldest(&mut self) -> bool {
        let oldest = self.by_age.first_key_value().map(|(_, key)| *key);
        oldest.is_some_and(|key| self.remove(&key).is_some())
    }

    fn remove(&mut self, key: &Key) -> Option<Pending> {
        let pending = self.pending.remove(key)?;
        self.by_age.remove(&pending.place());
        self.bytes -= pending.cost();
        Some(pending)
    }
}

/// The longest payload that the length field of IP allows, and some more.
const MAX_DATAGRAM: u32 = 65_535;

#[cfg(test)]
mod tests;
