//! What lies between the points: pairs, order, clocks and losses of the lab's layouts, against truth.json.
//!
//! A wrong pair is worse than none, but where the packets are in both files none is wrong, too.

use std::collections::{BTreeMap, BTreeSet};

use crosscap::report::{Connection, Leg, Point, Report};
use crosscap_testkit::{Truth, TruthLeg};

use crate::support::{LAYOUTS, analyse_scenario, assert_none, folder, regular};

/// One scenario, analysed from all of its points.
struct Lab {
    scenario: &'static str,
    truth: Truth,
    report: Report,
}

/// A leg of the truth: the place of its connection, and its own place there.
type Place = (usize, usize);

impl Lab {
    fn of(scenario: &'static str) -> Self {
        Self::without(scenario, &[])
    }

    /// From all points but some. What those saw is no part of the truth then.
    fn without(scenario: &'static str, left_out: &[&str]) -> Self {
        assert!(LAYOUTS.contains(&scenario));
        let mut truth = Truth::load(folder(scenario).join("truth.json"));
        truth.points.retain(|name, _| !left_out.contains(&name.as_str()));
        for one in &mut truth.connections {
            one.legs.retain(|leg| truth.points.contains_key(&leg.point));
        }
        let others = truth.points.keys().map(String::as_str).filter(|p| *p != "client");
        let points: Vec<&str> = ["client"].into_iter().chain(others).collect();
        let report = analyse_scenario(scenario, &points);
        Self { scenario, truth, report }
    }

    /// Every path is one true connection, whole and in order, and every true connection is one path.
    fn assert_paths(&self) -> &Self {
        let mut problems = Vec::new();
        let mut found: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for c in &self.report.connections {
            let places: Vec<Option<Place>> = regular(c).iter().map(|l| self.place(l)).collect();
            if places.contains(&None) {
                problems.push(format!("{}: legs that there were not: {}", c.id, brief(c)));
                continue;
            }
            let places: Vec<Place> = places.into_iter().flatten().collect();
            let connections: BTreeSet<usize> = places.iter().map(|p| p.0).collect();
            for one in &connections {
                found.entry(*one).or_default().push(&c.id);
            }
            let first = connections.first().copied().unwrap();
            if !connections.is_subset(&self.together(first)) {
                problems.push(format!("{}: a wrong pair: {}", c.id, brief(c)));
            } else if let Some(problem) = self.wrong_in(&places, &connections) {
                problems.push(format!("{}: {problem}: {}", c.id, brief(c)));
            }
        }
        for (number, one) in self.truth.connections.iter().enumerate() {
            let paths = found.get(&number).map_or(0, Vec::len);
            if paths != usize::from(!one.legs.is_empty()) {
                let ends = (&one.orig_client, &one.orig_pod);
                problems.push(format!("{number} of {ends:?} is {paths} paths"));
            }
        }
        self.assert_none(&problems)
    }

    /// The connections that may be one path: one alone, or those that a proxy passes on byte by byte.
    fn together(&self, number: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::from([number]);
        if self.scenario == "tcp-proxy" {
            all.extend(&self.truth.connections[number].backs);
        }
        all
    }

    /// Legs that are missing, too many or in the wrong order.
    fn wrong_in(&self, places: &[Place], connections: &BTreeSet<usize>) -> Option<String> {
        for &number in connections {
            for (place, leg) in self.truth.connections[number].legs.iter().enumerate() {
                let told = places.iter().filter(|p| **p == (number, place)).count();
                if told == 0 || told > leg.copies as usize {
                    return Some(format!("{told} times {leg:?}"));
                }
            }
        }
        let disordered = places.windows(2).any(|pair| {
            let [a, b] = [pair[0], pair[1]].map(|(c, l)| &self.truth.connections[c].legs[l]);
            let same_place =
                ORDER_UNKNOWN.contains(&self.scenario) && (&a.orig, &a.resp) == (&b.orig, &b.resp);
            pair[0] > pair[1] && !same_place
        });
        disordered.then(|| "not in order".to_owned())
    }

    /// Where the truth has this leg. `None` also where it could be more than one.
    fn place(&self, leg: &Leg) -> Option<Place> {
        let mut places = self.truth.connections.iter().enumerate().flat_map(|(number, one)| {
            let legs = one.legs.iter().enumerate();
            legs.filter(|(_, t)| is(t, leg)).map(move |(place, _)| (number, place))
        });
        let first = places.next();
        first.filter(|_| places.next().is_none())
    }

