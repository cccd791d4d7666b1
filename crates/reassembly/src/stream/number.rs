//! From sequence numbers, which repeat every 4 GiB, to positions, which do not.

use crosscap_packet::SeqNumber;

/// Gives each number of a flow the position nearest to the highest one so far.
///
/// No window is larger than [`WINDOW`]. A number farther away is a stray one: it gets a position, and changes nothing,
/// unless [`RUN`] in a row lie within a window of each other. Then the capture has missed that much, and goes on there.
/// So a forged or damaged number moves none of those that follow it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbering {
    /// The number at position 0.
    zero: SeqNumber,
    /// The highest position that counts; `None` before the first.
    top: Option<i64>,
    /// The latest stray number and how many there were in a row.
    strays: Option<(i64, u32)>,
}

/// Where a number lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Here.
    At(i64),
    /// Far from all before, but for the [`RUN`] − 1 just before it: they count after all.
    Jump(i64),
    /// Far from all before.
    Stray {
        at: i64,
        /// Whether the number before was not, or lay elsewhere.
        first: bool,
    },
}

impl Numbering {
    /// Forgets all, and puts `seq` at position 0.
    pub(super) fn restart(&mut self, seq: SeqNumber) {
        *self = Self { zero: seq, top: Some(0), strays: None };
    }

    /// Whether there was a number.
    pub(super) const fn has_begun(&self) -> bool {
        self.top.is_some()
    }

    /// The number at a position.
    pub(super) fn number(&self, at: i64) -> SeqNumber {
        self.zero + at as u32
    }

    /// The position of `seq` that is nearest to `near`.
    pub(super) fn nearest(&self, near: i64, seq: SeqNumber) -> i64 {
        near + i64::from(seq.ahead_of(self.number(near)))
    }

    /// Whether `seq` lies within a window of the highest number.
    pub(super) fn is_near(&self, seq: SeqNumber) -> bool {
        self.top.is_some_and(|top| is_near(top, self.nearest(top, seq)))
    }

    /// The next number in capture order.
    pub(super) fn place(&mut self, seq: SeqNumber) -> Place {
        let Some(top) = self.top else {
            self.restart(seq);
            return Place::At(0);
        };
        let at = self.nearest(top, seq);
        if is_near(top, at) {
            self.top = Some(top.max(at));
            self.strays = None;
            return Place::At(at);
        }
        if let Some((before, count)) = self.strays {
            let at = self.nearest(before, seq);
            if is_near(before, at) {
                if count + 1 >= RUN {
                    (self.top, self.strays) = (Some(at), None);
                    return Place::Jump(at);
                }
                self.strays = Some((at, count + 1));
                return Place::Stray { at, first: false };
            }
        }
        self.strays = Some((at, 1));
        Place::Stray { at, first: true }
    }
}

pub(super) fn is_near(a: i64, b: i64) -> bool {
    a.abs_diff(b) <= WINDOW
}

/// The largest window, 65,535 × 2¹⁴ bytes, rounded up (RFC 7323 §2.3).
const WINDOW: u64 = 1 << 30;

/// Numbers in a row that outweigh all before.
const RUN: u32 = 3;
