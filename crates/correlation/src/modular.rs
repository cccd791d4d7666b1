//! Arithmetic modulo 2⁶¹ − 1, for the polynomials that payload is compared by.

/// 2⁶¹ − 1, a prime.
pub(crate) const MODULUS: u64 = (1 << 61) - 1;

/// The remainder of anything below 2¹²³.
pub(crate) const fn reduced(value: u128) -> u64 {
    let folded = (value & MODULUS as u128) + (value >> 61);
    let folded = (folded & MODULUS as u128) as u64 + (folded >> 61) as u64;
    if folded >= MODULUS { folded - MODULUS } else { folded }
}

pub(crate) const fn times(a: u64, b: u64) -> u64 {
    reduced(a as u128 * b as u128)
}

/// `base` to the power of `exponent`.
pub(crate) const fn power(base: u64, mut exponent: u64) -> u64 {
    let (mut result, mut square) = (1, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    result
}
