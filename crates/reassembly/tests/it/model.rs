//! What a stream has to be, byte by byte: slow, simple, and no code in common with the crate.

use std::collections::BTreeMap;

use crosscap_packet::{FrameRef, OptionSummary, Segment, SeqNumber, TcpFlags, Timestamp};
use crosscap_reassembly::{Assembly, Chunk, GapKind, OverlapPolicy, Payload, Sighting, Stream};

/// A segment of which the position is known.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// From the first byte of the stream.
    pub(crate) at: i64,
    /// On the wire; what was captured of it may be shorter.
    pub(crate) len: u32,
    pub(crate) bytes: Vec<u8>,
    /// Of the other end, before this segment.
    pub(crate) acked: Option<i64>,
}

impl Sent {
    pub(crate) fn end(&self) -> i64 {
        self.at + i64::from(self.len)
    }
}

/// A byte of a stream: its value and its frame, or why it is missing.
pub(crate) type Byte = Result<(u8, u64), GapKind>;

/// A packet with this number and payload on the wire.
pub(crate) fn sighting(frame: u64, seq: SeqNumber, flags: TcpFlags, len: u32) -> Sighting {
    Sighting {
        time: Timestamp(0),
        frame: FrameRef::new(0, frame),
        segment: Segment {
            seq,
            ack: SeqNumber(1),
            flags,
            window: 1000,
            ttl: 64,
            ip_id: 0,
            payload_len: len,
            timestamps: None,
            options: OptionSummary::default(),
        },
    }
}

pub(crate) const PUSH: TcpFlags = TcpFlags(0x18);

/// What the crate makes of them, the SYN first; frames count from 1.
pub(crate) fn assemble(isn: SeqNumber, sent: &[Sent], policy: OverlapPolicy) -> Stream<&[u8]> {
    let mut assembly = Assembly::new();
    assembly.push(&sighting(0, isn, TcpFlags::SYN, 0), &[][..]);
    let number = |at: i64| isn + 1 + at as u32;
    for (frame, segment) in (1..).zip(sent) {
        if let Some(acked) = segment.acked {
            assembly.acked(number(acked));
        }
        let at = sighting(frame, number(segment.at), PUSH, segment.len);
        assembly.push(&at, &segment.bytes[..]);
    }
    assembly.finish(policy)
}

/// What it has to make of them.
pub(crate) fn expected(sent: &[Sent], policy: OverlapPolicy) -> BTreeMap<i64, Byte> {
    let mut bytes = BTreeMap::<i64, Byte>::new();
    let mut owners = BTreeMap::<i64, &Sent>::new();
    for (frame, new) in (1..).zip(sent) {
        for (at, value) in (new.at..).zip(&new.bytes).take(new.len as usize) {
            let takes = owners.get(&at).is_none_or(|old| takes(policy, old, new));
            if takes {
                owners.insert(at, new);
                bytes.insert(at, Ok((*value, frame)));
            }
        }
    }
    for segment in sent {
        for at in segment.at..segment.end() {
            bytes.entry(at).or_insert(Err(GapKind::Cut));
        }
    }
    let top = bytes.last_key_value().map_or(0, |(at, _)| at + 1);
    let acked = sent.iter().filter_map(|s| s.acked).max().unwrap_or(0);
    for at in 0..top.max(acked) {
        // The last number may be that of a FIN.
        let is_sure = at < acked && (at < top || at + 1 < acked);
        let kind = if is_sure { GapKind::Acknowledged } else { GapKind::Unknown };
        bytes.entry(at).or_insert(Err(kind));
    }
    bytes.retain(|at, _| *at >= 0);
    bytes
}

/// Whether a later segment takes a byte from an earlier one: the words of [`OverlapPolicy`].
fn takes(policy: OverlapPolicy, old: &Sent, new: &Sent) -> bool {
    let (start, end) = (new.at.cmp(&old.at), new.end().cmp(&old.end()));
    match policy {
        OverlapPolicy::First => false,
        OverlapPolicy::Last => true,
        OverlapPolicy::Bsd => start.is_lt(),
        OverlapPolicy::Linux => start.is_lt() || (start.is_eq() && end.is_gt()),
        OverlapPolicy::OldLinux => start.is_lt() || (start.is_eq() && end.is_ge()),
        OverlapPolicy::Solaris => end.is_gt() || (end.is_eq() && start.is_le()),
        _ => unreachable!("{policy:?}"),
    }
}

/// A stream byte by byte; chunks follow each other, and none is empty.
pub(crate) fn bytes(chunks: impl Iterator<Item = Chunk<impl Payload>>) -> BTreeMap<i64, Byte> {
    let (mut bytes, mut last) = (BTreeMap::new(), None);
    for chunk in chunks {
        assert!(chunk.len() > 0);
        assert!(last.is_none_or(|end| end == chunk.offset()));
        last = Some(chunk.end());
        for i in 0..chunk.len() {
            let byte = match &chunk {
                Chunk::Data { payload, frame, .. } => {
                    Ok((payload.bytes().unwrap()[i as usize], frame.number()))
                }
                Chunk::Gap { kind, .. } => Err(*kind),
            };
            bytes.insert((chunk.offset() + i) as i64, byte);
        }
    }
    bytes
}
