//! Where a reset came from, told by both ends.

use crosscap_correlation::Row;
use crosscap_packet::Timestamp;
use crosscap_reassembly::{Direction, Reset, Sighting};

use crate::case::{Case, LegView};

/// A reset that one end got in the name of the other.
#[derive(Clone, Copy)]
pub(super) struct Got<'a> {
    /// In whose name.
    pub(super) from: Direction,
    /// The leg at the side of the end that got it.
    pub(super) here: LegView<'a>,
    /// The reset, as that leg saw it.
    pub(super) reset: Reset,
    /// The leg at the side of the end in whose name it was sent.
    pub(super) there: Option<LegView<'a>>,
    pub(super) origin: Origin,
}

/// Who sent a reset.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// The end in whose name it came: it was seen leaving there.
    Sender,
    /// Something between the points: it would have been seen leaving the other end, and was not.
    Between,
    /// These captures do not tell.
    Unknown,
}

impl<'a> Got<'a> {
    /// The first reset in the name of `from`.
    pub(super) fn of(case: &Case<'a>, from: Direction) -> Option<Self> {
        let [there, other] = match from {
            Direction::Orig => [case.orig_side(), case.resp_side()],
            Direction::Resp => [case.resp_side(), case.orig_side()],
        };
        let here = other.or(there)?;
        let reset = here.connection.flow(from).reset()?;
        let there = there.filter(|t| t.place != here.place || other.is_none());
        let origin = match there {
            Some(t) if t.connection.flow(from).reset().is_some() => Origin::Sender,
            Some(t) if shows_both(case, t, here, reset.at.time) => Origin::Between,
            _ => Origin::Unknown,
        };
        Some(Self { from, here, reset, there, origin })
    }

    /// The packet that the reset answers: its acknowledgement is the reset's number, or the reset acknowledges it.
    pub(super) fn provoked_by(&self, case: &Case<'a>) -> Option<(&'a Row, Sighting)> {
        let at = &self.reset.at;
        case.rows_at(self.here.place)
            .filter(|(row, seen)| {
                row.direction == self.from.reverse()
                    && seen.at.frame < at.frame
                    && at.time.since(seen.at.time) <= PROMPT
                    && seen.at.segment.ack == at.segment.seq
            })
            .map(|(row, seen)| (row, seen.at))
            .next_back()
    }

    /// For how long nothing had passed the leg before a frame of it, nanoseconds.
    pub(super) fn silence_before(&self, case: &Case<'a>, at: &Sighting) -> Option<i64> {
        let earlier = case.rows_at(self.here.place).filter(|(_, seen)| seen.at.frame < at.frame);
        let last = earlier.map(|(_, seen)| seen.at).max_by_key(|s| s.frame)?;
        Some(at.time.since(last.time))
    }
}

/// Whether a leg would show a packet of either end at a time that another leg's clock tells.
fn shows_both(case: &Case<'_>, leg: LegView<'_>, other: LegView<'_>, time: Timestamp) -> bool {
    Direction::BOTH.iter().all(|d| case.would_show(leg, *d, other.leg.point, time))
}

/// An answer that takes longer is none, nanoseconds.
const PROMPT: i64 = 1_000_000_000;
