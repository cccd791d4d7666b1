//! Decoding with memory.

use crate::decode::decode_with;
use crate::{Datagram, Decoded, Defragmenter, LinkType, Timestamp};

/// Decodes the frames of one capture in their order, and puts fragmented datagrams together: [`decode`](crate::decode()) and a
/// [`Defragmenter`].
///
/// A datagram counts as captured with the frame that completed it, as in Wireshark.
#[derive(Debug, Default)]
pub struct Decoder {
    defragmenter: Defragmenter,
    /// The latest one, from which packets borrow.
    datagram: Option<Datagram>,
}

impl Decoder {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes the next frame: [`Decoded::Fragment`] where the rest of its datagram has not come yet. For the arguments
    /// see [`decode`](crate::decode()); `time` is when the frame was captured.
    pub fn decode<'a>(
        &'a mut self,
        link_type: LinkType,
        data: &'a [u8],
        original_len: u32,
        time: Timestamp,
    ) -> Decoded<'a> {
        decode_with(link_type, data, original_len, |fragment| {
            match self.defragmenter.push(&fragment, time) {
                Some(datagram) => self.innermost(datagram, time),
                None => Decoded::Fragment(fragment),
            }
        })
    }

    /// What a datagram holds, which in a tunnel may be a fragment of another one. Each lies in more headers, so this
    /// ends.
    fn innermost(&mut self, mut datagram: Datagram, time: Timestamp) -> Decoded<'_> {
        while let Decoded::Fragment(inner) = datagram.decode()
            && let Some(whole) = self.defragmenter.push(&inner, time)
        {
            datagram = whole;
        }
        self.datagram.insert(datagram).decode()
    }

    /// What puts the fragments together, for what it counted.
    #[must_use]
    pub const fn defragmenter(&self) -> &Defragmenter {
        &self.defragmenter
    }
}
