//! What happened between the points: the packets of all connections that the first look cannot clear.

use std::collections::BTreeMap;

use crosscap_correlation::{Between, Correlation, PayloadDigest, Trace, needs_traces};
use crosscap_packet::{Decoded, Decoder};
use crosscap_parser::ReadOptions;
use crosscap_reassembly::{Direction, Sighting};
use rayon::prelude::*;

use crate::Error;
use crate::files::InputFile;
use crate::wanted::Wanted;

/// What the second look found between the legs of each path that was looked at.
pub(crate) struct Compared {
    pub(crate) between: BTreeMap<usize, Between>,
    /// Paths that had to be looked at, and that there was no room for.
    pub(crate) left_out: u64,
}

/// Compares the legs of every path that the first look leaves in doubt, as far as [`MAX_PACKETS`] go: small connections
/// first. `lossy` tells for each point whether its capture is known to have missed packets. Each point is read on one core.
pub(crate) fn compare(
    correlation: &Correlation,
    files: &[Vec<InputFile>],
    options: &ReadOptions,
    lossy: &[bool],
) -> Result<Compared, Error> {
    let (paths, left_out) = choose(correlation);
    let traced: Vec<Vec<(usize, usize, Trace)>> = (0..files.len())
        .into_par_iter()
        .map(|point| trace_point(Wanted::of(correlation, &paths, point), &files[point], options))
        .collect::<Result<_, Error>>()?;
    let mut traces: BTreeMap<usize, Vec<Trace>> = paths
        .iter()
        .map(|&p| (p, vec![Trace::default(); correlation.paths[p].legs.len()]))
        .collect();
    for (path, place, trace) in traced.into_iter().flatten() {
        if let Some(legs) = traces.get_mut(&path) {
            legs[place] = trace;
        }
    }
    let between = traces
        .into_par_iter()
        .map(|(p, traces)| (p, Between::of(correlation, &correlation.paths[p], traces, lossy)))
        .collect();
    Ok(Compared { between, left_out })
}

/// The paths to look at, and how many there is no room for.
fn choose(correlation: &Correlation) -> (Vec<usize>, u64) {
    let mut doubtful: Vec<(u64, usize)> = correlation
        .paths
        .par_iter()
        .enumerate()
        .filter(|(_, path)| needs_traces(correlation, path))
        .map(|(index, path)| {
            let legs = path.legs.iter().map(|l| l.of(&correlation.points));
            let packets =
                legs.map(|c| Direction::BOTH.map(|d| c.flow(d).packets).iter().sum::<u64>());
            (packets.sum(), index)
        })
        .collect();
    doubtful.sort_unstable();
    let mut room = MAX_PACKETS;
    let fits = doubtful.iter().take_while(|(packets, _)| {
        let left = room.checked_sub(*packets);
        room = left.unwrap_or(0);
        left.is_some()
    });
    let paths: Vec<usize> = fits.map(|(_, index)| *index).collect();
    let left_out = (doubtful.len() - paths.len()) as u64;
    (paths, left_out)
}

fn trace_point(
    mut wanted: Wanted<Trace>,
    files: &[InputFile],
    options: &ReadOptions,
) -> Result<Vec<(usize, usize, Trace)>, Error> {
    let Some((first, last)) = wanted.index.range() else { return Ok(Vec::new()) };
    let mut decoder = Decoder::new();
    for (index, input) in files.iter().enumerate() {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        if index < first.file() || index > last.file() {
            continue;
        }
        let mut file = input.open(options, index)?;
        while let Some(r) = file.next_record()? {
            if r.frame > last {
                break;
            }
            if input.takes(&r)
                && let Decoded::Tcp(p) =
                    decoder.decode(r.link_type, r.data, r.original_len, r.timestamp)
                && let Some((leg, direction)) = wanted.find(p.src, p.dst, r.frame)
            {
                let at = Sighting { time: r.timestamp, frame: r.frame, segment: p.segment };
                let whole = p.payload.len() as u64 == u64::from(p.segment.payload_len);
                leg.kept.push(direction, &at, whole.then(|| PayloadDigest::of(p.payload)));
            }
        }
    }
    Ok(wanted.legs.into_iter().map(|l| (l.path, l.place, l.kept)).collect())
}

/// Packets that are compared: 72 bytes for each, and as many again while two legs are.
const MAX_PACKETS: u64 = 4_000_000;
