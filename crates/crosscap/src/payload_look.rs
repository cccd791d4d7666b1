//! A look at the payload of a few connections: those that may be two sides of a proxy.

use crosscap_correlation::{Leg, Point, StreamDigest, StreamDigester};
use crosscap_packet::{Decoded, Decoder};
use crosscap_parser::ReadOptions;
use crosscap_reassembly::Direction;
use rayon::prelude::*;

use crate::Error;
use crate::files::InputFile;
use crate::leg_index::LegIndex;

/// What originator and responder of each of `legs` sent. `files` are those of each point.
pub(crate) fn digests(
    points: &[Point],
    files: &[Vec<InputFile>],
    options: &ReadOptions,
    legs: &[Leg],
) -> Result<Vec<(Leg, [StreamDigest; 2])>, Error> {
    let found: Vec<Vec<_>> = (0..points.len())
        .into_par_iter()
        .map(|point| {
            let mine: Vec<Leg> = legs.iter().copied().filter(|leg| leg.point == point).collect();
            digest_point(points, &files[point], options, &mine)
        })
        .collect::<Result<_, Error>>()?;
    Ok(found.into_iter().flatten().collect())
}

fn digest_point(
    points: &[Point],
    files: &[InputFile],
    options: &ReadOptions,
    legs: &[Leg],
) -> Result<Vec<(Leg, [StreamDigest; 2])>, Error> {
    let index = LegIndex::new(points, legs.iter().copied());
    let Some((first, last)) = index.range() else { return Ok(Vec::new()) };
    let new = |leg: &Leg| {
        let c = leg.of(points);
        Direction::BOTH.map(|direction| c.flow(direction).isn.map(StreamDigester::new))
    };
    let mut digesters: Vec<[Option<StreamDigester>; 2]> = legs.iter().map(new).collect();
    let mut decoder = Decoder::new();
    for (number, input) in files.iter().enumerate() {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        if number < first.file() || number > last.file() {
            continue;
        }
        let mut file = input.open(options, number)?;
        while let Some(r) = file.next_record()? {
            if r.frame > last {
                break;
            }
            if !input.takes(&r) {
                continue;
            }
            let decoded = decoder.decode(r.link_type, r.data, r.original_len, r.timestamp);
            if let Decoded::Tcp(p) = decoded
                && p.segment.payload_len > 0
                && let Some((leg, direction)) = index.find(p.src, p.dst, r.frame)
                && let Some(digester) = &mut digesters[leg][direction as usize]
            {
                let syn = p.segment.flags.contains(crosscap_packet::TcpFlags::SYN);
                digester.push(p.segment.seq + u32::from(syn), p.payload);
                if p.payload.len() as u64 != u64::from(p.segment.payload_len) {
                    digester.leave_out();
                }
            }
        }
    }
    let finish =
        |digester: Option<StreamDigester>| digester.map(StreamDigester::finish).unwrap_or_default();
    Ok(legs.iter().copied().zip(digesters.into_iter().map(|both| both.map(finish))).collect())
}
