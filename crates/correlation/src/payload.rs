//! What a flow sent, in a few numbers: equal where two points saw the same bytes, however they were cut into segments.

use std::sync::OnceLock;

use crosscap_packet::{Endpoint, SeqNumber};

use crate::modular::{power, reduced, times};
use crate::proxies::ProxyHeader;

/// Takes the payload of one flow, in any order, each byte once.
#[derive(Clone, Debug)]
pub struct StreamDigester {
    /// Sequence number of the first stream byte.
    begin: SeqNumber,
    /// Stream offsets taken, sorted and apart.
    taken: Vec<[u64; 2]>,
    blocks: Vec<u64>,
    kinds: [u32; 16],
    left_out: bool,
    header: Option<ProxyHeader>,
}

/// What a flow sent, apart from the header by which a proxy tells whose connection it goes on with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StreamDigest {
    /// Bytes from the beginning without a gap.
    length: u64,
    /// Whether bytes behind a gap were seen or left out.
    has_gaps: bool,
    /// Hashes of the bytes up to 64, from there to 128, to 256, and so on.
    blocks: Vec<u64>,
    /// How many bytes there are of each of 16 kinds.
    kinds: [u32; 16],
    header: Option<ProxyHeader>,
}

/// How two digests compare.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Agreement {
    /// All bytes are equal.
    Equal,
    /// As many bytes from the beginning are equal, and what follows was not seen at one point.
    Begins(u64),
    /// Some differ.
    Differs,
    /// Too little was seen.
    Unknown,
}

impl StreamDigester {
    /// For a flow whose initial sequence number is `isn`.
    #[must_use]
    pub fn new(isn: SeqNumber) -> Self {
        Self {
            begin: isn + 1,
            taken: Vec::new(),
            blocks: Vec::new(),
            kinds: [0; 16],
            left_out: false,
            header: None,
        }
    }

    /// Takes the captured payload of a segment, whose first byte has the sequence number `seq`.
    pub fn push(&mut self, seq: SeqNumber, payload: &[u8]) {
        let high = self.taken.last().map_or(0, |last| last[1]);
        // Next to the highest offset; truncation is the modulus.
        let mut offset = high.cast_signed() + i64::from(seq.ahead_of(self.begin + high as u32));
        if offset == 0 && self.taken.is_empty() && self.header.is_none() {
            self.header = ProxyHeader::read(payload);
            let length = self.header.map_or(0, |header| header.length);
            self.begin = self.begin + length;
            offset -= i64::from(length);
        }
        // What lies before the first byte: the header, or the byte that a probe sends again.
        let early = usize::try_from(offset.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let payload = payload.get(early..).unwrap_or_default();
        if payload.is_empty() {
            return;
        }
        let start = offset.max(0).unsigned_abs();
        let end = start + payload.len() as u64;
        let mut gaps = Vec::new();
        let mut from = start;
        let first = self.taken.partition_point(|piece| piece[1] < start);
        let mut last = first;
        while let Some(piece) = self.taken.get(last).filter(|piece| piece[0] <= end) {
            if piece[0] > from {
                gaps.push([from, piece[0]]);
            }
            from = from.max(piece[1]);
            last += 1;
        }
        if from < end {
            gaps.push([from, end]);
        }
        if first == last && self.taken.len() >= MAX_PIECES {
            self.left_out = true;
            return;
        }
        let joined = self.taken[first..last]
            .iter()
            .fold([start, end], |[low, high], piece| [low.min(piece[0]), high.max(piece[1])]);
        self.taken.splice(first..last, [joined]);
        for [from, to] in gaps {
            // Both lie within the payload.
            self.hash(from, &payload[(from - start) as usize..(to - start) as usize]);
        }
    }

    fn hash(&mut self, mut offset: u64, mut bytes: &[u8]) {
        for byte in bytes {
            let kind = &mut self.kinds[usize::from((byte ^ (byte >> 4)) & 15)];
            *kind = kind.saturating_add(1);
        }
        while !bytes.is_empty() {
            let (block, end) = block(offset);
            let mine = usize::try_from(end - offset).unwrap_or(usize::MAX).min(bytes.len());
            let (now, rest) = bytes.split_at(mine);
            if self.blocks.len() <= block {
                self.blocks.resize(block + 1, 0);
            }
            let sum = &mut self.blocks[block];
            *sum = reduced(u128::from(*sum) + u128::from(polynomial(now, offset)));
            (offset, bytes) = (offset + mine as u64, rest);
        }
    }

    /// Notes that payload was sent that was not captured.
    pub fn leave_out(&mut self) {
        self.left_out = true;
    }

    /// What was taken.
    #[must_use]
    pub fn finish(self) -> StreamDigest {
        let length = self.taken.first().filter(|piece| piece[0] == 0).map_or(0, |piece| piece[1]);
        let has_gaps = self.left_out || self.taken.last().is_some_and(|piece| piece[1] > length);
        let Self { blocks, kinds, header, .. } = self;
        StreamDigest { length, has_gaps, blocks, kinds, header }
    }
}

impl StreamDigest {
    /// Bytes from the beginning without a gap.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// The ends of the connection that a proxy says it goes on with.
    pub(crate) fn named(&self) -> Option<[Endpoint; 2]> {
        self.header?.ends
    }

