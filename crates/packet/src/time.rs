//! Capture timestamps.

use std::ops::{Add, Sub};

/// A point in time: nanoseconds since the Unix epoch (1970-01-01T00:00:00 UTC, no leap seconds), in the clock of the
/// capture that recorded it. Negative before 1970. The range is the years 1677 to 2262.
///
/// Timestamps of two captures are comparable only after their clock offset is bounded.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The earliest time that can be written.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time that can be written.
    pub const MAX: Self = Self(i64::MAX);

    /// From whole seconds and nanoseconds, saturating at the ends of the range.
    #[must_use]
    pub const fn from_parts(seconds: i64, nanos: u32) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos as i64))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to `self`, saturating; negative where `self` is the earlier one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<i64> for Timestamp {
    type Output = Self;

    /// Later by `nanos`, saturating.
    fn add(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<i64> for Timestamp {
    type Output = Self;

    /// Earlier by `nanos`, saturating.
    fn sub(self, nanos: i64) -> Self {
        Self(self.0.saturating_sub(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_saturate_instead_of_wrapping() {
        assert_eq!(Timestamp::from_parts(1, 5), Timestamp(1_000_000_005));
        assert_eq!(Timestamp::from_parts(-1, 5), Timestamp(-999_999_995));
        assert_eq!(Timestamp::from_parts(i64::MAX, 0), Timestamp::MAX);
        assert_eq!(Timestamp::from_parts(i64::MIN, 0), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.since(Timestamp::MIN), i64::MAX);
    }
}