    /// The bounds hold what the clocks really were. `bounded` are the points that must have some, on both sides.
    fn assert_clocks(&self, bounded: &[&str]) -> &Self {
        let mut problems = Vec::new();
        let others = self.report.points.iter().filter(|p| p.name != "client");
        for point in others {
            let (clock, name) = (&point.clock, &point.name);
            let both = clock.offset_low_ns.is_some() && clock.offset_high_ns.is_some();
            if bounded.contains(&&**name) && !both {
                problems.push(format!("{name}: no bounds"));
            }
            problems.extend(self.wrong_bounds(point).map(|b| format!("{name}: {b}")));
        }
        self.assert_none(&problems)
    }

    fn wrong_bounds(&self, point: &Point) -> Option<String> {
        let truth = &self.truth.points[&point.name];
        let clock = &point.clock;
        let at = clock.at_ref_ns?;
        let offset = truth.offset_at(at);
        let below = clock.offset_low_ns.is_some_and(|low| offset < low);
        let above = clock.offset_high_ns.is_some_and(|high| offset > high);
        if below || above {
            return Some(format!("{offset} is not in {clock:?}"));
        }
        let wide =
            clock.offset_low_ns.zip(clock.offset_high_ns).is_some_and(|(l, h)| h - l > WIDE_NS);
        if wide {
            return Some(format!("too wide: {clock:?}"));
        }
        let ppm = truth.clock.first().map_or(0, |piece| piece.ppm) as f64;
        if clock.skew_low_ppm.is_some_and(|low| ppm < low)
            || clock.skew_high_ppm.is_some_and(|high| ppm > high)
        {
            return Some(format!("skew {ppm} is not in {clock:?}"));
        }
        clock.segments.iter().find_map(|s| {
            let offset = truth.offset_at(s.at_ref_ns);
            let holds = (s.offset_low_ns..=s.offset_high_ns).contains(&offset);
            (!holds).then(|| format!("{offset} is not in {s:?}"))
        })
    }

    /// What the report says was lost is what was counted; nothing, where nothing was.
    fn assert_losses(&self) -> &Self {
        let told = |c: &Connection| (c.loss.orig_to_resp_bytes, c.loss.resp_to_orig_bytes);
        let mut problems = Vec::new();
        for c in &self.report.connections {
            let Some((number, _)) = self.place(regular(c)[0]) else { continue };
            let lost = self.truth.connections[number].lost.clone().unwrap_or_default();
            let counted = (lost.orig_to_resp.bytes, lost.resp_to_orig.bytes);
            if told(c) != counted {
                problems.push(format!("{}: {:?} bytes lost, counted {counted:?}", c.id, told(c)));
            }
        }
        self.assert_none(&problems)
    }

    /// What the report says was done to packets on the way is what was done, to the packet and to the byte.
    fn assert_meddling(&self) -> &Self {
        let mut problems = Vec::new();
        let told = serde_json::to_value(&self.report.connections).unwrap();
        for (c, told) in self.report.connections.iter().zip(told.as_array().unwrap()) {
            let Some((number, _)) = self.place(regular(c)[0]) else { continue };
            let Some(meddled) = &self.truth.connections[number].meddled else { continue };
            let ways =
                [("orig_to_resp", &meddled.orig_to_resp), ("resp_to_orig", &meddled.resp_to_orig)];
            for (way, deeds) in ways {
                // Twice within 10 ms may be the capture's doing, and a forgery that contradicts nothing may be a packet that
                // the other capture missed: both are told apart from what is certain.
                for (fates, packets) in [
                    (&["duplicated", "repeated"][..], &deeds.duplicated),
                    (&["reordered"], &deeds.overtaken),
                    (&["changed"], &deeds.changed),
                    (&["injected", "unexplained"], &deeds.injected),
                ] {
                    let fate = |n| move |fate: &&str| told["between"][0][way][fate][n].as_u64();
                    let sum = |n| fates.iter().filter_map(fate(n)).sum::<u64>();
                    let told = ["packets", "bytes"].map(sum);
                    let done = [packets.len() as u64, packets.iter().map(|p| p.1).sum()];
                    // Resets of a host without a socket are alike to the last bit, and cannot be counted.
                    let sure = packets.iter().filter(|p| p.1 > 0).count() as u64;
                    if told[1] != done[1] || !(sure..=done[0]).contains(&told[0]) {
                        problems.push(format!("{}: {way} {fates:?} {told:?}, done {done:?}", c.id));
                    }
                }
            }
        }
        self.assert_none(&problems)
    }

    /// Through a proxy, each of the clients' connections is one path from end to end.
    fn assert_one_path_each(&self) -> &Self {
        let fronts = self.truth.connections.iter().filter(|c| !c.backs.is_empty()).count();
        assert_eq!(self.report.connections.len(), fronts, "{}: paths", self.scenario);
        self
    }

