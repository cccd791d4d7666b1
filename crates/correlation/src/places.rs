//! Points that are one place: a capture given twice, a part of another one, two programs that captured at one interface.
//!
//! Two places differ by the time that packets take between them, which one direction adds and the other takes away. Where
//! the two clocks differ by the same for all packets of both directions, to the last digit, there is no way in between.

use crosscap_packet::{SeqNumber, Timestamp};
use crosscap_reassembly::Direction;

use crate::keys::{FlowKey, Glimpse, LegKey, Legs};
use crate::matching::Group;
use crate::{Clock, Leg, OneSided, Role};

/// That the captures of two points were taken at one place by one clock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SamePlace {
    /// The other point, an index into [`Correlation::points`](crate::Correlation::points): the first such in the order
    /// given.
    pub point: usize,
    /// What the files' times differ by: this one's minus the other's, nanoseconds. Not 0 where somebody shifted the times
    /// of one file.
    pub shift: i64,
    /// Packets that were compared: some of each connection.
    pub packets: usize,
}

/// For each point, which earlier one is the same place.
pub(crate) fn same_places(points: usize, legs: &Legs, groups: &[Group]) -> Vec<Option<SamePlace>> {
    let digits: Vec<i64> = (0..points).map(|p| digits(legs.at(p))).collect();
    let mut found: Vec<Option<SamePlace>> = vec![None; points];
    for point in 1..points {
        found[point] = (0..point).find_map(|other| {
            if digits[point].max(digits[other]) > COARSE {
                return None;
            }
            let differences = differences(legs, groups, point, other);
            let coarse =
                if digits[point] == digits[other] { 0 } else { digits[point].max(digits[other]) };
            let (shift, packets) = constant(differences, coarse)?;
            let shift = if shift.saturating_abs() < coarse { 0 } else { shift };
            Some(SamePlace { point: other, shift, packets })
        });
    }
    found
}

/// What packets at two points differ by in time, for each direction: those that differ in nothing else. [`ELSEWHERE`] for
/// those that a router lies between.
fn differences(legs: &Legs, groups: &[Group], here: usize, there: usize) -> [Vec<i64>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    for group in groups.iter().filter(|g| (2..=MOST_LEGS).contains(&g.legs.len())) {
        if found.iter().all(|f| f.len() >= ENOUGH) {
            break;
        }
        let at = |point| group.legs.iter().filter(move |l| l.point == point);
        for (a, b) in at(here).flat_map(|a| at(there).map(move |b| (a, b))) {
            let (a, b) = (legs.key(*a), legs.key(*b));
            if a.ends() != b.ends() {
                continue;
            }
            for direction in Direction::BOTH {
                let (ours, theirs) = (remembered(a.flow(direction)), remembered(b.flow(direction)));
                for ours in ours.into_iter().flatten() {
                    let same = theirs.iter().flatten().find(|t| is_same(&ours, t));
                    let apart = |theirs: &Glimpse| match theirs.segment().ttl {
                        ttl if ttl == ours.segment().ttl => ours.time.since(theirs.time),
                        _ => ELSEWHERE,
                    };
                    found[direction as usize].extend(same.map(apart));
                }
            }
        }
    }
    found
}

/// The one thing that all differ by, and how many do; `None` where they do not.
fn constant(differences: [Vec<i64>; 2], tolerance: i64) -> Option<(i64, usize)> {
    let both = differences.iter().all(|d| !d.is_empty());
    let mut all = differences.concat();
    all.sort_unstable();
    let middle = all.get(all.len() / 2).copied().filter(|middle| *middle != ELSEWHERE)?;
    let fits = all.iter().filter(|d| d.abs_diff(middle) <= tolerance.unsigned_abs()).count();
    // Of one direction alone a card that stamps packets for several interfaces says the same.
    let enough = all.len() >= if both { FEWEST } else { FEWEST_OF_ONE };
    (enough && fits * 50 >= all.len() * 49).then_some((middle, fits))
}

/// The first and the last packet, each once.
fn remembered(flow: &FlowKey) -> [Option<Glimpse>; 2] {
    [flow.first, flow.last.filter(|_| flow.packets > 1)]
}

/// Whether nothing but the time and the way travelled tells the two apart, and no other packet looks like them.
fn is_same(a: &Glimpse, b: &Glimpse) -> bool {
    let (a, b) = (a.segment(), b.segment());
    a.is_identified() && a.is_copy_of(&b)
}

/// The unit that the times of a capture are written in: a nanosecond, a microsecond or a millisecond, in nanoseconds.
fn digits<'a>(legs: impl Iterator<Item = &'a LegKey>) -> i64 {
    let times = legs.flat_map(|key| &key.flows).flat_map(remembered).flatten();
    times.take(ENOUGH).map(|at| at.time.as_nanos()).fold(COARSEST, |unit, time| {
        let mut unit = unit;
        while unit > 1 && time % unit != 0 {
            unit /= 1_000;
        }
        unit
    })
}

