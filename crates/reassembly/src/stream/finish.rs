//! From the segments of a flow to its stream.

use std::ops::Range;

use super::assembly::Role;
use super::gaps::Missing;
use super::number::is_near;
use super::overlap::{conflicts, differing};
use super::resolve::{Piece, Span, resolve};
use super::{Aside, AsideKind, Assembly, Chunk, OverlapPolicy, Payload, Stream};

impl<P: Payload> Assembly<P> {
    /// What came out. Takes O(n log n) for n segments, whatever their order, and looks at each byte at most twice.
    #[must_use]
    pub fn finish(self, policy: OverlapPolicy) -> Stream<P> {
        self.finish_with(policy, |kept, other| differing(kept.bytes()?, other.bytes()?))
    }

    /// As [`finish`](Self::finish), for payload that is not at hand: `compare` is given two handles of one length where
    /// segments overlap, and says from where to where they differ, if they do.
    #[must_use]
    pub fn finish_with(
        self,
        policy: OverlapPolicy,
        compare: impl FnMut(P, P) -> Option<Range<usize>>,
    ) -> Stream<P> {
        let (origin, from_start) = self.origin();
        let limit = self.fin.map(|fin| fin.max(origin));
        let clip = |at: i64| at.clamp(origin, limit.unwrap_or(i64::MAX));
        let (mut spans, mut cut) = (Vec::new(), Vec::new());
        let mut top = clip(self.left_out_range.map_or(origin, |(_, high)| high));
        for (order, held) in (0..).zip(&self.held).filter(|(_, h)| h.is_in_stream()) {
            let [start, captured, end] = [held.start, held.captured_end(), held.end()].map(clip);
            let on_wire = (held.start, held.end());
            if start < captured {
                let is_probe = held.is_probe();
                spans.push(Span { start, end: captured, on_wire, order, is_probe });
            }
            if captured < end {
                cut.push((captured, end));
            }
            top = top.max(end);
        }
        let pieces = resolve(&spans, policy);
        let (conflicts, conflict_count) =
            conflicts(&self.held, &spans, &pieces, origin, Stream::<P>::MAX_CONFLICTS, compare);
        let end = limit.unwrap_or_else(|| top.max(self.acked.unwrap_or(top)));
        // The last number may be that of a FIN.
        let acked = self.acked.map(|a| if limit.is_none() && a > top { a - 1 } else { a });
        let missing = Missing::new(cut, self.left_out_range, acked);
        Stream {
            chunks: self.chunks(&pieces, &missing, origin, end),
            asides: self.asides(origin, limit),
            conflicts,
            conflict_count,
            from_start,
            to_end: self.fin.is_some(),
            left_out: self.left_out,
        }
    }

    /// The position of offset 0, and whether a SYN says so.
    fn origin(&self) -> (i64, bool) {
        let data = self.held.iter().filter(|h| h.role == Role::Data).map(|h| h.start);
        let lowest = data.chain(self.left_out_range.map(|(low, _)| low)).min();
        let near = lowest.or(self.low).unwrap_or(0);
        let starts = self.isns.iter().rev().map(|isn| self.numbering.nearest(near, *isn + 1));
        let starts = starts.filter(|start| is_near(*start, near));
        let fits = |start: &i64| *start <= near;
        let found = (starts.clone().find(|start| *start == near))
            .or_else(|| starts.clone().find(fits))
            .or_else(|| starts.clone().next());
        (found.unwrap_or(near), found.is_some())
    }

    fn chunks(&self, pieces: &[Piece], missing: &Missing, origin: i64, end: i64) -> Vec<Chunk<P>> {
        let mut chunks = Vec::with_capacity(pieces.len());
        let (mut at, mut cursor) = (origin, 0);
        for piece in pieces {
            push_gaps(&mut chunks, missing, (at, piece.start), &mut cursor, origin);
            let held = &self.held[piece.owner as usize];
            let part = (piece.start - held.start) as usize..(piece.end - held.start) as usize;
            chunks.push(Chunk::Data {
                offset: (piece.start - origin) as u64,
                payload: held.payload.part(part),
                frame: held.frame,
            });
            at = piece.end;
        }
        push_gaps(&mut chunks, missing, (at, end), &mut cursor, origin);
        chunks
    }

    fn asides(&self, origin: i64, limit: Option<i64>) -> Vec<Aside<P>> {
        let mut asides = Vec::new();
        for held in &self.held {
            let mut push = |kind, offset, payload: P| {
                if !payload.is_empty() {
                    asides.push(Aside { kind, offset, payload, frame: held.frame });
                }
            };
            match held.role {
                Role::Stray => push(AsideKind::OutsideWindow, None, held.payload),
                Role::Reset => push(AsideKind::Reset, None, held.payload),
                Role::Data | Role::Probe => {
                    let len = held.payload.len();
                    let within = |at: i64| (at - held.start).clamp(0, len as i64) as usize;
                    let offset = held.start - origin;
                    push(
                        AsideKind::BeforeStart,
                        Some(offset),
                        held.payload.part(0..within(origin)),
                    );
                    if let Some(limit) = limit {
                        let from = within(limit);
                        let offset = offset + from as i64;
                        push(AsideKind::AfterFin, Some(offset), held.payload.part(from..len));
                    }
                }
            }
        }
        asides
    }
}

fn push_gaps<P>(
    chunks: &mut Vec<Chunk<P>>,
    missing: &Missing,
    (start, end): (i64, i64),
    cursor: &mut usize,
    origin: i64,
) {
    missing.explain(start, end, cursor, |start, end, kind| {
        let (offset, len) = ((start - origin) as u64, (end - start) as u64);
        chunks.push(Chunk::Gap { offset, len, kind });
    });
}