    /// No leg has been sent more often than the client's: copies are no retransmissions.
    fn assert_copies_are_not_retransmissions(&self) -> &Self {
        let mut problems = Vec::new();
        for c in &self.report.connections {
            let again = |l: &Leg| (l.orig_retransmits, l.resp_retransmits);
            let legs = regular(c);
            if legs.iter().any(|l| again(l) != again(legs[0])) {
                problems.push(format!("{}: {}", c.id, brief(c)));
            }
        }
        self.assert_none(&problems)
    }

    fn assert_none(&self, problems: &[String]) -> &Self {
        assert_none(
            &problems.iter().map(|p| format!("{}: {p}", self.scenario)).collect::<Vec<_>>(),
        );
        self
    }
}

/// The legs of a path, for messages.
fn brief(c: &Connection) -> String {
    let legs = c.legs.iter().map(|l| {
        let isns =
            [l.orig_isn, l.resp_isn].map(|i| i.map_or_else(|| "?".to_owned(), |i| i.to_string()));
        let again = (l.orig_retransmits, l.resp_retransmits);
        format!("{} {}>{} {isns:?} {} {again:?}", l.point, l.orig, l.resp, l.history)
    });
    legs.collect::<Vec<_>>().join("; ")
}

/// Whether a reported leg is this one: the same ends at the same point, and no other ISN. A leg without SYNs may have its
/// ends the other way round.
fn is(truth: &TruthLeg, leg: &Leg) -> bool {
    let numbers = leg.orig_isn.is_none_or(|isn| isn == truth.orig_isn)
        && leg.resp_isn.is_none_or(|isn| isn == truth.resp_isn);
    let ends = (truth.orig.as_str(), truth.resp.as_str());
    let nameless = leg.orig_isn.is_none() && leg.resp_isn.is_none();
    let same_ends = (leg.orig.as_str(), leg.resp.as_str()) == ends
        || (nameless && (leg.resp.as_str(), leg.orig.as_str()) == ends);
    truth.point == leg.point && numbers && same_ends
}

/// Here two points or devices see the same packets at the same place, or never the same packets.
const ORDER_UNKNOWN: [&str; 2] = ["vxlan", "one-way"];

/// More than the longest round trip of the lab.
const WIDE_NS: i64 = 50_000_000;

#[test]
fn masquerade_hides_no_client() {
    let lab = Lab::of("masquerade");
    lab.assert_paths().assert_clocks(&["node", "pod"]).assert_losses();
}

#[test]
fn three_pods_have_three_clocks() {
    let lab = Lab::of("three-pods");
    lab.assert_paths().assert_clocks(&["pod-1", "pod-2", "pod-3"]).assert_losses();
}

#[test]
fn a_lossy_network_has_the_same_paths_and_clocks() {
    Lab::of("loss").assert_paths().assert_clocks(&["pod"]);
}

#[test]
fn losses_are_those_that_the_network_counted() {
    Lab::of("loss").assert_losses();
}

#[test]
fn uses_of_one_port_are_told_apart() {
    Lab::of("port-reuse").assert_paths().assert_clocks(&["pod"]).assert_losses();
}

#[test]
fn connections_older_than_the_captures_are_paired() {
    Lab::of("mid-stream").assert_paths().assert_clocks(&["pod"]).assert_losses();
}

#[test]
fn connections_older_than_the_captures_are_paired_across_masquerade() {
    Lab::of("mid-stream-masquerade").assert_paths().assert_clocks(&["pod"]).assert_losses();
}

#[test]
fn captures_that_overlap_partly_are_paired_as_far_as_they_do() {
    Lab::of("partly").assert_paths().assert_clocks(&["pod"]).assert_losses();
}

#[test]
fn captures_of_one_direction_are_paired() {
    let lab = Lab::of("one-way");
    lab.assert_paths().assert_clocks(&["to-pod", "from-pod"]).assert_losses();
}

/// No packet is in both captures: answers and what they answer bound the clocks, on both sides.
#[test]
fn captures_of_different_directions_are_paired() {
    let truth = Truth::load(folder("one-way").join("truth.json"));
    let offset = |point: &str| truth.points[point].clock_offset_ns;
    let report = analyse_scenario("one-way", &["to-pod", "from-pod"]);
    assert_eq!(report.connections.len(), truth.connections.len());
    assert!(report.connections.iter().all(|c| c.legs.len() == 2));
    let clock = &report.points[1].clock;
    let bounds = clock.offset_low_ns.unwrap()..=clock.offset_high_ns.unwrap();
    assert!(bounds.contains(&(offset("from-pod") - offset("to-pod"))), "{bounds:?}");
    assert!(bounds.end() - bounds.start() < 1_000_000, "{bounds:?}");
}

