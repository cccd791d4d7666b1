//! Which packets of two legs are one packet seen twice.

use crosscap_packet::{Segment, SeqNumber, TcpFlags};
use crosscap_reassembly::{Connection, Direction, Flow, Sighting};

use super::Constraint;
use crate::copies::Alike;

/// What the packets that both legs remember prove about the clock of `here` against that of `reference`.
///
/// Segmentation offload cannot poison this. A packet that was merged or cut has another length at one of the points and
/// is no copy; one cut by the sender's card and merged again to the same length is stamped where it was whole before, and
/// then at its first part, which cannot be earlier. A retransmission is told from the first copy by its IP identification
/// or timestamp, and without either the packet is left out.
///
/// `reference_is_upstream` tells whether `reference` is nearer the client.
pub(crate) fn constraints(
    reference: &Connection,
    here: &Connection,
    reference_is_upstream: bool,
) -> impl Iterator<Item = Constraint> {
    let of = |c: &Connection| (Direction::BOTH.map(|d| c.flow(d).isn), c.orig);
    let alike = Alike::between(of(reference), of(here));
    Direction::BOTH.into_iter().flat_map(move |direction| {
        let forward = (direction == Direction::Orig) == reference_is_upstream;
        let (theirs, ours) = (reference.flow(direction), here.flow(direction));
        // A SYN carries no identification of its own on some stacks; one of a kind needs none.
        let sole_syn = theirs.syns == 1 && ours.syns == 1;
        remembered(theirs).into_iter().zip(remembered(ours)).filter_map(move |(theirs, ours)| {
            let (theirs, ours) = (theirs?, ours?);
            let distinct = is_told_apart(&theirs.segment, alike, sole_syn);
            (distinct && alike.same(direction, &theirs.segment, &ours.segment)).then(|| {
                Constraint {
                    at: theirs.time,
                    difference: ours.time.since(theirs.time),
                    forward,
                    frames: [theirs.frame, ours.frame],
                }
            })
        })
    })
}

/// Whether a packet can be told from one that was sent again. `sole_syn` where both legs saw one SYN of its sender.
pub(super) fn is_told_apart(s: &Segment, alike: Alike, sole_syn: bool) -> bool {
    let is_syn = s.flags.contains(TcpFlags::SYN);
    let counted = s.ip_id != 0 && alike.keeps_ip_id();
    counted || s.timestamps.is_some() || (is_syn && sole_syn)
}

/// What answers prove: a SYN-ACK, wherever it is seen, comes after the SYN whose timestamp it echoes, wherever that is
/// seen. Needs no packet that both points saw. Later acknowledgements would prove the same of what they acknowledge, but
/// which copy of it arrived is not known where captures may lose packets.
pub(crate) fn causal(
    reference: &Connection,
    here: &Connection,
) -> impl Iterator<Item = Constraint> {
    let answered = |asked: &Connection, answering: &Connection| {
        let (orig, resp) = (asked.flow(Direction::Orig), answering.flow(Direction::Resp));
        let (syn, answer) = (orig.first?, resp.first?);
        let seen = Asked { acked: orig.acked, isn: asked.flow(Direction::Resp).isn };
        seen.is_answer(&syn.segment, &answer.segment, resp.next_seq()).then_some((syn, answer))
    };
    let constraint = |theirs: Sighting, ours: Sighting, forward| Constraint {
        at: theirs.time,
        difference: ours.time.since(theirs.time),
        forward,
        frames: [theirs.frame, ours.frame],
    };
    let forward = answered(reference, here).map(|(syn, answer)| constraint(syn, answer, true));
    let back = || answered(here, reference).map(|(syn, answer)| constraint(answer, syn, false));
    forward.into_iter().chain(back())
}

/// What a leg that saw a SYN knows of the answer.
pub(super) struct Asked {
    /// What the originator acknowledged last.
    pub(super) acked: Option<SeqNumber>,
    /// The responder's initial sequence number.
    pub(super) isn: Option<SeqNumber>,
}

impl Asked {
    /// Whether `answer` is the SYN-ACK of another leg for this leg's SYN. `next` is what the answering end would send next.
    pub(super) fn is_answer(
        &self,
        syn: &Segment,
        answer: &Segment,
        next: Option<SeqNumber>,
    ) -> bool {
        let both = syn.flags.contains(TcpFlags::SYN) && answer.flags.contains(TcpFlags::SYN);
        let stamps = syn.timestamps.zip(answer.timestamps);
        let echoed = stamps.is_some_and(|(s, a)| s.value != 0 && s.value == a.echo_reply);
        let answers = answer.flags.contains(TcpFlags::ACK) && answer.ack == syn.seq + 1;
        // A SYN proxy answers on behalf of a server that has not seen the SYN, with numbers of its own.
        let same_server = match (self.isn, self.acked, next) {
            (Some(isn), ..) => isn == answer.seq,
            (None, Some(acked), Some(next)) => {
                (1..=next.ahead_of(answer.seq)).contains(&acked.ahead_of(answer.seq))
            }
            _ => false,
        };
        both && echoed && answers && same_server
    }
}

fn remembered(flow: &Flow) -> [Option<Sighting>; 3] {
    [flow.first, flow.last_news(), flow.fin]
}
