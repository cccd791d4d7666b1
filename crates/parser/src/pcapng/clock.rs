//! Times of an interface.

use crosscap_packet::Timestamp;

/// How an interface counts time: ticks of some length, since the epoch plus an offset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Clock {
    unit: Unit,
    // As the option has it.
    tsresol: u8,
    // Nanoseconds; i64 seconds fit with room to spare.
    offset: i128,
    // Too fine for 64 bits of ticks to reach from 1970 to today.
    too_fine: bool,
    // Ticks below `plain_below` are times `plain_factor` nanoseconds since the epoch: nearly all that there are.
    plain_below: u64,
    plain_factor: u64,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Unit {
    /// A tick is this many nanoseconds.
    Nanos(u64),
    /// A nanosecond is this many ticks.
    PerNano(u64),
    /// A second is 2 to this power ticks.
    PowerOfTwo(u32),
    /// So fine that all of 64 bits is less than a nanosecond.
    Nothing,
}

impl Clock {
    /// From the option if_tsresol: a negative power of ten, or of two where the highest bit is set.
    pub(super) fn set_resolution(&mut self, tsresol: u8) {
        self.tsresol = tsresol;
        let power = u32::from(tsresol & 0x7f);
        (self.unit, self.too_fine) = if tsresol & 0x80 != 0 {
            (Unit::PowerOfTwo(power), power >= 64)
        } else if let Some(coarser) = 9_u32.checked_sub(power) {
            (Unit::Nanos(10_u64.pow(coarser)), false)
        } else {
            let unit = 10_u64.checked_pow(power - 9).map_or(Unit::Nothing, Unit::PerNano);
            (unit, power >= 20)
        };
        self.set_plain();
    }

    /// From the option if_tsoffset: seconds to add.
    pub(super) fn set_offset(&mut self, seconds: i64) {
        self.offset = i128::from(seconds) * NANOS_PER_SECOND;
        self.set_plain();
    }

    pub(super) const fn tsresol(&self) -> u8 {
        self.tsresol
    }

    pub(super) const fn tsoffset(&self) -> i64 {
        // Set as 64 bits of seconds.
        (self.offset / NANOS_PER_SECOND) as i64
    }

    fn set_plain(&mut self) {
        (self.plain_below, self.plain_factor) = match self.unit {
            Unit::Nanos(n) if self.offset == 0 => (i64::MAX as u64 / n, n),
            _ => (0, 0),
        };
    }

    /// Whether the times mean nothing: all within a second of the epoch.
    #[inline(always)]
    pub(super) const fn is_useless(&self) -> bool {
        self.too_fine && self.offset == 0
    }

    /// The time of a packet, saturating.
    #[inline(always)]
    pub(super) fn timestamp(&self, ticks: u64) -> Timestamp {
        if ticks < self.plain_below {
            return Timestamp((ticks * self.plain_factor) as i64);
        }
        self.any_timestamp(ticks)
    }

    #[inline(never)]
    fn any_timestamp(&self, ticks: u64) -> Timestamp {
        let nanos = match self.unit {
            Unit::Nanos(n) => i128::from(ticks) * i128::from(n),
            Unit::PerNano(n) => i128::from(ticks / n),
            // Below 2⁶⁴ · 2³⁰.
            Unit::PowerOfTwo(power) => (i128::from(ticks) * NANOS_PER_SECOND) >> power,
            Unit::Nothing => 0,
        };
        let nanos = (nanos + self.offset).clamp(i64::MIN.into(), i64::MAX.into());
        Timestamp(nanos as i64)
    }
}

/// Microseconds, where nothing else is said.
impl Default for Clock {
    fn default() -> Self {
        let unit = Unit::Nanos(1000);
        let mut clock =
            Self { unit, tsresol: 6, offset: 0, too_fine: false, plain_below: 0, plain_factor: 0 };
        clock.set_plain();
        clock
    }
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(tsresol: u8, offset: i64) -> Clock {
        let mut clock = Clock::default();
        clock.set_resolution(tsresol);
        clock.set_offset(offset);
        clock
    }

    #[test]
    fn powers_of_ten() {
        for (tsresol, ticks, nanos) in [
            (0, 1_700_000_000, 1_700_000_000_000_000_000),
            (3, 1_700_000_000_001, 1_700_000_000_001_000_000),
            (6, 1_700_000_000_000_001, 1_700_000_000_000_001_000),
            (9, 1_700_000_000_000_000_001, 1_700_000_000_000_000_001),
            (10, 17_000_000_000_000_000_019, 1_700_000_000_000_000_001),
            (12, 1_000_000_000_999, 1_000_000_000),
            (19, u64::MAX, 1_844_674_407),
        ] {
            assert_eq!(clock(tsresol, 0).timestamp(ticks), Timestamp(nanos), "10^-{tsresol}");
        }
    }

    #[test]
    fn p3_base2_tsresol_is_understood() {
        for power in 0..64_u32 {
            let clock = clock(0x80 | power as u8, 0);
            assert!(!clock.is_useless());
            // One and a half seconds, where there are halves and room for them.
            if (1..63).contains(&power) {
                assert_eq!(
                    clock.timestamp(3 << (power - 1)),
                    Timestamp(1_500_000_000),
                    "2^-{power}"
                );
            }
        }
        assert_eq!(clock(0x80, 0).timestamp(1_700_000_000), Timestamp(1_700_000_000_000_000_000));
    }

    #[test]
    fn p5_times_saturate_and_keep_their_fractions() {
        assert_eq!(clock(6, i64::MIN).timestamp(5), Timestamp::MIN);
        assert_eq!(clock(0, i64::MAX).timestamp(u64::MAX), Timestamp::MAX);
        // A fraction beyond 32 bits, and seconds beyond 2106.
        assert_eq!(clock(12, 0).timestamp(1_999_999_999_999), Timestamp(1_999_999_999));
        assert_eq!(clock(3, 0).timestamp(5_000_000_000_123), Timestamp(5_000_000_000_123_000_000));
    }

    #[test]
    fn resolutions_too_fine_for_a_date_are_told() {
        for tsresol in 0..=u8::MAX {
            let too_fine = matches!(tsresol, 20..0x80 | 0xc0..);
            assert_eq!(clock(tsresol, 0).is_useless(), too_fine, "{tsresol}");
            let time = clock(tsresol, 0).timestamp(u64::MAX);
            assert!(!too_fine || time < Timestamp(1_000_000_000), "{tsresol}");
            assert!(!clock(tsresol, 1_700_000_000).is_useless());
        }
    }
}
