//! From paths to findings.

use std::collections::BTreeMap;

use crosscap_correlation::{Correlation, Ladder};
use crosscap_reassembly::Connection;
use rayon::prelude::*;

use crate::case::Case;
use crate::deletion;
use crate::finding::{Finding, RivalStatus, Severity, Verdict};
use crate::idle::{self, IdleTimeout};
use crate::population::Population;
use crate::rules::{AT_FIRST_LOOK, FALLBACKS, RULES, Rule};
use crate::words::{counted, duration};

/// What the rule book says of a correlation.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Diagnosis {
    /// What is wrong, worst and surest first.
    pub findings: Vec<Finding>,
    /// What the silences say of the timers on the path.
    pub idle_timeouts: Vec<IdleTimeout>,
}

/// What all paths tell without their packets.
#[derive(Debug)]
pub struct Screening<'a> {
    correlation: &'a Correlation,
    population: Population,
    suspects: Vec<usize>,
    /// For each suspect, which rules suspect it: a bit for each.
    by_rules: Vec<u32>,
}

impl<'a> Screening<'a> {
    /// Looks at every path.
    #[must_use]
    pub fn new(correlation: &'a Correlation) -> Self {
        let population = Population::of(correlation);
        let no_packets = Ladder::default();
        let suspicious = |index: usize| {
            let connections = connections(correlation, index);
            let cases = cases(correlation, &population, index, &connections, &no_packets);
            let by = |case: Case<'_>| {
                let rules = RULES.iter().chain(FALLBACKS).enumerate();
                rules.fold(0, |by, (i, rule)| by | u32::from((rule.screen)(&case)) << i)
            };
            let by = cases.fold(0, |all, case| all | by(case));
            (by != 0).then_some((index, by))
        };
        let all = (0..correlation.paths.len()).into_par_iter().filter_map(suspicious);
        let (suspects, by_rules) = all.unzip();
        Self { correlation, population, suspects, by_rules }
    }

    /// The paths that need a second look: indices into [`Correlation::paths`], ascending.
    #[must_use]
    pub fn suspects(&self) -> &[usize] {
        &self.suspects
    }

    /// Of the suspects those that there is room for, ascending: each takes as much as `takes` says, all together at most
    /// `room`. Each rule gets as many as any other, the small ones first.
    #[must_use]
    pub fn within(&self, room: u64, takes: impl Fn(usize) -> u64) -> Vec<usize> {
        let all = self.suspects.iter().zip(&self.by_rules);
        chosen(all.map(|(&path, &by)| (takes(path), path, by)).collect(), room)
    }

    /// Decides on the suspects, whose packets are in `ladders`.
    #[must_use]
    pub fn diagnose(&self, ladders: &BTreeMap<usize, Ladder>) -> Diagnosis {
        let Self { correlation, population, .. } = self;
        let mut single = Vec::new();
        for (&index, ladder) in ladders {
            let connections = connections(correlation, index);
            for case in cases(correlation, population, index, &connections, ladder) {
                let told = |rules: &[Rule]| -> Vec<Finding> {
                    let rules = rules.iter().filter(|rule| (rule.screen)(&case));
                    rules.filter_map(|rule| (rule.examine)(&case)).collect()
                };
                let found = told(RULES);
                let broken = found.iter().any(|f| f.severity == Severity::Broken);
                single.extend(found);
                if !broken {
                    single.extend(told(FALLBACKS));
                }
            }
        }
        single.extend(at_first_look(correlation, population));
        let whole = self.suspects.iter().all(|path| ladders.contains_key(path));
        deletion::judge(&mut single, population, whole);
        single.iter_mut().for_each(|finding| doubt_merged(correlation, finding));
        let idle_timeouts = idle::timeouts(population, &single);
        Diagnosis { findings: group(correlation, single), idle_timeouts }
    }
}

/// Paths, each with what it takes and with the rules that suspect it, of which there may be too many.
fn chosen(mut all: Vec<(u64, usize, u32)>, mut room: u64) -> Vec<usize> {
    all.sort_unstable();
    // How many each rule has already.
    let mut counts = [0u64; u32::BITS as usize];
    let mut ranked: Vec<(u64, u64, usize)> = Vec::new();
    for (takes, path, by) in all {
        let mine = |rule: &usize| by >> rule & 1 == 1;
        let rank = (0..counts.len()).filter(mine).map(|rule| counts[rule]).min();
        (0..counts.len()).filter(mine).for_each(|rule| counts[rule] += 1);
        ranked.push((rank.unwrap_or_default(), takes, path));
    }
    ranked.sort_unstable();
    let fits = ranked.into_iter().take_while(|(_, takes, _)| {
        let left = room.checked_sub(*takes);
        room = left.unwrap_or(0);
        left.is_some()
    });
    let mut paths: Vec<usize> = fits.map(|(_, _, path)| path).collect();
    paths.sort_unstable();
    paths
}

