//! Numbers that look random and follow from a seed.

/// Steele's SplitMix64: any seed will do, so that every connection has a generator of its own.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// One of many, told apart by `which`.
    pub(super) fn new(seed: u64, which: [u64; 2]) -> Self {
        let mut mixed = Self(seed);
        for part in which {
            mixed.0 = mixed.next() ^ part.wrapping_mul(0xd6e8_feb8_6659_fd93);
        }
        Self(mixed.next())
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(super) const fn word(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    /// From 0, below `n`.
    pub(super) const fn below(&mut self, n: u64) -> u64 {
        // Numbers here are far below 2³²: the bias does not show.
        ((self.next() >> 32) * n) >> 32
    }

    /// Whether one of so many parts per million was drawn.
    pub(super) const fn draws(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < ppm as u64
    }

    /// A waiting time with this mean: exponentially distributed.
    pub(super) fn wait(&mut self, mean: i64) -> i64 {
        let uniform = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        (-(1.0 - uniform).ln() * mean as f64) as i64
    }
}
