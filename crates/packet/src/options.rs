//! TCP options (RFC 9293 §3.1, RFC 7323, RFC 2018, RFC 7413, RFC 8684).

use nom::IResult;
use nom::bytes::complete::take;
use nom::number::complete::u8 as byte;

use crate::{OptionSummary, SeqNumber, SynOptions, TcpFlags};

/// The options area of a TCP header, walked without copying and past kinds it does not know.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TcpOptions<'a>(&'a [u8]);

/// One option.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TcpOption<'a> {
    /// Largest segment the sender takes, in bytes (kind 2, SYN only).
    MaximumSegmentSize(u16),
    /// Left shift of the sender's window (kind 3, SYN only).
    WindowScale(u8),
    /// The sender takes selective acknowledgements (kind 4, SYN only).
    SackPermitted,
    /// Blocks held beyond the acknowledgement: pairs of 4-byte edges (kind 5, RFC 2018).
    Sack(&'a [u8]),
    /// Timestamps (kind 8).
    Timestamps(TcpTimestamps),
    /// Fast open (kind 34, or 254 with its magic number; SYN only): the cookie, empty where one is asked for.
    FastOpen(&'a [u8]),
    /// Multipath TCP (kind 30): the subtype (RFC 8684 §3), and the value from the byte on whose upper half it is.
    Multipath {
        /// 0 capable, 1 join, 2 data sequence signal, 3 and 4 addresses, 5 priority, 6 fail, 7 fast close, 8 reset.
        subtype: u8,
        /// Without kind and length.
        value: &'a [u8],
    },
    /// Any other kind, with its value.
    Other {
        /// The option's kind.
        kind: u8,
        /// Its value, without kind and length.
        value: &'a [u8],
    },
}

/// The timestamps option (RFC 7323 §3): ticks of the sender's own clock, 1 ms on Linux, from an arbitrary start.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct TcpTimestamps {
    /// The sender's clock when it sent the segment.
    pub value: u32,
    /// The latest value of the peer, sent back; meaningful only with ACK.
    pub echo_reply: u32,
}

impl<'a> TcpOptions<'a> {
    /// Wraps the bytes between the fixed header and the payload.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether there is no option at all.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The options in order. Ends at the end-of-options mark or at the first malformed one.
    pub fn iter(self) -> impl Iterator<Item = TcpOption<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (after, found) = option(rest).ok()?;
            rest = after;
            found
        })
    }

    /// The timestamps option, where present.
    #[must_use]
    pub fn timestamps(self) -> Option<TcpTimestamps> {
        // The layout of nearly every segment of an established connection: NOP NOP TS.
        if let [1, 1, 8, 10, value @ ..] = self.0
            && let Some(ts) = timestamps(value)
        {
            return Some(ts);
        }
        self.iter().find_map(|o| if let TcpOption::Timestamps(ts) = o { Some(ts) } else { None })
    }

    /// What is worth keeping of the options of a segment with these flags and this acknowledgement.
    #[must_use]
    #[inline]
    pub fn summary(self, flags: TcpFlags, ack: SeqNumber) -> OptionSummary {
        // As in `timestamps`, for its twelve bytes alone.
        if let [1, 1, 8, 10, rest @ ..] = self.0
            && rest.len() == 8
            && !flags.contains(TcpFlags::SYN)
        {
            return OptionSummary::Other;
        }
        self.walked_summary(flags, ack)
    }

    fn walked_summary(self, flags: TcpFlags, ack: SeqNumber) -> OptionSummary {
        if flags.contains(TcpFlags::SYN) {
            return OptionSummary::Syn(SynOptions {
                maximum_segment_size: self.maximum_segment_size(),
                window_scale: self.window_scale(),
                sack_permitted: self.sack_permitted(),
            });
        }
        let mut blocks = self.sack_blocks();
        let Some((start, end)) = blocks.next() else { return OptionSummary::Other };
        let inside_second =
            blocks.next().is_some_and(|(s, e)| start.ahead_of(s) >= 0 && e.ahead_of(end) >= 0);
        let duplicate = ack.ahead_of(end) >= 0 || inside_second;
        OptionSummary::Sack { start, end, duplicate }
    }

    /// The largest segment the sender takes, in bytes, where present.
    #[must_use]
    pub fn maximum_segment_size(self) -> Option<u16> {
        self.iter().find_map(|o| {
            if let TcpOption::MaximumSegmentSize(bytes) = o { Some(bytes) } else { None }
        })
    }

    /// Whether the sender takes selective acknowledgements.
    #[must_use]
    pub fn sack_permitted(self) -> bool {
        self.iter().any(|o| o == TcpOption::SackPermitted)
    }

    /// The blocks that the sender holds beyond its acknowledgement: the first sequence number of each, and the one
    /// behind its last. The first block may be one that came twice (RFC 2883).
    pub fn sack_blocks(self) -> impl Iterator<Item = (SeqNumber, SeqNumber)> {
        let blocks = self
            .iter()
            .filter_map(|o| if let TcpOption::Sack(blocks) = o { Some(blocks) } else { None });
        blocks.flat_map(|blocks| blocks.as_chunks().0).map(|&[a, b, c, d, e, f, g, h]| {
            let edge = |bytes| SeqNumber(u32::from_be_bytes(bytes));
            (edge([a, b, c, d]), edge([e, f, g, h]))
        })
    }

    /// The window scale, where present; above 14 it counts as 14 (RFC 7323 §2.3).
    #[must_use]
    pub fn window_scale(self) -> Option<u8> {
        self.iter()
            .find_map(|o| if let TcpOption::WindowScale(s) = o { Some(s.min(14)) } else { None })
    }
}

