//! Byte order.

/// The byte order of a file or section.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline(always)]
    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline(always)]
    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(crate) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    pub(crate) fn i64(self, bytes: [u8; 8]) -> i64 {
        self.u64(bytes) as i64
    }

    /// The word at `at` of a fixed-size header.
    #[inline(always)]
    pub(crate) fn word<const N: usize>(self, head: &[u8; N], at: usize) -> u32 {
        self.u32([head[at], head[at + 1], head[at + 2], head[at + 3]])
    }

    /// The half word at `at` of a fixed-size header.
    #[inline(always)]
    pub(crate) fn half<const N: usize>(self, head: &[u8; N], at: usize) -> u16 {
        self.u16([head[at], head[at + 1]])
    }
}
