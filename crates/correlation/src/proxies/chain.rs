//! Proxies behind proxies.

use super::{Map, Set};
use crate::matching::{Group, Joined, Likely};

/// Makes one group of each chain of links, each of a group, the one behind it, and why. A group is in front of one other at
/// most, and behind one.
///
/// A chain of more than [`MOST_STAGES`] goes on as another group; either is told as a candidate of the other.
pub(super) fn chain(mut groups: Vec<Group>, links: &[(usize, usize, Joined)]) -> Vec<Group> {
    if links.is_empty() {
        return groups;
    }
    let next: Map<usize, (usize, Joined)> =
        links.iter().map(|&(front, back, how)| (front, (back, how))).collect();
    let behind: Set<usize> = links.iter().map(|link| link.1).collect();
    let mut into: Vec<usize> = (0..groups.len()).collect();
    for first in (0..groups.len()).filter(|group| !behind.contains(group)) {
        let (mut head, mut at, mut stages) = (first, first, stages(&groups[first]));
        while let Some(&(back, how)) = next.get(&at) {
            at = back;
            let more = self::stages(&groups[back]);
            if stages + more > MOST_STAGES {
                for (one, other) in [(head, back), (back, head)] {
                    groups[one].is_likely(Likely { group: other, tier: how.tier, odds: CUT_ODDS });
                }
                (head, stages) = (back, more);
                continue;
            }
            stages += more;
            into[back] = head;
            let back = std::mem::take(&mut groups[back]);
            let front = &mut groups[head];
            front.legs.extend(back.legs);
            front.numberings.extend(back.numberings);
            front.joined = front.joined.weaker(back.joined).weaker(how);
            back.candidates.into_iter().for_each(|c| front.may_be(c));
        }
    }
    // Places of the groups that are left.
    let mut place = vec![0; groups.len()];
    let mut count = 0;
    for (group, place) in groups.iter().zip(&mut place) {
        *place = count;
        count += usize::from(!group.legs.is_empty());
    }
    groups.retain(|group| !group.legs.is_empty());
    for (at, group) in groups.iter_mut().enumerate() {
        group.candidates.iter_mut().for_each(|c| c.group = place[into[c.group]]);
        let mut told = Set::default();
        group.candidates.retain(|c| c.group != at && told.insert(c.group));
    }
    groups
}

/// How many numberings the legs of a group have.
fn stages(group: &Group) -> usize {
    let mut numberings = group.numberings.clone();
    numberings.sort_unstable();
    numberings.dedup();
    numberings.len()
}

/// Devices with numbers of their own that one path has at most: nobody builds more, and a leg counts them in a byte.
const MOST_STAGES: usize = 64;

/// Odds of what is certain but for the limit.
const CUT_ODDS: f64 = 1e9;
