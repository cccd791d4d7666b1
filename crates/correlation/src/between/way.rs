//! One direction between two legs, and what can be measured of it.

use crosscap_reassembly::Direction;

use super::copies::Sifted;
use super::pairing::Pairing;
use super::window::{Seen, Window};
use super::{Delay, SynOffer};
use crate::Bounds;

/// One direction.
pub(super) struct Way<'a> {
    pub(super) direction: Direction,
    pub(super) near: Seen<'a>,
    pub(super) far: Seen<'a>,
    /// Legs that packets pass before the near one, and behind the far one.
    pub(super) earlier: &'a [Seen<'a>],
    pub(super) further: &'a [Seen<'a>],
    pub(super) sent: Sifted,
    pub(super) came: Sifted,
    pub(super) pairing: Pairing,
}

impl Way<'_> {
    pub(super) fn delay(&self) -> Option<Delay> {
        let mut delays: Vec<Bounds> = Vec::new();
        for &(i, j, _) in self.pairing.exact.iter().filter(|e| e.2) {
            let (s, r) = (&self.sent.packets[i], &self.came.packets[j]);
            delays.push(self.near.delay_to(&self.far, s.time, r.time)?);
        }
        delays.sort_by_key(|b| b.estimate);
        let (min, max) = (*delays.first()?, *delays.last()?);
        Some(Delay { min, median: delays[(delays.len() - 1) / 2], max })
    }

    pub(super) fn hops(&self) -> Option<(i16, i16)> {
        let hops = self.pairing.exact.iter().map(|&(i, j, _)| {
            i16::from(self.sent.packets[i].ttl) - i16::from(self.came.packets[j].ttl)
        });
        hops.fold(None, |range, h| {
            Some(range.map_or((h, h), |(a, b): (i16, i16)| (a.min(h), b.max(h))))
        })
    }

    /// What the far leg saw of the sender's own packets; `None` where there are too few to know.
    pub(super) fn ttls(&self) -> Option<(u8, u8)> {
        let ttls = self.pairing.exact.iter().map(|e| self.came.packets[e.1].ttl);
        let range = ttls.fold(None, |range, t| {
            Some(range.map_or((t, t), |(a, b): (u8, u8)| (a.min(t), b.max(t))))
        });
        range.filter(|_| self.pairing.exact.len() >= 3)
    }

    pub(super) fn offer(&self) -> Option<[SynOffer; 2]> {
        let [near, far] = [self.near, self.far].map(|s| s.trace.syn(self.direction));
        let (near, far) = (near?, far?);
        let one = near.seq == far.seq
            && ((near.sole && far.sole) || (near.ip_id == far.ip_id && near.ip_id != 0));
        let (before, after) = (near.offer?, far.offer?);
        (one && before != after).then_some([before, after])
    }

    /// Payload of a full segment; 0 where the SYNs were not captured.
    pub(super) fn segment_size(&self) -> u64 {
        let sides = [self.near, self.far].map(|s| s.trace.syn(self.direction.reverse()));
        let offers = sides.into_iter().flatten().filter_map(|s| s.offer);
        let size = offers.filter_map(|o| o.options.maximum_segment_size).min();
        let timestamps = self.sent.packets.iter().any(|p| p.has_timestamps() && p.payload > 0);
        // RFC 9293 §3.7.1: options take their room from the segment.
        size.map_or(0, |s| u64::from(s).saturating_sub(if timestamps { 12 } else { 0 }))
    }

    pub(super) fn sent_window(&self, back: &Way<'_>) -> Window<'_> {
        let frames = |e: &(usize, usize, bool)| self.sent.packets[e.0].frame;
        let mine = (
            self.pairing.exact.iter().map(frames).min(),
            self.pairing.exact.iter().map(frames).max(),
        );
        // What came back was at the far leg before it was here.
        let back = back.pairing.exact.iter().map(|e| back.came.packets[e.1].frame).min();
        let first = [mine.0, back].into_iter().flatten().min();
        let longest = self.delay().map_or(0, |d| d.max.high);
        Window::new(self.near, self.far, first.zip(mine.1), [0, longest.saturating_add(MARGIN)])
    }

    pub(super) fn came_window(&self, back: &Way<'_>) -> Window<'_> {
        let frames = |e: &(usize, usize, bool)| self.came.packets[e.1].frame;
        let mine = (
            self.pairing.exact.iter().map(frames).min(),
            self.pairing.exact.iter().map(frames).max(),
        );
        let back = back.pairing.exact.iter().map(|e| back.sent.packets[e.0].frame).max();
        let last = [mine.1, back].into_iter().flatten().max();
        let longest = self.delay().map_or(0, |d| d.max.high);
        Window::new(self.far, self.near, mine.0.zip(last), [longest.saturating_add(MARGIN), 0])
    }
}

/// How long a capture must have been running after a packet that it does not have, besides the longest delay seen;
/// nanoseconds.
const MARGIN: i64 = 1_000_000_000;
