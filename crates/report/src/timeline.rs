//! The packets of one connection, abridged to what tells its story.

use std::collections::BTreeSet;

use crosscap_correlation::{Correlation, Ladder, LegSighting, Path, Row};
use crosscap_diagnosis::{duration, thousands};
use crosscap_packet::{FrameRef, Segment, TcpFlags, Timestamp};
use crosscap_reassembly::Direction;

use crate::model::{Timeline, TimelineRow, TimelineSighting};

/// The timeline of a path: its beginning, what surrounds its silences, what is `cited` of it by point and frame, and its
/// end.
pub(crate) fn of(
    correlation: &Correlation,
    path: &Path,
    ladder: &Ladder,
    cited: &BTreeSet<(usize, FrameRef)>,
) -> Timeline {
    let rows = &together(ladder);
    let times: Vec<Timestamp> = rows.iter().map(|row| time(correlation, path, row)).collect();
    let longest = times.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or_default();
    let long = LONG.max(longest / RATIO);
    let is_cited =
        |row: &Row| row.seen.iter().any(|s| cited.contains(&(path.legs[s.leg].point, s.at.frame)));
    let keep = telling(&times, long, rows.iter().map(is_cited).collect());
    let mut told = Vec::new();
    let mut left_out = 0;
    for (i, row) in rows.iter().enumerate() {
        let silence = if i > 0 { times[i].since(times[i - 1]) } else { 0 };
        if !keep[i] {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            let text = format!("… {} more packets", thousands(left_out));
            told.push(mark(times[i - 1], text));
            left_out = 0;
        }
        if silence >= long {
            told.push(mark(times[i - 1], format!("silence for {}", duration(silence))));
        }
        told.push(packet(correlation, path, row, times[i]));
    }
    Timeline { connection: path.name.clone(), rows: told }
}

/// The rows of a ladder, with a packet that a point saw again within a moment in one row: on its way in and out of a device
/// that forwarded it unchanged, or on two of its cards.
fn together(ladder: &Ladder) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(ladder.rows.len());
    for row in &ladder.rows {
        let of = rows.len().saturating_sub(NEAR);
        let same = rows[of..].iter_mut().rev().find(|before| is_again(before, row));
        let Some(before) = same else {
            rows.push(row.clone());
            continue;
        };
        for seen in &row.seen {
            let at = before.seen.iter().rposition(|s| s.leg == seen.leg);
            before.seen.insert(at.map_or(before.seen.len(), |at| at + 1), *seen);
        }
    }
    rows
}

/// Whether every leg that saw `row` had just seen the same packet in `before`.
fn is_again(before: &Row, row: &Row) -> bool {
    let again = |seen: &LegSighting| {
        before.seen.iter().any(|s| {
            s.leg == seen.leg
                && (0..=MOMENT).contains(&seen.at.time.since(s.at.time))
                && is_one(&s.at.segment, &seen.at.segment)
        })
    };
    before.direction == row.direction && row.seen.iter().all(again)
}

/// Whether two segments are one packet. Two acknowledgements may be alike where a stack numbers neither packets nor times;
/// one of them with another time to live has been forwarded.
fn is_one(a: &Segment, b: &Segment) -> bool {
    a.is_copy_of(b) && (a.is_identified() || a.ttl != b.ttl)
}

fn time(correlation: &Correlation, path: &Path, row: &Row) -> Timestamp {
    let first = row.first();
    correlation.reference_estimate(path.legs[first.leg].point, first.at.time)
}

/// Which rows to show besides those to `keep`: the first few, those around the longest silences, the last few.
fn telling(times: &[Timestamp], long: i64, mut keep: Vec<bool>) -> Vec<bool> {
    let mut show =
        |from: usize, to: usize| keep[from.min(times.len())..to.min(times.len())].fill(true);
    show(0, HEAD);
    show(times.len().saturating_sub(TAIL), times.len());
    let mut silences: Vec<usize> =
        (1..times.len()).filter(|&i| times[i].since(times[i - 1]) >= long).collect();
    silences.sort_by_key(|&i| std::cmp::Reverse((times[i].since(times[i - 1]), i)));
    for &i in silences.iter().take(SILENCES) {
        show(i.saturating_sub(BESIDE), i + BESIDE);
    }
    // A single packet takes no less room than the note that it was left out.
    for i in 1..keep.len().saturating_sub(1) {
        if keep[i - 1] && keep[i + 1] {
            keep[i] = true;
        }
    }
    keep
}

fn mark(time: Timestamp, text: String) -> TimelineRow {
    TimelineRow {
        time_ref_ns: time.as_nanos(),
        from: None,
        text,
        seen: Vec::new(),
        not_seen: Vec::new(),
    }
}

fn packet(correlation: &Correlation, path: &Path, row: &Row, time: Timestamp) -> TimelineRow {
    let points = &correlation.points;
    let seen: Vec<TimelineSighting> = row
        .seen
        .iter()
        .map(|s| {
            let point = &points[path.legs[s.leg].point];
            let c = path.legs[s.leg].of(points);
            let (src, dst) = match row.direction {
                Direction::Orig => (c.orig, c.resp),
                Direction::Resp => (c.resp, c.orig),
            };
            TimelineSighting {
                point: point.name.clone(),
                frame: s.at.frame.number(),
                file: point.files.get(usize::from(s.at.frame.file())).cloned().unwrap_or_default(),
                time_ns: s.at.time.as_nanos(),
                src: src.to_string(),
                dst: dst.to_string(),
                stray: path.legs[s.leg].stray,
            }
        })
        .collect();
    let mut not_seen = Vec::new();
    for leg in path.regular() {
        let name = &points[leg.point].name;
        if !seen.iter().any(|s| s.point == *name) && !not_seen.contains(name) {
            not_seen.push(name.clone());
        }
    }
    let from = match row.direction {
        Direction::Orig => "orig",
        Direction::Resp => "resp",
    };
    let text = words(&row.first().at.segment);
    TimelineRow { time_ref_ns: time.as_nanos(), from: Some(from.into()), text, seen, not_seen }
}

/// What a segment is, in a few words.
fn words(s: &Segment) -> String {
    match s.payload_len {
        0 => s.flags.to_string(),
        1 => format!("1 byte, {}", s.flags),
        n if s.flags.intersects(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) => {
            format!("{} bytes, {}", thousands(n.into()), s.flags)
        }
        n => format!("{} bytes", thousands(n.into())),
    }
}

/// A silence worth a row, nanoseconds.
const LONG: i64 = 1_000_000_000;

/// How many times shorter than the longest silence another one may be to be worth a row.
const RATIO: i64 = 20;

/// A packet seen again at one leg this soon is the same one, nanoseconds.
const MOMENT: i64 = 10_000_000;

/// How many rows before a packet may have been seen already.
const NEAR: usize = 8;

const HEAD: usize = 4;
const TAIL: usize = 6;
/// Longest silences shown.
const SILENCES: usize = 3;
/// Packets shown on either side of a silence.
const BESIDE: usize = 2;