/// Takes the legs out of a group that show nothing that a leg of another point of the same place does not show; each with
/// the leg that shows it. All legs of a point or none: what one of them means the others tell.
pub(crate) fn take_copies(
    group: &mut Group,
    legs: &Legs,
    places: &[Option<SamePlace>],
) -> Vec<(Leg, Leg)> {
    let mut taken: Vec<(Leg, Leg)> = Vec::new();
    if group.legs.len() > MOST_LEGS {
        return taken;
    }
    let mut points: Vec<usize> = group.legs.iter().map(|l| l.point).collect();
    points.dedup();
    for &point in points.iter().rev() {
        let shift = |other| shift_of(places, point, other);
        let stays = |leg: &Leg| taken.iter().all(|(copy, _)| copy != leg);
        let others = points.iter().copied().filter(|&other| other != point);
        let copied =
            others.filter_map(|other| Some((other, shift(other)?))).find_map(|(other, shift)| {
                let here = group.legs.iter().filter(|l| l.point == point);
                let held = |leg: &Leg| {
                    let mut there = group.legs.iter().filter(|l| l.point == other && stays(l));
                    let of = there.find(|l| {
                        l.stray == leg.stray && holds(legs.key(**l), legs.key(*leg), shift)
                    })?;
                    Some((*leg, *of))
                };
                here.map(held).collect::<Option<Vec<_>>>()
            });
        taken.extend(copied.into_iter().flatten());
    }
    let keep: Vec<bool> =
        group.legs.iter().map(|l| taken.iter().all(|(copy, _)| copy != l)).collect();
    let mut kept = keep.iter();
    group.legs.retain(|_| kept.next().copied().unwrap_or(true));
    let mut kept = keep.iter();
    group.numberings.retain(|_| kept.next().copied().unwrap_or(true));
    taken
}

/// The time of `point` minus that of `other`, where they are one place.
fn shift_of(places: &[Option<SamePlace>], point: usize, other: usize) -> Option<i64> {
    let direct = |p: usize, q| places[p].filter(|place| place.point == q).map(|place| place.shift);
    if let Some(shift) =
        direct(point, other).or_else(|| Some(direct(other, point)?.saturating_neg()))
    {
        return Some(shift);
    }
    let root = |p: usize| places[p].map_or((p, 0), |place| (place.point, place.shift));
    let ((a, ours), (b, theirs)) = (root(point), root(other));
    (a == b).then_some(ours.saturating_sub(theirs))
}

/// Whether a leg saw all that a copy of it did, whose clock is ahead by `shift`.
fn holds(whole: &LegKey, part: &LegKey, shift: i64) -> bool {
    let within = |whole: &FlowKey, part: &FlowKey| {
        let (Some([first, last]), Some([begin, end])) = (span(whole), span(part)) else {
            return part.first.is_none();
        };
        let high = |whole: Option<SeqNumber>, part: Option<SeqNumber>| match (whole, part) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(whole), Some(part)) => part.ahead_of(whole) <= 0,
        };
        part.packets <= whole.packets
            && begin - shift >= first - COARSEST
            && end - shift <= last + COARSEST
            && high(whole.next, part.next)
            && high(whole.acked, part.acked)
    };
    whole.ends() == part.ends() && (0..2).all(|i| within(&whole.flows[i], &part.flows[i]))
}

fn span(flow: &FlowKey) -> Option<[Timestamp; 2]> {
    Some([flow.first?.time, flow.last_time])
}

/// The points that have the reference clock itself.
pub(crate) fn of_reference(places: &[Option<SamePlace>]) -> Vec<usize> {
    let is_it = |place: &SamePlace| (place.point, place.shift) == (0, 0);
    (0..places.len()).filter(|&point| places[point].as_ref().is_some_and(is_it)).collect()
}

/// Gives points that are one place one clock, where one of them has none of its own.
pub(crate) fn share_clocks(
    (clocks, one_sided): &mut (Vec<Option<Clock>>, Vec<Option<OneSided>>),
    places: &[Option<SamePlace>],
) {
    for (point, place) in places.iter().enumerate() {
        let Some(place) = place.filter(|place| place.shift == 0) else { continue };
        if clocks[point].is_none() {
            clocks[point] = clocks[place.point].clone();
            one_sided[point] = one_sided[place.point];
        }
    }
}

/// Gives points that are one place one role, where only one of them has any.
pub(crate) fn share_roles(roles: &mut [Role], places: &[Option<SamePlace>]) {
    for (point, place) in places.iter().enumerate() {
        let Some(other) = place.map(|place| place.point) else { continue };
        match (roles[other], roles[point]) {
            (Role::Unknown, known) => roles[other] = known,
            (known, Role::Unknown) => roles[point] = known,
            _ => {}
        }
    }
}

/// More than any two times differ by.
const ELSEWHERE: i64 = i64::MAX;

/// Packets that must agree, of both directions.
const FEWEST: usize = 4;

/// Packets that must agree where all are of one direction.
const FEWEST_OF_ONE: usize = 8;

/// Packets of each direction that are compared at least, where there are as many.
const ENOUGH: usize = 10_000;

/// Legs of one path beyond which nothing of it is compared: hostile numbers.
const MOST_LEGS: usize = 64;

/// The coarsest that tells places apart: in a millisecond packets cross a building.
const COARSE: i64 = 1_000;

/// The coarsest clock that files are written with, nanoseconds.
const COARSEST: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::{SamePlace, constant, shift_of};

    #[test]
    fn what_takes_time_is_another_place() {
        // A microsecond on the way: ahead in one direction, behind in the other.
        assert_eq!(constant([vec![1_000; 8], vec![-1_000; 8]], 0), None);
        assert_eq!(constant([vec![5; 8], vec![5; 8]], 0), Some((5, 16)));
        // Microseconds of what the other file tells in nanoseconds.
        assert_eq!(constant([vec![-999, -1, 0], vec![-500, -3]], 1_000).map(|c| c.1), Some(5));
        assert_eq!(constant([vec![7; 7], vec![]], 0), None);
        assert_eq!(constant([vec![], vec![]], 0), None);
    }

    #[test]
    fn shifts_of_centuries_do_not_wrap() {
        let place = |shift| Some(SamePlace { point: 0, shift, packets: 4 });
        let places = [None, place(i64::MIN), place(i64::MAX)];
        assert_eq!(shift_of(&places, 0, 1), Some(i64::MAX));
        assert_eq!(shift_of(&places, 1, 2), Some(i64::MIN));
    }
}