    /// Whether a proxy's header stands before the stream.
    pub(crate) fn has_header(&self) -> bool {
        self.header.is_some()
    }

    /// Equal where all that was seen of two streams is.
    pub(crate) fn content(&self) -> (u64, bool, &[u64]) {
        (self.length, self.has_gaps, &self.blocks)
    }

    /// How many bits so many bytes of such a stream are worth: none where they are all alike, a quarter of a bit for each
    /// where they are as mixed as can be. What programs say is text, mostly what they always say.
    pub(crate) fn worth(&self, bytes: u64) -> f64 {
        let all: f64 = self.kinds.iter().copied().map(f64::from).sum();
        let mixed = self.kinds.iter().filter(|count| **count > 0).map(|&count| {
            let share = f64::from(count) / all;
            -share * share.log2()
        });
        // 16 kinds tell four bits apart.
        BITS_OF_A_BYTE * bytes as f64 * mixed.sum::<f64>() / 4.0
    }

    pub(crate) fn compare(&self, other: &Self) -> Agreement {
        if self.length == other.length && !self.has_gaps && !other.has_gaps {
            let equal = self.blocks == other.blocks;
            return if equal { Agreement::Equal } else { Agreement::Differs };
        }
        let both = self.length.min(other.length);
        // Blocks that both saw whole.
        let mut equal = 0;
        for (index, (a, b)) in self.blocks.iter().zip(&other.blocks).enumerate() {
            let end = FIRST_BLOCK << index;
            if end > both {
                break;
            }
            if a != b {
                return Agreement::Differs;
            }
            equal = end;
        }
        if equal > 0 { Agreement::Begins(equal) } else { Agreement::Unknown }
    }
}

/// The block of an offset, and the offset behind it.
fn block(offset: u64) -> (usize, u64) {
    let index = (offset / FIRST_BLOCK).checked_ilog2().map_or(0, |i| i + 1);
    (index as usize, FIRST_BLOCK << index)
}

/// Σ (byte + 1)·r^(offset + i + 1) modulo 2⁶¹ − 1: a sum, so that the order of the pieces does not matter. Two streams of n
/// bytes collide with a probability of at most n / 2⁶¹ for an r that nobody can foresee.
fn polynomial(bytes: &[u8], offset: u64) -> u64 {
    let r = base();
    let folded = bytes
        .iter()
        .rev()
        .fold(0, |sum, &byte| reduced(u128::from(sum) * u128::from(r) + u128::from(byte) + 1));
    times(folded, power(r, offset + 1))
}

/// Drawn once for each run; only equality shows in results.
fn base() -> u64 {
    use std::hash::BuildHasher;

    static BASE: OnceLock<u64> = OnceLock::new();
    *BASE.get_or_init(|| {
        let drawn = foldhash::quality::RandomState::default().hash_one(0u64);
        (1 << 32) | (drawn % (1 << 60))
    })
}

/// Bytes of the first block.
const FIRST_BLOCK: u64 = 64;

/// What a byte of a mixed stream is worth in bits.
const BITS_OF_A_BYTE: f64 = 0.25;

/// Pieces apart from each other that are kept.
const MAX_PIECES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(stream: &[u8], cuts: &[(usize, usize)]) -> StreamDigest {
        let isn = SeqNumber(u32::MAX - 100);
        let mut digester = StreamDigester::new(isn);
        for &(from, to) in cuts {
            digester.push(isn + 1 + from as u32, &stream[from..to]);
        }
        digester.finish()
    }

