//! Packets on their way from the core that decodes them to the one that wants them.

use crosscap_packet::{
    Decoded, Decoder, Endpoint, Fragment, FrameRef, IcmpError, NotTcp, TcpPacket, Timestamp, decode,
};
use crosscap_parser::PacketRecord;
use crosscap_reassembly::Sighting;

/// What a part of a file holds, sorted into lists by connection. Frames count from the beginning of the part.
#[derive(Default)]
pub(crate) struct Batch {
    lists: Vec<List>,
    /// To be put together in the order of the file, by one core.
    fragments: Vec<Piece>,
}

/// In the order of the file.
#[derive(Default)]
struct List {
    packets: Vec<Packet>,
    errors: Vec<Error>,
}

#[derive(Clone, Copy)]
struct Packet {
    src: Endpoint,
    dst: Endpoint,
    at: Sighting,
}

#[derive(Clone, Copy)]
struct Error {
    frame: FrameRef,
    time: Timestamp,
    error: IcmpError,
}

struct Piece {
    frame: FrameRef,
    time: Timestamp,
    fragment: Fragment<'static>,
    data: Box<[u8]>,
}

/// One thing in a list.
pub(crate) enum Item {
    /// From, to, what.
    Segment(Endpoint, Endpoint, Sighting),
    /// When, and what.
    Icmp(FrameRef, Timestamp, IcmpError),
}

impl Batch {
    /// Decodes a record and puts what it holds into the list that `list` chooses for the two ends, if any. Returns what
    /// it holds instead of TCP.
    pub(crate) fn take(
        &mut self,
        record: &PacketRecord<'_>,
        list: impl Fn(Endpoint, Endpoint) -> Option<usize>,
    ) -> Option<NotTcp> {
        let decoded = decode(record.link_type, record.data, record.original_len);
        if let Decoded::Fragment(fragment) = decoded {
            self.fragments.push(Piece {
                frame: record.frame,
                time: record.timestamp,
                fragment: fragment.with_data(&[]),
                data: fragment.data.into(),
            });
            return None;
        }
        self.put(record.frame, record.timestamp, &decoded, list)
    }

    #[inline]
    fn put(
        &mut self,
        frame: FrameRef,
        time: Timestamp,
        decoded: &Decoded<'_>,
        list: impl Fn(Endpoint, Endpoint) -> Option<usize>,
    ) -> Option<NotTcp> {
        match *decoded {
            Decoded::Tcp(TcpPacket { src, dst, segment, .. }) => {
                if let Some(list) = list(src, dst) {
                    let at = Sighting { time, frame, segment };
                    self.list(list).packets.push(Packet { src, dst, at });
                }
            }
            Decoded::IcmpError(error) => {
                if let Some(list) = list(error.src, error.dst) {
                    self.list(list).errors.push(Error { frame, time, error });
                }
            }
            Decoded::NotTcp(why) => return Some(why),
            _ => {}
        }
        None
    }

    fn list(&mut self, index: usize) -> &mut List {
        if self.lists.len() <= index {
            self.lists.resize_with(index + 1, List::default);
        }
        &mut self.lists[index]
    }

    /// Puts together what was fragmented, and adds it to the lists; `other` is told what it holds instead of TCP. `decoder`
    /// has seen the parts before.
    pub(crate) fn defragment(
        &mut self,
        decoder: &mut Decoder,
        list: impl Fn(Endpoint, Endpoint) -> Option<usize>,
        mut other: impl FnMut(NotTcp),
    ) {
        if self.fragments.is_empty() {
            return;
        }
        for piece in std::mem::take(&mut self.fragments) {
            let fragment = piece.fragment.with_data(&piece.data);
            if let Some(decoded) = decoder.decode_fragment(&fragment, piece.time)
                && let Some(why) = self.put(piece.frame, piece.time, &decoded, &list)
            {
                other(why);
            }
        }
        for list in &mut self.lists {
            // Two sorted runs.
            list.packets.sort_by_key(|p| p.at.frame);
            list.errors.sort_by_key(|e| e.frame);
        }
    }

    /// What a list holds, in the order of the file; `frames_before` came before this part.
    pub(crate) fn items(&self, list: usize, frames_before: u64) -> impl Iterator<Item = Item> {
        let list = self.lists.get(list);
        let mut packets = list.into_iter().flat_map(|l| &l.packets).peekable();
        let mut errors = list.into_iter().flat_map(|l| &l.errors).peekable();
        std::iter::from_fn(move || {
            let next = packets.peek().map(|p| p.at.frame);
            if let Some(e) = errors.next_if(|e| next.is_none_or(|next| e.frame < next)) {
                return Some(Item::Icmp(e.frame.behind(frames_before), e.time, e.error));
            }
            let Packet { src, dst, at } = *packets.next()?;
            let at = Sighting { frame: at.frame.behind(frames_before), ..at };
            Some(Item::Segment(src, dst, at))
        })
    }
}
