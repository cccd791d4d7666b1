//! What happened between the points, for the report.

use std::collections::BTreeMap;

use crosscap_correlation::{self as correlation, Bounds, Correlation, Path, SynOffer, Tally};

use crate::Report;
use crate::model::{Between, Delays, Fate, FileFrames, NeverSeen, Offer, Passage};

impl Report {
    /// Adds what happened between the legs of the paths that were compared; `left_out` paths should have been and were not.
    pub fn tell_between(
        &mut self,
        correlation: &Correlation,
        between: &BTreeMap<usize, correlation::Between>,
        left_out: u64,
    ) {
        self.not_compared = left_out;
        for (&path, found) in between {
            let connection = &mut self.connections[path];
            if let Some([orig, resp]) = &found.ends {
                connection.loss.orig_to_resp_bytes = orig.lost.bytes;
                connection.loss.resp_to_orig_bytes = resp.lost.bytes;
            }
            let path = &correlation.paths[path];
            connection.between =
                found.hops.iter().filter_map(|h| told(correlation, path, h)).collect();
        }
    }
}

fn told(correlation: &Correlation, path: &Path, hop: &correlation::Hop) -> Option<Between> {
    let [from, to] = [hop.from, hop.to].map(|leg| path.legs[leg].point);
    let [orig, resp] = &hop.ways;
    let way = |w: &correlation::Passage, near, far| {
        w.is_eventful().then(|| passage(correlation, w, near, far))
    };
    let (orig_to_resp, resp_to_orig) = (way(orig, from, to), way(resp, to, from));
    if orig_to_resp.is_none() && resp_to_orig.is_none() {
        return None;
    }
    let [from, to] = [from, to].map(|point| correlation.points[point].name.clone());
    Some(Between { from, to, orig_to_resp, resp_to_orig })
}

fn passage(c: &Correlation, w: &correlation::Passage, near: usize, far: usize) -> Passage {
    let fate = |tally: &Tally, point: usize| tally.any().then(|| fate(c, tally, point));
    Passage {
        sent: w.sent,
        came: w.came,
        lost: fate(&w.lost, near),
        bare_missing: fate(&w.bare_missing, near),
        never_seen: Some(NeverSeen {
            syn: fate(&w.never_seen.syn, near),
            fin: fate(&w.never_seen.fin, near),
            reset: fate(&w.never_seen.reset, near),
        })
        .filter(|seen| [&seen.syn, &seen.fin, &seen.reset].into_iter().any(Option::is_some)),
        undecided: fate(&w.undecided, near),
        unrecorded_far: fate(&w.unrecorded_far, near),
        unrecorded_near: fate(&w.unrecorded_near, far),
        unexplained: fate(&w.unexplained, far),
        injected: fate(&w.injected, far),
        duplicated: fate(&w.duplicated, far),
        repeated: fate(&w.repeated, far),
        reordered: fate(&w.reordered, far),
        changed: fate(&w.changed, near),
        offer: w.offer.map(|offers| offers.map(offer)),
        recut: Some(w.recut).filter(|r| *r != [0, 0]),
        hops: w.hops.map(|(least, most)| [least, most]),
        delay: w.delay.map(|d| {
            let [min_ns, median_ns, max_ns] =
                [d.min, d.median, d.max].map(|b: Bounds| [b.low, b.estimate, b.high]);
            Delays { min_ns, median_ns, max_ns }
        }),
        not_compared: w.not_compared,
    }
}

fn fate(correlation: &Correlation, tally: &Tally, point: usize) -> Fate {
    let point = &correlation.points[point];
    let examples = tally.frames.chunk_by(|a, b| a.file() == b.file()).map(|frames| FileFrames {
        file: point.files.get(usize::from(frames[0].file())).cloned().unwrap_or_default(),
        frames: frames.iter().map(|f| f.number()).collect(),
    });
    let examples = examples.collect();
    Fate { packets: tally.packets, bytes: tally.bytes, point: point.name.clone(), examples }
}

fn offer(offer: SynOffer) -> Offer {
    Offer {
        maximum_segment_size: offer.options.maximum_segment_size,
        window_scale: offer.options.window_scale,
        sack_permitted: offer.options.sack_permitted,
        timestamps: offer.timestamps,
    }
}