/// One option, or `None` at the end-of-options mark; an error where the bytes end or a length lies.
fn option(input: &[u8]) -> IResult<&[u8], Option<TcpOption<'_>>> {
    let (mut rest, mut kind) = byte(input)?;
    while kind == 1 {
        (rest, kind) = byte(rest)?;
    }
    if kind == 0 {
        return Ok((rest, None));
    }
    let (rest, len) = byte(rest)?;
    // A length below 2 fails here instead of walking on the spot.
    let Some(value_len) = len.checked_sub(2) else {
        return Ok((rest, None));
    };
    let (rest, value) = take(value_len)(rest)?;
    let parsed = match (kind, value) {
        (2, &[a, b]) => TcpOption::MaximumSegmentSize(u16::from_be_bytes([a, b])),
        (3, &[shift]) => TcpOption::WindowScale(shift),
        (4, []) => TcpOption::SackPermitted,
        (30, &[first, ..]) => TcpOption::Multipath { subtype: first >> 4, value },
        (34, cookie) | (254, [0xf9, 0x89, cookie @ ..]) => TcpOption::FastOpen(cookie),
        (5, blocks) if blocks.len().is_multiple_of(8) => TcpOption::Sack(blocks),
        (8, value) if value.len() == 8 => {
            timestamps(value).map_or(TcpOption::Other { kind, value }, TcpOption::Timestamps)
        }
        _ => TcpOption::Other { kind, value },
    };
    Ok((rest, Some(parsed)))
}

