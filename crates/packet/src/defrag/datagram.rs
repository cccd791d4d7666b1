//! What fragments were put together to.

use crate::Decoded;
use crate::decode::{Context, Ip, decode_payload};

/// The payload of an IP datagram, put together from fragments.
#[derive(Clone, Debug)]
pub struct Datagram {
    pub(super) ip: Ip,
    pub(super) protocol: u8,
    /// Up to the first byte that was not captured.
    pub(super) bytes: Vec<u8>,
    /// On the wire.
    pub(super) len: usize,
    pub(super) context: Context,
    pub(super) overlapped: bool,
}

impl Datagram {
    /// Decodes it as [`decode`](crate::decode()) does a frame. What it holds may be a fragment again, of a datagram in
    /// a tunnel.
    #[must_use]
    pub fn decode(&self) -> Decoded<'_> {
        decode_payload(self.ip, self.protocol, &self.bytes, self.len, self.context)
    }

    /// Whether fragments overlapped each other or contradicted the length: other hosts may read other bytes in it.
    #[must_use]
    pub const fn overlapped(&self) -> bool {
        self.overlapped
    }
}
