//! What a point's clock is like.

use crosscap_diagnosis::{duration, thousands};

use super::points::{clock_time, counted, frames_of};
use crate::escape::terminal;
use crate::{Clock, ClockSegment, Contradiction, Point, Report};

/// How far it is from the reference clock.
pub(super) fn describe(point: &str, clock: &Clock) -> String {
    if clock.reference == point {
        return "reference clock".into();
    }
    let (Some(offset), Some(low), Some(high)) =
        (clock.offset_ns, clock.offset_low_ns, clock.offset_high_ns)
    else {
        return one_sided(clock);
    };
    let half = (high.saturating_sub(low)) / 2;
    // The offset of a clock that drifts or steps holds at one time.
    let changes = !clock.segments.is_empty() || drift(clock).is_some();
    let at = match clock.at_ref_ns.filter(|_| changes) {
        Some(at) => format!(" at {}", clock_time(at, 0)),
        None => String::new(),
    };
    if agrees(clock) {
        let how = match low.saturating_neg().max(high) {
            0 => "exactly".into(),
            most => format!("within {}", duration(rounded_up(most))),
        };
        return format!("its clock agrees with {}'s {how}", terminal(&clock.reference));
    }
    format!(
        "its clock is {} {}'s{at} (± {})",
        offset_words(offset, half),
        terminal(&clock.reference),
        duration(half)
    )
}

/// Whether no packet contradicts that it is right by the reference clock all the time.
fn agrees(clock: &Clock) -> bool {
    let steady = clock.segments.is_empty() && drift(clock).is_none();
    let bounds = clock.offset_low_ns.zip(clock.offset_high_ns);
    steady && bounds.is_some_and(|(low, high)| low <= 0 && 0 <= high)
}

/// To a whole number of the unit that [`duration`] says it in.
fn rounded_up(nanos: i64) -> i64 {
    let unit = match nanos {
        ..1_000 => 1,
        1_000..1_000_000 => 1_000,
        1_000_000..1_000_000_000 => 1_000_000,
        _ => 1_000_000_000,
    };
    nanos.saturating_add(unit - 1) / unit * unit
}

/// Of a clock that packets bound on one side at most.
fn one_sided(clock: &Clock) -> String {
    let reference = terminal(&clock.reference);
    let bound = |what, offset| {
        format!(
            "its clock is at {what} {} {reference}'s: packets travelled one way only",
            offset_words(offset, 0)
        )
    };
    // A lower bound of a clock that is behind is the most that it is behind.
    match (clock.offset_low_ns, clock.offset_high_ns) {
        (Some(low), None) => bound(if low < 0 { "most" } else { "least" }, low),
        (None, Some(high)) => bound(if high < 0 { "least" } else { "most" }, high),
        _ => format!("its clock cannot be compared with {reference}'s"),
    }
}

/// What is worth a line about it, each.
pub(super) fn remarks(report: &Report, point: &Point) -> Vec<String> {
    let clock = &point.clock;
    let mut told = Vec::new();
    for note in &clock.notes {
        match note.id.as_str() {
            "clock-break" if clock.segments.len() > 1 => told.extend(breaks(clock)),
            // Said already.
            "same-clock" if agrees(clock) => {}
            "outliers" => {
                let frames = contradictions(report, point);
                told.push(format!("{}: {frames}", terminal(&note.detail)));
            }
            _ => told.push(terminal(&note.detail)),
        }
    }
    told.extend(drift(clock));
    told
}

/// Where it runs fast or slow for certain.
fn drift(clock: &Clock) -> Option<String> {
    let (low, high) = (clock.skew_low_ppm?, clock.skew_high_ppm?);
    let (word, low, high) = match (low > 0.0, high < 0.0) {
        (true, _) => ("gains", low, high),
        (_, true) => ("loses", -high, -low),
        _ => return None,
    };
    // A part per million is 86.4 ms a day.
    let a_day = |ppm: f64| ppm * 0.0864;
    Some(format!(
        "{word} {low:.1} to {high:.1} ppm on {}'s, {:.2} to {:.2} s a day",
        terminal(&clock.reference),
        a_day(low),
        a_day(high)
    ))
}

/// How it came from each of its segments to the next.
fn breaks(clock: &Clock) -> Vec<String> {
    let reference = terminal(&clock.reference);
    let pairs = clock.segments.windows(2);
    let more = pairs.len().saturating_sub(BREAKS);
    let told = pairs.take(BREAKS).filter_map(|pair| match pair {
        [before, after] => Some(format!(
            "{} between {} and {} by {reference}'s clock",
            broke(after),
            clock_time(before.to_ref_ns, 3),
            clock_time(after.from_ref_ns, 3)
        )),
        _ => None,
    });
    let more = (more > 0).then(|| format!("and {more} more breaks, all in the JSON report"));
    told.chain(more).collect()
}

