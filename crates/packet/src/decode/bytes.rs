//! What is left of a frame.

use nom::IResult;

use super::NotTcp;

/// The rest of a packet: what was captured of it, and how long it was on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a> {
    pub(super) captured: &'a [u8],
    /// At least the length of `captured`.
    pub(super) len: usize,
}

impl<'a> Bytes<'a> {
    /// A length below that of the captured part counts as that.
    pub(super) fn new(captured: &'a [u8], len: usize) -> Self {
        Self { captured, len: len.max(captured.len()) }
    }

    /// The first `N` bytes.
    pub(super) fn head<const N: usize>(self) -> Result<&'a [u8; N], NotTcp> {
        self.captured.first_chunk().ok_or_else(|| self.too_short(N))
    }

    /// What is behind the first `n` bytes.
    pub(super) fn skip(self, n: usize) -> Result<Self, NotTcp> {
        let captured = self.captured.get(n..).ok_or_else(|| self.too_short(n))?;
        Ok(Self { captured, len: self.len - n })
    }

    /// The first `N` bytes and what is behind them.
    pub(super) fn split<const N: usize>(self) -> Result<(&'a [u8; N], Self), NotTcp> {
        Ok((self.head()?, self.skip(N)?))
    }

    /// The 16-bit number at `N`, and what is behind it.
    pub(super) fn be16_at(self, at: usize) -> Result<(u16, Self), NotTcp> {
        let (number, rest) = self.skip(at)?.split()?;
        Ok((u16::from_be_bytes(*number), rest))
    }

    /// At most `len` bytes: what is behind is padding.
    pub(super) fn limit(self, len: usize) -> Self {
        Self { captured: &self.captured[..len.min(self.captured.len())], len: len.min(self.len) }
    }

    /// Reads a header, and gives what is behind it; `None` where it is cut or its fields are not as they must be.
    pub(super) fn parse<T>(
        self,
        header: impl Fn(&'a [u8]) -> IResult<&'a [u8], T>,
    ) -> Option<(T, Self)> {
        let (rest, fields) = header(self.captured).ok()?;
        let read = self.captured.len() - rest.len();
        Some((fields, Self { captured: rest, len: self.len - read }))
    }

    /// Why the first `n` bytes are not there: not captured, or never sent.
    pub(super) const fn too_short(self, n: usize) -> NotTcp {
        if n > self.len { NotTcp::Malformed } else { NotTcp::Cut }
    }
}
