//! What the offset of a clock looks like.

use std::fmt;

use crosscap_packet::Timestamp;

use super::{Clock, ClockPiece};

/// Something about a clock that is worth a word. Not a proof: an offset may look like this by chance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Remark {
    /// No packet contradicts that it is the reference clock itself.
    Identical,
    /// It is this many whole hours ahead of the reference clock, at most 14, as local time taken for UTC is.
    WholeHours(i64),
    /// It is this many quarters of an hour ahead of the reference clock, as local time of some zones is.
    QuarterHours(i64),
    /// It is this many whole days ahead of the reference clock.
    WholeDays(i64),
    /// It shows a time before 1980 and the reference clock one of this century, as a clock does that was never set.
    Unset,
    /// It is the reference clock that shows such a time.
    UnsetReference,
    /// It is 37 s ahead of (1) or behind (−1) the reference clock, as TAI and UTC are since 2017.
    TaiUtc(i64),
    /// It was set, or began to run at another rate, between packets: it has more than one piece.
    Broken,
    /// So many packets contradict all others and were left out: see [`Clock::contradictions`].
    Outliers(usize),
    /// The clocks of other points say otherwise: one of them is not what its packets seem to tell.
    Contradicted,
    /// Its capture times are rounded to so many nanoseconds, for which the bounds allow.
    Coarse(i64),
    /// Those of the reference are.
    CoarseReference(i64),
}

impl Remark {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identical => "same-clock",
            Self::WholeHours(_) => "whole-hours",
            Self::QuarterHours(_) => "quarter-hours",
            Self::WholeDays(_) => "whole-days",
            Self::Unset | Self::UnsetReference => "unset",
            Self::TaiUtc(_) => "tai-utc",
            Self::Broken => "clock-break",
            Self::Outliers(_) => "outliers",
            Self::Contradicted => "contradicted",
            Self::Coarse(_) | Self::CoarseReference(_) => "coarse-times",
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |n: i64| if n < 0 { "behind" } else { "ahead" };
        let some = |n: i64, what: &str| {
            let plural = if n.abs() == 1 { "" } else { "s" };
            format!("{} {what}{plural} {}", n.abs(), side(n))
        };
        match *self {
            Self::Identical => f.write_str("may be the reference clock itself"),
            Self::WholeHours(n) => {
                write!(f, "whole hours off ({}): local time taken for UTC?", some(n, "hour"))
            }
            Self::QuarterHours(n) => {
                let minutes = n.saturating_mul(15);
                write!(f, "{}: local time taken for UTC?", some(minutes, "minute"))
            }
            Self::WholeDays(n) => write!(f, "{}: set to a wrong date?", some(n, "whole day")),
            Self::Unset => f.write_str("shows a time before 1980: was it never set?"),
            Self::UnsetReference => {
                f.write_str("the reference clock shows a time before 1980: was it never set?")
            }
            Self::TaiUtc(n) => write!(f, "37 s {}: TAI and UTC?", side(n)),
            Self::Broken => f.write_str("was set or slewed during the capture"),
            Self::Outliers(1) => f.write_str("a packet contradicts all others and was left out"),
            Self::Outliers(n) => write!(f, "{n} packets contradict all others and were left out"),
            Self::Contradicted => f.write_str("the clocks of other points say otherwise"),
            Self::Coarse(n) => write!(f, "capture times are rounded to {} s", seconds(n)),
            Self::CoarseReference(n) => {
                write!(f, "capture times of the reference are rounded to {} s", seconds(n))
            }
        }
    }
}

/// A power of ten below a second, or one.
fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

impl Clock {
    /// What is worth a word, the offset as of [`Self::main_piece`].
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        let broken = (self.pieces.len() > 1).then_some(Remark::Broken);
        let out = self.outliers;
        let outliers = (out > 0).then_some(Remark::Outliers(out));
        let contradicted = self.contradicted.then_some(Remark::Contradicted);
        let [reference, here] = self.coarse;
        let coarse = (here > 0).then_some(Remark::Coarse(here));
        let reference = (reference > 0).then_some(Remark::CoarseReference(reference));
        let looks = self
            .main_piece()
            .and_then(looks_like)
            .filter(|r| *r != Remark::Identical || (broken.is_none() && outliers.is_none()));
        let all = [looks, broken, outliers, contradicted, coarse, reference];
        all.into_iter().flatten().collect()
    }

    /// The longest piece.
    #[must_use]
    pub fn main_piece(&self) -> Option<&ClockPiece> {
        self.pieces.iter().max_by_key(|p| p.to.since(p.from))
    }
}

fn looks_like(piece: &ClockPiece) -> Option<Remark> {
    let bounds = piece.offset_at(piece.tightest_at);
    let year = |shown: Timestamp| shown.as_nanos() / YEAR + 1_970;
    let was_set = |year: i64| year >= 2_000;
    let never_set = |year: i64| year < 1_980;
    let [reference, here] = [piece.from, piece.from + bounds.estimate].map(year);
    if was_set(reference) && never_set(here) {
        return Some(Remark::Unset);
    }
    if never_set(reference) && was_set(here) {
        return Some(Remark::UnsetReference);
    }
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
    let nearest = |unit: i64| bounds.estimate.saturating_add(unit / 2).div_euclid(unit);
    let days = nearest(DAY);
    if days != 0 && near(days.saturating_mul(DAY)) {
        return Some(Remark::WholeDays(days));
    }
    let quarters = nearest(HOUR / 4);
    if quarters != 0 && quarters.abs() <= 4 * MOST_HOURS && near(quarters * (HOUR / 4)) {
        let hours = quarters % 4 == 0;
        let remark = if hours { Remark::WholeHours } else { Remark::QuarterHours };
        return Some(remark(if hours { quarters / 4 } else { quarters }));
    }
    let sign = bounds.estimate.signum();
    near(sign * TAI_UTC).then_some(Remark::TaiUtc(sign))
}

/// Width of bounds above which they are not compared with anything, nanoseconds.
const NARROW: i64 = 100_000_000;

/// How far two clocks that NTP keeps may be apart, nanoseconds.
const CLOSE: i64 = 5_000_000;

const HOUR: i64 = 3_600_000_000_000;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 31_556_952_000_000_000;

/// No time zone is further from UTC.
const MOST_HOURS: i64 = 14;

/// TAI − UTC since 2017, nanoseconds.
const TAI_UTC: i64 = 37_000_000_000;
