//! Which packets of two legs are one packet seen twice.

use crosscap_reassembly::{Connection, Direction, Flow, Sighting};

use super::Constraint;

/// What the packets that both legs remember prove about the clock of `here` against that of `reference`.
///
/// `reference_is_upstream` tells whether `reference` is nearer the client.
pub(crate) fn constraints(
    reference: &Connection,
    here: &Connection,
    reference_is_upstream: bool,
) -> impl Iterator<Item = Constraint> {
    Direction::BOTH.into_iter().flat_map(move |direction| {
        let forward = (direction == Direction::Orig) == reference_is_upstream;
        let (theirs, ours) = (reference.flow(direction), here.flow(direction));
        // A SYN carries no identification of its own on some stacks; one of a kind needs none.
        let sole_syn = theirs.syns == 1 && ours.syns == 1;
        remembered(theirs).into_iter().zip(remembered(ours)).filter_map(move |(theirs, ours)| {
            let (theirs, ours) = (theirs?, ours?);
            let s = &theirs.segment;
            let is_syn = s.flags.contains(crosscap_packet::TcpFlags::SYN);
            let distinct = s.ip_id != 0 || s.timestamps.is_some() || (is_syn && sole_syn);
            (distinct && s.is_copy_of(&ours.segment)).then(|| Constraint {
                at: theirs.time,
                difference: ours.time.since(theirs.time),
                forward,
                frames: [theirs.frame, ours.frame],
            })
        })
    })
}

fn remembered(flow: &Flow) -> [Option<Sighting>; 3] {
    [flow.first, flow.last_news(), flow.fin]
}
