//! Numbers that look random and are always the same.

/// Marsaglia's xorshift.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 16
    }

    pub(crate) const fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// The most nanoseconds between two packets.
pub(crate) const PAUSE: u64 = 20_000;