    proptest! {
        #[test]
        fn cuts_order_and_repetition_do_not_matter(
            stream in prop::collection::vec(any::<u8>(), 1..3_000),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..40),
        ) {
            let n = stream.len();
            let mut pieces: Vec<_> = cuts
                .iter()
                .map(|(a, b)| (a.index(n), b.index(n)))
                .map(|(a, b)| (a.min(b), a.max(b)))
                .collect();
            let some = digest(&stream, &pieces);
            pieces.push((0, n));
            let whole = digest(&stream, &[(0, n)]);
            prop_assert_eq!(digest(&stream, &pieces), whole.clone());
            prop_assert!(some.compare(&whole) != Agreement::Differs);
            let mut other = stream.clone();
            other[n / 2] ^= 1;
            prop_assert_eq!(digest(&other, &[(0, n)]).compare(&whole), Agreement::Differs);
        }
    }

    #[test]
    fn a_proxys_header_is_no_part_of_the_stream() {
        let header = b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
        let bare = digest(b"GET / HTTP/1.1\r\n\r\n", &[(0, 18)]);
        let stream = [header.as_slice(), b"GET / HTTP/1.1\r\n\r\n"].concat();
        for cuts in [&[(0, 60)][..], &[(0, 42), (42, 60)], &[(0, 50), (0, 60)]] {
            let sent = digest(&stream, cuts);
            assert_eq!(sent.compare(&bare), Agreement::Equal, "{cuts:?}");
            let ends = ["192.0.2.1:56324", "192.0.2.2:443"].map(|end| end.parse().unwrap());
            assert_eq!(sent.named(), Some(ends));
        }
        assert_eq!(bare.named(), None);
    }

    #[test]
    fn bytes_that_are_all_alike_are_worth_nothing() {
        assert!(digest(&[0; 3_000], &[(0, 3_000)]).worth(3_000) < 1e-9);
        let text = b"GET /healthz HTTP/1.1\r\nHost: pod.example\r\nUser-Agent: probe\r\n\r\n";
        let worth = digest(text, &[(0, text.len())]).worth(text.len() as u64);
        assert!((10.0..17.0).contains(&worth), "{worth}");
    }

    #[test]
    fn what_one_point_missed_is_not_claimed() {
        let stream = [7; 500];
        let whole = digest(&stream, &[(0, 500)]);
        assert_eq!(digest(&stream, &[(0, 300)]).compare(&whole), Agreement::Begins(256));
        assert_eq!(digest(&stream, &[(0, 30)]).compare(&whole), Agreement::Unknown);
        assert_eq!(digest(&stream, &[(1, 500)]).compare(&whole), Agreement::Unknown);
        assert_eq!(
            digest(&[0; 500], &[(0, 500)]).compare(&digest(&[0; 499], &[(0, 499)])),
            Agreement::Begins(256)
        );
    }
}
