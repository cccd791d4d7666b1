//! Where a record is likely to begin, by the looks of the bytes.

use crosscap_packet::Timestamp;

/// What a header looks like, if it may be one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Likely {
    /// Bytes from its first to the next header.
    pub(crate) len: usize,
    /// Its time; `None` for what has none.
    pub(crate) time: Option<Timestamp>,
}

/// The first place in `bytes`, before `limit`, from which one likely record follows another over more than a packet can
/// hold, so that they cannot all lie in the payload of one packet. `looks` judges what stands at a place. Where the
/// bytes end with the file (`is_end`), up to the end is enough. Times must not be far from `near`, nor from each other.
pub(crate) fn first(
    bytes: &[u8],
    limit: usize,
    is_end: bool,
    near: Timestamp,
    looks: impl Fn(&[u8]) -> Option<Likely>,
) -> Option<usize> {
    // Bytes made to look like records everywhere must not cost more than reading them.
    let mut hops = MAX_HOPS;
    for start in 0..limit.min(bytes.len()) {
        let (mut at, mut near) = (start, near);
        loop {
            let rest = bytes.get(at..).filter(|rest| rest.len() >= MIN_HEADER);
            let Some(rest) = rest else {
                // The last record may be cut.
                if at > start && (is_end || at - start > SPAN) {
                    return Some(start);
                }
                break;
            };
            if at - start > SPAN {
                return Some(start);
            }
            hops = hops.checked_sub(1)?;
            let Some(likely) = looks(rest).filter(|l| l.len <= SPAN && is_near(near, l.time))
            else {
                break;
            };
            near = likely.time.unwrap_or(near);
            at = at.saturating_add(likely.len);
        }
    }
    None
}

fn is_near(near: Timestamp, time: Option<Timestamp>) -> bool {
    time.is_none_or(|time| time.as_nanos().abs_diff(near.as_nanos()) < FAR)
}

/// More than a packet holds, the rarest aside.
pub(crate) const SPAN: usize = 256 << 10;
const MIN_HEADER: usize = 16;
const MAX_HOPS: u32 = 1 << 17;
/// 30 days, in nanoseconds: a quiet night and a quiet holiday.
const FAR: u64 = 30 * 86_400 * 1_000_000_000;
