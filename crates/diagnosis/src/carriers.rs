//! Which packets carried the bytes of a stream.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crosscap_correlation::Row;
use crosscap_packet::{FrameRef, SeqNumber};
use crosscap_reassembly::{Direction, Sighting};

use crate::case::Case;

impl<'a> Case<'a> {
    /// For each of some bytes the first packet that a leg saw from one end and that carried it, as [`Self::carrying`] tells
    /// for one: asked for each of many, that would take time in the square of the packets.
    pub(crate) fn carriers(
        &self,
        leg: usize,
        direction: Direction,
        bytes: &[SeqNumber],
    ) -> Vec<Option<(&'a Row, &'a Sighting)>> {
        let mine = self.rows_at(leg).filter(|(row, _)| row.direction == direction);
        let packets: Vec<_> = mine.map(|(row, seen)| (row, &seen.at)).collect();
        let spans = packets.iter().map(|(_, at)| (at.segment.seq, at.segment.seq_len()));
        let first = first_holding(&spans.collect::<Vec<_>>(), bytes);
        first.into_iter().map(|place| place.map(|place| packets[place])).collect()
    }
}

/// Makes each number the highest of all up to it.
pub(crate) fn highest_so_far(numbers: &mut [(FrameRef, SeqNumber)]) {
    let mut highest: Option<SeqNumber> = None;
    for (_, number) in numbers {
        let known = highest.filter(|known| known.ahead_of(*number) > 0);
        *number = known.unwrap_or(*number);
        highest = Some(*number);
    }
}

/// For each byte the place of the first span, of a beginning and a length, that holds it. All lie within 2³¹ of the first
/// byte.
fn first_holding(spans: &[(SeqNumber, u32)], bytes: &[SeqNumber]) -> Vec<Option<usize>> {
    let mut found = vec![None; bytes.len()];
    let Some(&origin) = bytes.first() else { return found };
    let offset = |seq: SeqNumber| i64::from(seq.ahead_of(origin));
    let mut begins: Vec<(i64, usize)> =
        spans.iter().enumerate().map(|(place, (seq, _))| (offset(*seq), place)).collect();
    begins.sort_unstable();
    let mut begins = begins.into_iter().peekable();
    let mut asked: Vec<(i64, usize)> =
        bytes.iter().enumerate().map(|(i, seq)| (offset(*seq), i)).collect();
    asked.sort_unstable();
    // Spans that begin no later: the first of them, and where it ends.
    let mut begun: BinaryHeap<Reverse<(usize, i64)>> = BinaryHeap::new();
    for (byte, i) in asked {
        while let Some((begin, place)) = begins.next_if(|(begin, _)| *begin <= byte) {
            begun.push(Reverse((place, begin + i64::from(spans[place].1))));
        }
        while begun.peek().is_some_and(|Reverse((_, end))| *end <= byte) {
            begun.pop();
        }
        found[i] = begun.peek().map(|Reverse((place, _))| *place);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{SeqNumber, first_holding};

    #[test]
    fn it_finds_what_looking_at_each_span_finds_across_the_wrap() {
        // Overlapping, nested, empty and out of order, around the wrap of sequence numbers.
        let begin = u32::MAX - 40;
        let spans: Vec<(SeqNumber, u32)> = (0..60)
            .map(|i: u32| (SeqNumber(begin.wrapping_add(i * 37 % 101)), i * 13 % 17))
            .collect();
        let bytes: Vec<SeqNumber> =
            (0..130).map(|i: u32| SeqNumber(begin.wrapping_add(i * 29 % 130))).collect();
        let one = |byte: &SeqNumber| {
            spans.iter().position(|(seq, len)| {
                byte.ahead_of(*seq) >= 0 && byte.ahead_of(*seq).cast_unsigned() < *len
            })
        };
        let each: Vec<Option<usize>> = bytes.iter().map(one).collect();
        assert!(each.contains(&None) && each.iter().flatten().any(|place| *place > 9));
        assert_eq!(first_holding(&spans, &bytes), each);
    }
}