#[test]
fn ipv6_is_like_ipv4() {
    Lab::of("ipv6").assert_paths().assert_clocks(&["node", "pod"]).assert_losses();
}

#[test]
fn packets_captured_on_cable_and_bridge_are_copies() {
    let lab = Lab::of("node-any");
    lab.assert_paths().assert_clocks(&["node", "pod"]).assert_losses();
    lab.assert_copies_are_not_retransmissions();
}

#[test]
fn a_tunnel_hides_no_connection() {
    let lab = Lab::of("vxlan");
    lab.assert_paths().assert_clocks(&["card", "node", "pod"]).assert_losses();
}

#[test]
fn packets_captured_inside_and_outside_a_tunnel_are_copies() {
    Lab::of("vxlan").assert_copies_are_not_retransmissions();
}

#[test]
fn a_clock_that_was_set_is_followed_piece_by_piece() {
    let lab = Lab::of("clock-step");
    lab.assert_paths().assert_clocks(&["pod"]).assert_losses();
    let clock = &lab.report.points[1].clock;
    assert!(clock.segments.len() >= 2, "{clock:?}");
}

#[test]
fn a_clock_that_gains_is_bounded_and_so_is_what_it_gains() {
    let lab = Lab::of("clock-drift");
    lab.assert_paths().assert_clocks(&["pod"]).assert_losses();
    let clock = &lab.report.points[1].clock;
    assert!(clock.skew_low_ppm.unwrap() > 0.0, "{clock:?}");
}

#[test]
fn segments_cut_and_joined_by_offloads_are_the_same_bytes() {
    Lab::of("offload").assert_paths().assert_clocks(&["pod"]).assert_losses();
}

#[test]
fn what_only_a_capture_lost_is_not_lost() {
    Lab::of("capture-loss").assert_paths().assert_clocks(&["pod"]).assert_losses();
}

#[test]
fn rewritten_isns_are_seen_through() {
    Lab::without("isn-rewrite", &["node"]).assert_paths().assert_losses();
}

#[test]
fn rewritten_isns_are_seen_through_behind_a_node() {
    Lab::of("isn-rewrite").assert_paths().assert_losses();
}

#[test]
fn a_syn_proxy_is_seen_through() {
    Lab::without("synproxy", &["node"]).assert_paths().assert_losses();
}

#[test]
fn a_syn_proxy_is_seen_through_behind_a_node() {
    Lab::of("synproxy").assert_paths().assert_losses();
}

#[test]
fn clocks_are_bounded_across_devices_with_numbers_of_their_own() {
    Lab::of("isn-rewrite").assert_clocks(&["node", "pod"]);
    Lab::of("synproxy").assert_clocks(&["node", "pod"]);
}

#[test]
fn delays_that_differ_by_direction_are_within_the_bounds() {
    Lab::of("delay").assert_paths().assert_clocks(&["pod"]).assert_losses();
}

#[test]
fn a_proxy_that_passes_bytes_on_pairs_no_strangers() {
    Lab::of("tcp-proxy").assert_paths().assert_clocks(&["pod", "proxy"]).assert_losses();
}

#[test]
fn a_proxy_that_passes_bytes_on_is_seen_through() {
    Lab::of("tcp-proxy").assert_one_path_each();
}

#[test]
fn a_proxy_that_passes_bytes_on_is_seen_through_from_both_sides_of_it() {
    Lab::without("tcp-proxy", &["proxy"]).assert_paths().assert_losses().assert_one_path_each();
}

#[test]
fn a_proxy_that_rewrites_what_it_passes_on_pairs_nothing() {
    Lab::of("http-proxy").assert_paths().assert_clocks(&["pod", "proxy"]).assert_losses();
}

#[test]
fn nat64_changes_the_family_only() {
    Lab::of("nat64").assert_paths().assert_clocks(&[]).assert_losses();
}

#[test]
fn clocks_are_bounded_across_nat64() {
    Lab::of("nat64").assert_clocks(&["pod"]);
}

#[test]
fn packets_that_were_meddled_with_are_those_of_the_same_connections() {
    Lab::of("meddling").assert_paths().assert_clocks(&["pod"]).assert_losses();
}

#[test]
fn what_was_done_to_packets_on_the_way_is_told() {
    Lab::of("meddling").assert_meddling();
}

#[test]
fn every_layout_is_looked_at() {
    let this = include_str!("lab.rs");
    for scenario in LAYOUTS {
        assert!(this.contains(&format!("Lab::of(\"{scenario}\")")), "{scenario}");
    }
}