fn broke(after: &ClockSegment) -> String {
    if after.kind.as_deref() != Some("step") {
        return "began to run at another rate".into();
    }
    let (Some(low), Some(high)) = (after.step_low_ns, after.step_high_ns) else {
        return "was set".into();
    };
    let (side, low, high) = match (low > 0, high < 0) {
        (true, _) => ("forward by ", low, high),
        (_, true) => ("back by ", high.saturating_neg(), low.saturating_neg()),
        _ => return "was set".into(),
    };
    let half = (high - low) / 2;
    format!("was set {side}{} (± {})", seconds(low + half, half), duration(half))
}

/// Packets whose times contradict all others, some of them.
fn contradictions(report: &Report, point: &Point) -> String {
    let all = &point.clock.contradictions;
    let told = all.iter().take(CONTRADICTIONS).map(|c: &Contradiction| {
        format!(
            "{} ({})",
            frames_of(report, &[(&point.name, &c.file, &[c.frame])]),
            frames_of(report, &[(&c.other, &c.other_file, &[c.other_frame])])
        )
    });
    let told: Vec<String> = told.collect();
    match all.len().saturating_sub(CONTRADICTIONS) as u64 {
        0 => told.join(", "),
        more => format!("{} and {}", told.join(", "), counted(more, "more packet")),
    }
}

/// `27.000000 s behind`.
fn offset_words(offset: i64, half: i64) -> String {
    let side = if offset < 0 { "behind" } else { "ahead of" };
    format!("{} {side}", seconds(offset, half))
}

/// Seconds without their sign, with as many digits as an error of `half` nanoseconds leaves: at most six.
fn seconds(nanos: i64, half: i64) -> String {
    let digits: usize = match half {
        0..1_000_000 => 6,
        1_000_000..1_000_000_000 => 3,
        _ => 1,
    };
    let micros = (nanos.unsigned_abs() + 500) / 1_000;
    let fraction = format!("{:06}", micros % 1_000_000);
    format!("{}.{} s", thousands(micros / 1_000_000), &fraction[..digits])
}

/// Breaks told of each clock.
const BREAKS: usize = 5;

/// Packets named that contradict all others.
const CONTRADICTIONS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_the_digits_that_are_known() {
        let said = [
            (-27_000_000_499, 10_000, "27.000000 s"),
            (3_600_000_000_500, 0, "3,600.000001 s"),
            (40_089_000, 11_000_000, "0.040 s"),
            (2_000_000_000, 3_000_000_000, "2.0 s"),
            (i64::MIN, 0, "9,223,372,036.854776 s"),
        ];
        for (nanos, half, words) in said {
            assert_eq!(seconds(nanos, half), words);
        }
    }

    #[test]
    fn a_clock_that_may_be_right_is_said_to_agree() {
        let of = |offset: i64, low: i64, high: i64| {
            let clock = Clock {
                reference: "client".into(),
                offset_ns: Some(offset),
                offset_low_ns: Some(low),
                offset_high_ns: Some(high),
                ..Clock::default()
            };
            describe("pod", &clock)
        };
        assert_eq!(of(-499, -6_001, 5_003), "its clock agrees with client's within 7 µs");
        assert_eq!(of(0, 0, 0), "its clock agrees with client's exactly");
        assert_eq!(of(6_000, 1_000, 11_000), "its clock is 0.000006 s ahead of client's (± 5 µs)");
    }

    #[test]
    fn a_drift_is_told_where_it_is_certain() {
        let of = |low, high| {
            let clock = Clock {
                reference: "client".into(),
                skew_low_ppm: Some(low),
                skew_high_ppm: Some(high),
                ..Clock::default()
            };
            drift(&clock)
        };
        let gains = "gains 49.2 to 50.7 ppm on client's, 4.25 to 4.38 s a day";
        assert_eq!(of(49.17, 50.72).as_deref(), Some(gains));
        let loses = "loses 2.0 to 3.5 ppm on client's, 0.17 to 0.30 s a day";
        assert_eq!(of(-3.5, -2.0).as_deref(), Some(loses));
        assert_eq!(of(-1.0, 1.0), None);
    }

    #[test]
    fn a_step_is_told_with_its_bounds() {
        let after = |[low, high]: [i64; 2], kind: &str| ClockSegment {
            from_ref_ns: 0,
            to_ref_ns: 0,
            offset_ns: 0,
            offset_low_ns: 0,
            offset_high_ns: 0,
            at_ref_ns: 0,
            kind: Some(kind.into()),
            step_low_ns: Some(low),
            step_high_ns: Some(high),
            proof: Vec::new(),
        };
        let said = [
            ([799_980_000, 800_020_000], "step", "was set forward by 0.800000 s (± 20 µs)"),
            ([-100_020_000, -99_980_000], "step", "was set back by 0.100000 s (± 20 µs)"),
            ([-5, 5], "step", "was set"),
            ([-5, 5], "slew", "began to run at another rate"),
        ];
        for (step, kind, words) in said {
            assert_eq!(broke(&after(step, kind)), words);
        }
    }
}
