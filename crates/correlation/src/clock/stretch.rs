//! Spans of time between which a clock may have been set.

use crosscap_packet::Timestamp;

use super::course::drift;
use super::{Constraint, Contradiction};

/// Constraints that one course without jumps satisfies, in order of capture.
pub(super) struct Stretch {
    pub(super) constraints: Vec<Constraint>,
}

/// What a course leaves, cut where it jumps. `kept` are the places of the constraints that it was found for, `out` those among
/// them, ascending, that do not count.
pub(super) fn split(
    constraints: &[Constraint],
    kept: &[usize],
    jumps: &[usize],
    out: &[usize],
) -> Vec<Stretch> {
    let mut begin = 0;
    let ends = jumps.iter().copied().chain([kept.len()]);
    let stretch = |end: usize| {
        let mine = (begin..end).filter(|place| out.binary_search(place).is_err());
        let constraints = mine.map(|place| constraints[kept[place]]).collect();
        begin = end;
        Stretch { constraints }
    };
    ends.map(stretch).collect()
}

/// The places in `kept` of constraints that are not right, `out`, ascending, with those among and around them: where many
/// packets were stamped too late, those that were too late by less than contradicts the others are not right either.
pub(super) fn distrusted(
    constraints: &[Constraint],
    kept: &[usize],
    out: Vec<usize>,
) -> Vec<usize> {
    let at = |place: usize| constraints[kept[place]].at;
    let near = |a: usize, b: usize, most: i64| at(a).since(at(b)).saturating_abs() <= most;
    let mut all = Vec::new();
    let mut rest = &out[..];
    while let [first, ..] = *rest {
        let linked = rest
            .windows(2)
            .take_while(|pair| near(pair[0], pair[1], TOGETHER) && pair[1] - pair[0] <= DENSE);
        let count = 1 + linked.count();
        let (cluster, others) = rest.split_at(count);
        rest = others;
        if count < CLUSTER {
            all.extend_from_slice(cluster);
            continue;
        }
        let last = cluster[count - 1];
        // Of the other capture's order, times may be no order.
        let around = first.saturating_sub(MANY)..(last + MANY).min(kept.len());
        let close = |&place: &usize| {
            (first..=last).contains(&place) || near(place, first, TAIL) || near(place, last, TAIL)
        };
        all.extend(around.filter(close));
    }
    all.sort_unstable();
    all.dedup();
    // Wrong times all over say nothing of those around them.
    if all.len() * 2 > kept.len() { out } else { all }
}

/// Leaves of each stretch what can belong to no neighbour: a break lies somewhere from the earliest to the latest place that
/// is possible, and constraints in between may belong to either side, so they count for none.
pub(super) fn shrink(stretches: &mut [Stretch], rate: f64, noise: i64) {
    let mut ends: Vec<[usize; 2]> = stretches.iter().map(|s| [0, s.constraints.len()]).collect();
    for i in 1..stretches.len() {
        let [before, after] = [&stretches[i - 1].constraints, &stretches[i].constraints];
        let first = first_beyond(before.iter(), after.iter(), rate, noise);
        ends[i][0] = first.unwrap_or(0);
        let last = first_beyond(after.iter().rev(), before.iter().rev(), rate, noise);
        ends[i - 1][1] = before.len() - last.unwrap_or(0);
    }
    for (stretch, [begin, end]) in stretches.iter_mut().zip(ends) {
        stretch.constraints.truncate(end);
        stretch.constraints.drain(..begin.min(stretch.constraints.len()));
    }
}

/// The place in `then` of the first constraint that no course through all of `mine` satisfies together with those of `then`
/// before it.
fn first_beyond<'a>(
    mine: impl Iterator<Item = &'a Constraint>,
    then: impl Iterator<Item = &'a Constraint>,
    rate: f64,
    noise: i64,
) -> Option<usize> {
    let mut corridor = Corridor::new(rate, noise);
    mine.for_each(|c| _ = corridor.take(c));
    then.enumerate().find(|(_, c)| !corridor.take(c)).map(|(place, _)| place)
}

/// Of two stretches that follow each other, a constraint of the one and the first of the other that contradicts it.
pub(super) fn proof(
    before: &Stretch,
    after: &Stretch,
    rate: f64,
    noise: i64,
) -> Option<[Contradiction; 2]> {
    let first = after.constraints.first()?;
    let contradicts = |c: &&Constraint| contradict(c, first, rate, noise);
    let last = before.constraints.iter().rev().find(contradicts)?;
    Some([last, first].map(Contradiction::of))
}

