//! A digest of payload that can be put together from the digests of its parts.

use crate::modular::{power, reduced, times};

/// A digest of bytes: the polynomial Σ (bᵢ + 1)·xⁿ⁻¹⁻ⁱ modulo 2⁶¹ − 1 at a fixed point x.
///
/// The digest of two strings joined follows from their own digests and the length of the second, so that segments cut
/// differently can be compared without their bytes. Different digests mean different bytes. Equal digests of different
/// strings of n bytes are as likely as n / 2⁶¹ for bytes that do not depend on x; x is public, so whoever wants to can
/// make such strings.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PayloadDigest(u64);

impl PayloadDigest {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut sum = 0;
        for word in words {
            // Products of 61 and 9 bits, eight of them: no more than 73 bits.
            let word = word.iter().zip(POWERS.iter().rev());
            let low: u128 = word.map(|(b, x)| (u128::from(*b) + 1) * u128::from(*x)).sum();
            sum = reduced(u128::from(sum) * u128::from(POINT_TO_8) + low);
        }
        for b in rest {
            sum = reduced(u128::from(sum) * u128::from(POINT) + u128::from(*b) + 1);
        }
        Self(sum)
    }

    /// Of these bytes and `len` more whose digest is `next`.
    #[must_use]
    pub fn then(self, next: Self, len: u32) -> Self {
        Self(reduced(
            u128::from(self.0) * u128::from(power(POINT, len.into())) + u128::from(next.0),
        ))
    }
}

/// Any number without structure: digits of π.
const POINT: u64 = 0x0415_9265_3589_7932;

const POWERS: [u64; 8] = {
    let mut powers = [1; 8];
    let mut i = 1;
    while i < 8 {
        powers[i] = times(powers[i - 1], POINT);
        i += 1;
    }
    powers
};

const POINT_TO_8: u64 = times(POWERS[7], POINT);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::modular::MODULUS;

    fn naive(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0, |sum: u64, b| {
            ((u128::from(sum) * u128::from(POINT) + u128::from(*b) + 1) % u128::from(MODULUS))
                as u64
        })
    }

    proptest! {
        #[test]
        fn parts_make_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..200usize) {
            let (a, b) = bytes.split_at(cut.min(bytes.len()));
            let whole = PayloadDigest::of(&bytes);
            prop_assert_eq!(whole.0, naive(&bytes));
            prop_assert_eq!(PayloadDigest::of(a).then(PayloadDigest::of(b), b.len() as u32), whole);
        }
    }

    #[test]
    fn order_length_and_value_count() {
        let all = [
            &b""[..],
            b"\0",
            b"\0\0",
            b"ab",
            b"ba",
            b"abcdefghi",
            b"abcdefgih",
            &[255; 64],
            &[254; 64],
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert_ne!(PayloadDigest::of(a), PayloadDigest::of(b));
            }
        }
    }
}
