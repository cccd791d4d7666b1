//! What the receiver says of bytes that the far leg does not have.

use crosscap_packet::{FrameRef, TcpFlags};

use super::spans::{Counts, Spans};
use super::trace::Traced;

/// What became of bytes that were sent and not seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Receipt {
    /// The receiver had them before the capture did.
    Had,
    /// The receiver said that it lacked them while it had later ones.
    Lacked,
    /// It says nothing.
    Silent,
}

/// Where each byte was first captured, and what the receiver said, by frames of one capture.
pub(super) struct Receipts {
    /// Disjoint, in order: from, to, the first frame that has them.
    came: Vec<(i64, i64, FrameRef)>,
    copies: Counts,
    /// Acknowledgements that went higher than all before.
    acks: Vec<(FrameRef, i64)>,
    /// Highest acknowledgement that other captures saw; counts where these bytes were never captured here.
    acked_elsewhere: Option<i64>,
    holes: Spans,
    twice: Spans,
}

impl Receipts {
    /// From the packets of the far leg with their places, and what its receiver sent, as seen here and elsewhere.
    pub(super) fn new(
        came: &[Traced],
        at: &[(i64, i64)],
        near: i64,
        back: &[Traced],
        back_elsewhere: &[Traced],
    ) -> Self {
        let mut first = Vec::new();
        let mut seen = Spans::default();
        for (p, &(from, to)) in came.iter().zip(at).filter(|(p, _)| !p.is_reset()) {
            seen.add(from, to, |from, to| first.push((from, to, p.frame)));
        }
        first.sort_unstable();
        let copies = Counts::of(at.iter().copied().filter(|(from, to)| from < to));
        let (mut acks, mut holes, mut twice) = (Vec::new(), Spans::default(), Spans::default());
        let near = at.first().map_or(near, |a| a.0);
        let acked_elsewhere = acknowledged(back_elsewhere, near).map(|(_, high)| high).max();
        for (p, high) in acknowledged(back, near) {
            if acks.last().is_none_or(|&(_, before)| before < high) {
                acks.push((p.frame, high));
            }
            // The acknowledgement of a packet that was overtaken says less than is known; its blocks say as much as any.
            let place = |n: u32| high + i64::from(n.wrapping_sub(high as u32) as i32);
            match p.sacked() {
                Some(([start, end], true)) => twice.add(place(start), place(end), |_, _| ()),
                Some(([start, _], false)) => holes.add(place(p.ack), place(start), |_, _| ()),
                None => {}
            }
        }
        Self { came: first, copies, acks, acked_elsewhere, holes, twice }
    }

    /// Cuts a part of a packet so that all bytes of a piece have the same fate.
    pub(super) fn pieces(&self, from: i64, to: i64) -> Vec<(i64, i64, Receipt)> {
        let mut pieces = Vec::new();
        let mut at = from;
        let next = self.came.partition_point(|c| c.1 <= from);
        let came = self.came[next..].iter().take_while(|c| c.0 < to);
        for &(start, end, frame) in came {
            if at < start {
                pieces.push((at, start, self.receipt(at, start, None)));
                at = start;
            }
            let end = end.min(to);
            pieces.push((at, end, self.receipt(at, end, Some(frame))));
            at = end;
        }
        if at < to {
            pieces.push((at, to, self.receipt(at, to, None)));
        }
        pieces
    }

    fn receipt(&self, from: i64, to: i64, came: Option<FrameRef>) -> Receipt {
        let first = self.acks.partition_point(|a| a.1 < to);
        let acked = self.acks.get(first).map(|a| a.0);
        let had = match came {
            Some(came) => {
                acked.is_some_and(|acked| acked < came)
                    || (self.copies.at(from) == 1 && self.twice.contains(from, to))
            }
            None => acked.is_some() || self.acked_elsewhere.is_some_and(|high| high >= to),
        };
        if had {
            Receipt::Had
        } else if self.holes.contains(from, to) {
            Receipt::Lacked
        } else {
            Receipt::Silent
        }
    }
}

/// Packets that acknowledge, each with the highest acknowledgement until then.
fn acknowledged(back: &[Traced], near: i64) -> impl Iterator<Item = (&Traced, i64)> {
    let mut high: Option<i64> = None;
    let acks = |p: &&Traced| p.flags.contains(TcpFlags::ACK) && !p.is_reset();
    back.iter().filter(acks).map(move |p| {
        let from = high.unwrap_or(near);
        let ack = from + i64::from(p.ack.wrapping_sub(from as u32) as i32);
        let highest = high.map_or(ack, |h| h.max(ack));
        high = Some(highest);
        (p, highest)
    })
}