/// Whether no clock that drifts by at most `rate` satisfies both.
pub(super) fn contradict(a: &Constraint, b: &Constraint, rate: f64, noise: i64) -> bool {
    let (above, below) = if a.forward { (a, b) } else { (b, a) };
    let most = drift(a, b, rate).saturating_add(noise.saturating_mul(2));
    a.forward != b.forward && below.difference.saturating_sub(above.difference) > most
}

/// Which stretches are no proof that the clock was set, but for the largest. A clock that was set shows in packets of both
/// directions, and for longer than a queue that fills or drains would let it: one such as a mirror port has, before packets
/// are stamped.
pub(super) fn doubted(stretches: &[Stretch], rate: f64, noise: i64) -> Vec<usize> {
    let largest = stretches.iter().enumerate().max_by_key(|(i, s)| (s.constraints.len(), *i));
    let Some((largest, _)) = largest else { return Vec::new() };
    let proves = |i: usize| {
        let at_an_end = i == 0 || i + 1 == stretches.len();
        let (packets, longer) = if at_an_end { AT_AN_END } else { BETWEEN };
        stretches[i].is_persistent(packets, longer, rate, noise)
    };
    (0..stretches.len()).filter(|&i| i != largest && !proves(i)).collect()
}

impl Stretch {
    /// Whether there are so many packets, of both directions, over `longer` times the width that they leave the offset.
    fn is_persistent(&self, packets: usize, longer: i64, rate: f64, noise: i64) -> bool {
        let all = &self.constraints;
        let both = all.iter().any(|c| c.forward) && all.iter().any(|c| !c.forward);
        if all.len() < packets || !both {
            return false;
        }
        let mut corridor = Corridor::new(rate, noise);
        let widths = all.iter().map(|c| {
            corridor.take(c);
            corridor.high.saturating_sub(corridor.low)
        });
        let width = widths.min().unwrap_or(i64::MAX);
        // A clock that stood still, or ran while the other did not, was none.
        let lasts = |some: &dyn Fn(&&Constraint) -> bool| {
            let span = |time: fn(&Constraint) -> Timestamp| {
                let times = || all.iter().filter(some).map(time);
                times().max().zip(times().min()).map_or(0, |(last, first)| last.since(first))
            };
            span(|c| c.at).min(span(|c| c.at + c.difference))
        };
        // Packets that happen to be late fit in with any others of their direction that come too early.
        let several = [true, false].map(|way| all.iter().filter(|c| c.forward == way).count() > 1);
        let lasts = match several {
            [true, true] => lasts(&|c| c.forward).min(lasts(&|c| !c.forward)),
            _ => lasts(&|_| true),
        };
        lasts >= width.saturating_mul(longer)
    }
}

/// Where a course can be, without jumps.
struct Corridor<'a> {
    low: i64,
    high: i64,
    rate: f64,
    noise: i64,
    before: Option<&'a Constraint>,
}

impl<'a> Corridor<'a> {
    const fn new(rate: f64, noise: i64) -> Self {
        Self { low: i64::MIN, high: i64::MAX, rate, noise, before: None }
    }

    /// False, and as it was but for the time, where nothing would be left.
    fn take(&mut self, c: &'a Constraint) -> bool {
        let by = self.before.map_or(0, |before| drift(before, c, self.rate));
        self.before = Some(c);
        let wider = |edge: i64, by| {
            if edge.saturating_abs() == i64::MAX { edge } else { edge.saturating_add(by) }
        };
        (self.low, self.high) = (wider(self.low, -by), wider(self.high, by));
        let (low, high) = match c.forward {
            true => (self.low, self.high.min(c.difference.saturating_add(self.noise))),
            false => (self.low.max(c.difference.saturating_sub(self.noise)), self.high),
        };
        let fits = low <= high;
        if fits {
            (self.low, self.high) = (low, high);
        }
        fits
    }
}

/// Packets left out that are at most so far apart, in nanoseconds and in packets, were left out for one reason.
const TOGETHER: i64 = 500_000_000;
const DENSE: usize = 32;

/// So many of them are no single packets gone wrong.
const CLUSTER: usize = 3;

/// How long before and behind them times are not believed, nanoseconds: most round trips are shorter.
const TAIL: i64 = 250_000_000;

/// Among so many packets before and behind.
const MANY: usize = 1_000;

/// Packets, and how many times the width of the bounds they must last: of the first and last stretch, which one change of
/// the clock explains.
const AT_AN_END: (usize, i64) = (3, 1);

/// Of others, which take two.
const BETWEEN: (usize, i64) = (6, 4);
