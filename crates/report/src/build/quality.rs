//! What is to be said of a point's capture that only all points together show, or its connections.

use crosscap_correlation::{Correlation, Merged, Point, Selection};
use crosscap_diagnosis::{duration, thousands};

use crate::Quality;

/// All remarks on a point.
pub(super) fn remarks(correlation: &Correlation, index: usize) -> Vec<Quality> {
    let mut told: Vec<Quality> = left_out(correlation.selections[index]).collect();
    told.extend(same_place(correlation, index));
    told.extend(correlation.merged[index].as_ref().map(merged));
    told.extend(alone(correlation, index));
    told
}

/// That captures of several places were put together.
fn merged(found: &Merged) -> Quality {
    let [least, most] = found.apart;
    let apart = if duration(least) == duration(most) {
        duration(least)
    } else {
        format!("{} to {}", duration(least), duration(most))
    };
    let detail = format!(
        "handshakes were captured twice ({}), {apart} apart: this mixes captures of several places. Give them one by one; what follows \
         is in doubt, and packets are told as sent again that were not",
        thousands(found.handshakes)
    );
    Quality::new("merged", detail)
}

/// Which other point is the same place.
fn same_place(correlation: &Correlation, index: usize) -> Option<Quality> {
    let place = correlation.same_places[index]?;
    let times = match place.shift {
        0 => "at the same times".to_owned(),
        shift => {
            format!(
                "all {} {}",
                duration(shift.saturating_abs()),
                if shift > 0 { "later" } else { "earlier" }
            )
        }
    };
    let detail = format!(
        "the same packets as at {}, {times}: one capture twice, or two taken at one place; they count as one point",
        correlation.points[place.point].name
    );
    Some(Quality::new("same-place", detail))
}

/// What the filter of a capture, or its place, left out.
fn left_out(selection: Selection) -> impl Iterator<Item = Quality> {
    let remarks = [
        (
            selection.one_direction,
            "one-direction",
            "only one direction of each connection was captured; the other is not counted as lost",
        ),
        (
            selection.handshakes_only,
            "handshakes-only",
            "only packets with SYN, FIN or RST were captured, though payload was sent: a filter for handshakes? \
             Silences, waiting and losses cannot be seen here",
        ),
    ];
    remarks.into_iter().filter(|r| r.0).map(|(_, id, detail)| Quality::new(id, detail.into()))
}

/// That no connection was seen at any other point, and whether the captures can have any in common.
fn alone(correlation: &Correlation, index: usize) -> Option<Quality> {
    let points = &correlation.points;
    // Where places are mixed, connections are not found although they are there.
    let mixed = correlation.merged.iter().any(Option::is_some);
    if points.len() < 2 || mixed || points[index].connections.is_empty() {
        return None;
    }
    let elsewhere = |path: &crosscap_correlation::Path| {
        let mut all = path.legs.iter().chain(path.copies.iter().map(|(copy, _)| copy));
        let here = all.clone().any(|leg| leg.point == index);
        here && all.any(|leg| leg.point != index)
    };
    if correlation.paths.iter().any(elsewhere) {
        return None;
    }
    let span = |p: &Point| p.first.zip(p.last);
    let others = points.iter().enumerate().filter(|(i, _)| *i != index);
    let overlaps = others.filter_map(|(_, other)| {
        let ((first, last), (begin, end)) = (span(&points[index])?, span(other)?);
        Some(first <= end && begin <= last)
    });
    let why = match overlaps.reduce(|any, one| any || one) {
        Some(true) => ", although by their own clocks the captures overlap in time",
        Some(false) => ": by their own clocks the captures do not overlap in time",
        None => "",
    };
    let detail = format!("none of its connections was found at another point{why}");
    Some(Quality::new("nothing-in-common", detail))
}
