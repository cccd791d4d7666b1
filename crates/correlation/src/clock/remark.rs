//! What the offset of a clock looks like.

use std::fmt;

use super::{Clock, ClockPiece};

/// Something about a clock that is worth a word. Not a proof: an offset may look like this by chance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Remark {
    /// No packet contradicts that it is the reference clock itself.
    Identical,
    /// It is this many whole hours ahead of the reference clock, as local time taken for UTC is.
    WholeHours(i64),
    /// It is 37 s ahead of (1) or behind (−1) the reference clock, as TAI and UTC are since 2017.
    TaiUtc(i64),
    /// It was set, or began to run at another rate, between packets: it has more than one piece.
    Broken,
    /// Packets contradict all others and were left out: see [`Clock::contradictions`].
    Outliers,
    /// The clocks of other points say otherwise: one of them is not what its packets seem to tell.
    Contradicted,
}

impl Remark {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identical => "same-clock",
            Self::WholeHours(_) => "whole-hours",
            Self::TaiUtc(_) => "tai-utc",
            Self::Broken => "clock-break",
            Self::Outliers => "outliers",
            Self::Contradicted => "contradicted",
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |n: i64| if n < 0 { "behind" } else { "ahead" };
        match *self {
            Self::Identical => f.write_str("may be the reference clock itself"),
            Self::WholeHours(n) => {
                let plural = if n.abs() == 1 { "" } else { "s" };
                let (hours, side) = (n.abs(), side(n));
                write!(
                    f,
                    "whole hours off ({hours} hour{plural} {side}): local time taken for UTC?"
                )
            }
            Self::TaiUtc(n) => write!(f, "37 s {}: TAI and UTC?", side(n)),
            Self::Broken => f.write_str("was set or slewed during the capture"),
            Self::Outliers => f.write_str("some packets contradict all others and were left out"),
            Self::Contradicted => f.write_str("the clocks of other points say otherwise"),
        }
    }
}

impl Clock {
    /// What is worth a word, the offset as of [`Self::main_piece`].
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        let broken = (self.pieces.len() > 1).then_some(Remark::Broken);
        let outliers = (!self.contradictions.is_empty()).then_some(Remark::Outliers);
        let contradicted = self.contradicted.then_some(Remark::Contradicted);
        let looks = self
            .main_piece()
            .and_then(looks_like)
            .filter(|r| *r != Remark::Identical || (broken.is_none() && outliers.is_none()));
        looks.into_iter().chain(broken).chain(outliers).chain(contradicted).collect()
    }

    /// The longest piece.
    #[must_use]
    pub fn main_piece(&self) -> Option<&ClockPiece> {
        self.pieces.iter().max_by_key(|p| p.to.since(p.from))
    }
}

fn looks_like(piece: &ClockPiece) -> Option<Remark> {
    let bounds = piece.offset_at(piece.tightest_at);
    // Bounds that hold everything say nothing.
    if bounds.width() > NARROW {
        return None;
    }
    let zero = |at| {
        let there = piece.offset_at(at);
        there.low <= 0 && there.high >= 0
    };
    let [slow, _, fast] = piece.skew_ppm();
    if [piece.from, piece.tightest_at, piece.to].into_iter().all(zero) && slow <= 0.0 && fast >= 0.0
    {
        return Some(Remark::Identical);
    }
    let near = |offset: i64| {
        let within = bounds.low.saturating_sub(CLOSE)..=bounds.high.saturating_add(CLOSE);
        within.contains(&offset)
    };
    let hours = bounds.estimate.saturating_add(HOUR / 2).div_euclid(HOUR);
    if hours != 0 && near(hours.saturating_mul(HOUR)) {
        return Some(Remark::WholeHours(hours));
    }
    let sign = bounds.estimate.signum();
    near(sign * TAI_UTC).then_some(Remark::TaiUtc(sign))
}

/// Width of bounds above which they are not compared with anything, nanoseconds.
const NARROW: i64 = 100_000_000;

/// How far two clocks that NTP keeps may be apart, nanoseconds.
const CLOSE: i64 = 5_000_000;

const HOUR: i64 = 3_600_000_000_000;

/// TAI − UTC since 2017, nanoseconds.
const TAI_UTC: i64 = 37_000_000_000;