/// What a point tells whose files mix several places is only possible.
fn doubt_merged(correlation: &Correlation, finding: &mut Finding) {
    let legs = finding.paths.iter().flat_map(|&path| &correlation.paths[path].legs);
    let merged = legs.map(|leg| leg.point).find(|&point| correlation.merged[point].is_some());
    if let Some(point) = merged {
        finding.verdict = finding.verdict.max(Verdict::Possible);
        let name = &correlation.points[point].name;
        finding.would_decide.push(format!("The captures that {name} was merged from, one by one."));
    }
}

/// What needs no packets, of all paths.
fn at_first_look(correlation: &Correlation, population: &Population) -> Vec<Finding> {
    let no_packets = Ladder::default();
    let found = |index: usize| -> Vec<Finding> {
        let connections = connections(correlation, index);
        let cases = cases(correlation, population, index, &connections, &no_packets);
        let told = |case: Case<'_>| -> Vec<Finding> {
            let rules = AT_FIRST_LOOK.iter().filter(|rule| (rule.screen)(&case));
            rules.filter_map(|rule| (rule.examine)(&case)).collect()
        };
        cases.flat_map(told).collect()
    };
    let staged = |index: &usize| correlation.paths[*index].stages() > 1;
    (0..correlation.paths.len()).into_par_iter().filter(staged).flat_map_iter(found).collect()
}

/// A case for each stage of a path.
fn cases<'a>(
    correlation: &'a Correlation,
    population: &'a Population,
    index: usize,
    connections: &'a [Connection],
    ladder: &'a Ladder,
) -> impl Iterator<Item = Case<'a>> {
    let path = &correlation.paths[index];
    (0..path.stages()).map(move |stage| Case {
        correlation,
        population,
        index,
        path,
        stage,
        connections,
        ladder,
    })
}

fn connections(correlation: &Correlation, path: usize) -> Vec<Connection> {
    correlation.paths[path].legs.iter().map(|leg| leg.of(&correlation.points)).collect()
}

/// One finding for all connections of a service that tell the same story equally surely.
fn group(correlation: &Correlation, single: Vec<Finding>) -> Vec<Finding> {
    let mut groups: BTreeMap<_, Vec<Finding>> = BTreeMap::new();
    for finding in single {
        let scope = correlation.paths[finding.paths[0]].orig_leg().of(&correlation.points).resp;
        let open = finding.rivals.iter().filter(|r| r.status == RivalStatus::Open);
        let open: Vec<_> = open.map(|r| r.id).collect();
        // Of one that waited and one that did not, neither speaks for the other.
        let waited = !finding.spans.is_empty();
        let sure = (finding.severity, finding.verdict);
        let key = (sure, finding.id, finding.hung_side, scope, open, waited);
        groups.entry(key).or_default().push(finding);
    }
    groups.into_values().filter_map(merge).collect()
}

/// The connection that was silent for longest speaks for all, else the first.
fn merge(mut same: Vec<Finding>) -> Option<Finding> {
    same.sort_by_key(|f| (std::cmp::Reverse(f.spans.first().map(|(_, nanos)| *nanos)), f.paths[0]));
    let others = same.len() - 1;
    let mut all = same.into_iter();
    let mut merged = all.next()?;
    for other in all {
        merged.paths.extend(other.paths);
        merged.facts.extend(other.facts);
        merged.spans.extend(other.spans);
    }
    if merged.verdict >= Verdict::Possible {
        merged.title = format!("Possibly: {}", uncapitalized(&merged.title));
    }
    if others > 0 {
        let longest = merged.spans.first().map(|(_, nanos)| duration(*nanos));
        let shortest = merged.spans.last().map(|(_, nanos)| duration(*nanos));
        let after = shortest
            .filter(|shortest| longest.as_ref() != Some(shortest))
            .map_or_else(String::new, |shortest| format!(", the shortest after {shortest}"));
        merged.title += &format!("; {} alike{after}", counted(others as u64, "more connection"));
    }
    Some(merged)
}

/// A sentence that goes on behind a colon: its first letter small, but for names and abbreviations.
fn uncapitalized(sentence: &str) -> String {
    let mut chars = sentence.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() && !second.is_ascii_digit() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => sentence.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn no_rule_takes_the_room_of_another() {
        // Many small ones of one rule; two large ones of another, one of which both suspect.
        let small = (0..100).map(|path| (1, path, 0b01));
        let large = [(20, 100, 0b10), (30, 101, 0b11)];
        let all: Vec<_> = small.chain(large).collect();
        let of = |room| chosen(all.iter().rev().copied().collect(), room);
        assert_eq!(of(150), (0..102).collect::<Vec<_>>());
        assert_eq!(of(54), [0, 1, 2, 3, 100, 101]);
        assert_eq!(of(21), [0, 100]);
        assert!(of(0).is_empty());
    }
}
