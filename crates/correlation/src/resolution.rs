//! How coarse the times of a capture are.

use crosscap_packet::Timestamp;

/// The largest power of ten nanoseconds, up to a second, that all `times` are multiples of; 0 where that is a microsecond or
/// less, which is as good as the noise of timestamping, and where there are too few times to tell.
pub(crate) fn resolution(times: impl Iterator<Item = Timestamp>) -> i64 {
    let mut coarsest = SECOND;
    let mut different = 0;
    let mut before = None;
    for time in times {
        while time.as_nanos() % coarsest != 0 {
            coarsest /= 10;
            if coarsest <= MICROSECOND {
                return 0;
            }
        }
        different += u32::from(before != Some(time));
        before = Some(time);
    }
    if different < FEW { 0 } else { coarsest }
}

const SECOND: i64 = 1_000_000_000;
const MICROSECOND: i64 = 1_000;

/// Times that are round by chance are rarer than one in 10, each; in a microsecond capture, of the last digit that counts.
const FEW: u32 = 16;
