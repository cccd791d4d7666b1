//! Sequence arithmetic (RFC 9293 §3.4).

use std::ops::{Add, Sub};

/// A TCP sequence or acknowledgement number, modulo 2³².
///
/// There is deliberately no `Ord`: of two numbers neither is greater, only ahead of the other by less than 2³¹.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// How far `self` is ahead of `other`, in −2³¹ ..= 2³¹−1; negative where it is behind.
    #[must_use]
    pub const fn ahead_of(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }
}

impl Add<u32> for SeqNumber {
    type Output = Self;

    fn add(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }
}

impl Sub<u32> for SeqNumber {
    type Output = Self;

    fn sub(self, n: u32) -> Self {
        Self(self.0.wrapping_sub(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ahead_of_undoes_add(start: u32, n in 0u32..0x8000_0000) {
            let s = SeqNumber(start);
            prop_assert_eq!((s + n).ahead_of(s), n as i32);
            prop_assert_eq!(s.ahead_of(s + n), -(n as i32));
            prop_assert_eq!((s + n) - n, s);
        }
    }
}
