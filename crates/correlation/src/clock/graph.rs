//! What the clocks of other points say of one: every way from the reference to it bounds it.

use crosscap_packet::Timestamp;

use super::{Clock, Contradiction, MAX_NAMED};

/// The clock of the second point against that of the first.
pub(super) struct Link {
    pub(super) ends: [usize; 2],
    pub(super) clock: Clock,
}

/// Tightens clocks against point 0 by the clocks between other points. Those that contradict one another are marked, and
/// stay as they were.
pub(super) fn tighten(clocks: &mut [Option<Clock>], links: &[Link]) {
    if links.is_empty() {
        return;
    }
    let told: Vec<Vec<Told>> = (0..clocks.len())
        .map(|point| {
            let pieces = clocks[point].iter().filter(|_| point != 0).flat_map(|c| c.pieces.iter());
            let times =
                pieces.enumerate().flat_map(|(i, p)| [p.from, p.tightest_at, p.to].map(|t| (i, t)));
            let told = |(piece, at): (usize, Timestamp)| {
                let range = ranges(clocks, links, at).map(|ranges| ranges[point]);
                Told { piece, at, range }
            };
            times.take(MAX_TIMES).map(told).collect()
        })
        .collect();
    for (point, (clock, told)) in clocks.iter_mut().zip(told).enumerate() {
        let Some(clock) = clock else { continue };
        for told in told {
            let Ok(range) = told.range else {
                clock.contradicted = true;
                continue;
            };
            let Some([low, high]) = range else { continue };
            let polygon = &mut clock.pieces[told.piece].polygon;
            let fits = polygon.clip(told.at, high.since(told.at), true, 0)
                && polygon.clip(told.at, low.since(told.at), false, 0);
            clock.contradicted |= !fits;
        }
        if clock.contradicted {
            clock.name(links, point);
        }
        for piece in &mut clock.pieces {
            let times = [piece.tightest_at, piece.from, piece.to];
            let width = |at: &Timestamp| piece.polygon.offset_at(*at).width();
            piece.tightest_at = times.into_iter().min_by_key(width).unwrap_or(piece.from);
        }
    }
}

/// What all clocks say of one piece at one reference time.
struct Told {
    piece: usize,
    at: Timestamp,
    range: Result<Option<Range>, Contradictory>,
}

/// From the earliest to the latest that a clock may show.
type Range = [Timestamp; 2];

struct Contradictory;

/// What each clock may show at a reference time, by every way of at most [`ROUNDS`] links from the reference.
fn ranges(
    clocks: &[Option<Clock>],
    links: &[Link],
    at: Timestamp,
) -> Result<Vec<Option<Range>>, Contradictory> {
    let direct = |clock: &Option<Clock>| clock.as_ref().and_then(|c| c.shows([at; 2]));
    let mut ranges: Vec<Option<Range>> = clocks.iter().map(direct).collect();
    for _ in 0..ROUNDS {
        let before = ranges.clone();
        for Link { ends: [a, b], clock } in links {
            let there = before[*a].and_then(|range| clock.shows(range));
            let back = before[*b].and_then(|range| clock.shown_at(range));
            for (point, range) in [(*b, there), (*a, back)] {
                let Some([low, high]) = range else { continue };
                let known = ranges[point].get_or_insert([low, high]);
                *known = [known[0].max(low), known[1].min(high)];
                if known[0] > known[1] {
                    return Err(Contradictory);
                }
            }
        }
        if before == ranges {
            break;
        }
    }
    Ok(ranges)
}

impl Clock {
    /// Names the packets that bound it most tightly, against each of the points that it was compared with.
    fn name(&mut self, links: &[Link], point: usize) {
        let tight = |clock: &Self| clock.main_piece().map_or([None; 2], |piece| piece.tight);
        let mine = tight(self).into_iter().flatten();
        let others = links.iter().filter(|link| link.ends.contains(&point)).flat_map(|link| {
            let [other, here] = link.ends;
            let turned = move |c: Contradiction| Contradiction {
                reference: here,
                reference_frame: c.frame,
                frame: c.reference_frame,
            };
            let found = tight(&link.clock).into_iter().flatten();
            found.map(move |c| if other == point { turned(c) } else { c })
        });
        for c in mine.chain(others) {
            if self.contradictions.len() < MAX_NAMED && !self.contradictions.contains(&c) {
                self.contradictions.push(c);
            }
        }
    }

    /// What it shows at a time in `range` of its reference; `None` where it may have been set in between.
    fn shows(&self, [from, to]: Range) -> Option<Range> {
        let whole =
            |p: &&super::ClockPiece| self.pieces.len() == 1 || (p.from <= from && to <= p.to);
        let piece = self.pieces.iter().find(whole)?;
        Some([from + piece.offset_at(from).low, to + piece.offset_at(to).high])
    }

    /// When, by its reference, it shows a time in `range`; `None` where it may have been set.
    fn shown_at(&self, [from, to]: Range) -> Option<Range> {
        (self.pieces.len() == 1).then(|| [self.to_reference(from)[0], self.to_reference(to)[2]])
    }
}

/// Captures of one path are rarely more than this many apart.
const ROUNDS: usize = 4;

/// At how many times a clock is compared; three for each piece.
const MAX_TIMES: usize = 96;