fn timestamps(value: &[u8]) -> Option<TcpTimestamps> {
    let (value, rest) = value.split_first_chunk()?;
    let (echo_reply, _) = rest.split_first_chunk()?;
    Some(TcpTimestamps {
        value: u32::from_be_bytes(*value),
        echo_reply: u32::from_be_bytes(*echo_reply),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TS: TcpTimestamps = TcpTimestamps { value: 1, echo_reply: 2 };

    #[test]
    fn timestamps_behind_unknown_kinds_are_found() {
        // MPTCP (30), TCP fast open (34) and MD5 (19) come first: kinds that stop other parsers.
        let mut bytes = vec![30, 4, 9, 9, 34, 2, 19, 18];
        bytes.extend([7; 16]);
        bytes.extend([8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        assert_eq!(TcpOptions::new(&bytes).timestamps(), Some(TS));
    }

    #[test]
    fn syn_options() {
        let bytes = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7];
        let all: Vec<_> = TcpOptions::new(&bytes).iter().collect();
        assert_eq!(
            all,
            [
                TcpOption::MaximumSegmentSize(1460),
                TcpOption::SackPermitted,
                TcpOption::Timestamps(TS),
                TcpOption::WindowScale(7)
            ]
        );
        assert_eq!(TcpOptions::new(&bytes).maximum_segment_size(), Some(1460));
        assert!(TcpOptions::new(&bytes).sack_permitted());
        assert!(!TcpOptions::new(&bytes[..4]).sack_permitted());
    }

    #[test]
    fn sack_blocks() {
        let bytes = [1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 9, 255, 255, 255, 255, 0, 0, 0, 0];
        let blocks: Vec<_> =
            TcpOptions::new(&bytes).sack_blocks().map(|(a, b)| (a.0, b.0)).collect();
        assert_eq!(blocks, [(1, 9), (u32::MAX, 0)]);
        // Half a block is none, and a length beyond the options ends the walk.
        assert_eq!(TcpOptions::new(&[5, 6, 0, 0, 0, 1]).sack_blocks().count(), 0);
        assert_eq!(TcpOptions::new(&[5, 18, 0, 0, 0, 1]).sack_blocks().count(), 0);
    }

    #[test]
    fn a_block_below_the_acknowledgement_or_in_the_second_tells_of_a_duplicate() {
        let summary = |edges: &[u32], ack| {
            let mut bytes = vec![1, 1, 5, 2 + 4 * edges.len() as u8];
            bytes.extend(edges.iter().flat_map(|e| e.to_be_bytes()));
            match TcpOptions::new(&bytes).summary(TcpFlags::ACK, SeqNumber(ack)) {
                OptionSummary::Sack { start, end, duplicate } => (start.0, end.0, duplicate),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(summary(&[100, 200], 50), (100, 200, false));
        assert_eq!(summary(&[100, 200], 200), (100, 200, true));
        assert_eq!(summary(&[100, 200, 50, 300], 20), (100, 200, true));
        assert_eq!(summary(&[100, 200, 150, 300], 20), (100, 200, false));
        // RFC 2883 example across the wrap.
        assert_eq!(summary(&[u32::MAX - 9, 10], 10), (u32::MAX - 9, 10, true));
    }

    #[test]
    fn fast_open_and_multipath() {
        let bytes = [34, 6, 1, 2, 3, 4, 254, 6, 0xf9, 0x89, 5, 6, 34, 2, 30, 4, 0x10, 9, 254, 3, 0];
        let all: Vec<_> = TcpOptions::new(&bytes).iter().collect();
        assert_eq!(
            all,
            [
                TcpOption::FastOpen(&[1, 2, 3, 4]),
                TcpOption::FastOpen(&[5, 6]),
                TcpOption::FastOpen(&[]),
                TcpOption::Multipath { subtype: 1, value: &[0x10, 9] },
                TcpOption::Other { kind: 254, value: &[0] },
            ]
        );
    }

    #[test]
    fn lying_lengths_end_the_walk() {
        for bytes in [
            &[8, 0, 8, 10][..],
            &[8, 1],
            &[8],
            &[8, 10, 0, 0],
            &[3, 255, 1],
            &[0, 3, 3, 7],
            &[1, 1, 1],
        ] {
            assert_eq!(TcpOptions::new(bytes).iter().count(), 0, "{bytes:?}");
        }
        // A known kind with a wrong length is kept, as unknown.
        let odd = TcpOptions::new(&[8, 3, 1]);
        assert_eq!(odd.iter().next(), Some(TcpOption::Other { kind: 8, value: &[1] }));
        assert_eq!(odd.timestamps(), None);
    }
}
