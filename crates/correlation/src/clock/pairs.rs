//! Which packets of two legs are one packet seen twice.

use crosscap_packet::{Segment, SeqNumber, TcpFlags};
use crosscap_reassembly::{Connection, Direction, Flow, Phase, Sighting, Silences};

use super::Constraint;
use crate::copies::Alike;

/// Everything that two legs of one connection prove about the clock of `here` against that of `reference`. Whether `reference`
/// is nearer the client is `None` where that is not known.
pub(crate) fn proofs(
    reference: &Connection,
    here: &Connection,
    reference_is_upstream: Option<bool>,
) -> Vec<Constraint> {
    let copies = reference_is_upstream.into_iter().flat_map(|up| copies(reference, here, up));
    let mut proofs: Vec<Constraint> = copies.collect();
    // Answers come later than copies of what they answer.
    if ![true, false].iter().all(|way| proofs.iter().any(|c| c.forward == *way)) {
        proofs.extend(causal(reference, here));
    }
    proofs
}

/// What the packets that both legs remember prove about the clock of `here` against that of `reference`.
///
/// Segmentation offload cannot poison this. A packet that was merged or cut has another length at one of the points and
/// is no copy; one cut by the sender's card and merged again to the same length is stamped where it was whole before, and
/// then at its first part, which cannot be earlier. A retransmission is told from the first copy by its IP identification
/// or timestamp, and without either the packet is left out.
///
/// `reference_is_upstream` tells whether `reference` is nearer the client.
fn copies(
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
        let theirs = remembered(theirs).into_iter().chain(rare(reference, direction));
        let ours = remembered(ours).into_iter().chain(rare(here, direction));
        theirs.zip(ours).filter_map(move |(theirs, ours)| {
            let (theirs, ours) = (theirs?, ours?);
            let s = &theirs.segment;
            let distinct = is_told_apart(s, alike, sole_syn);
            (distinct && alike.same(direction, s, &ours.segment)).then(|| Constraint {
                at: theirs.time,
                difference: ours.time.since(theirs.time),
                forward,
                frames: [theirs.frame, ours.frame],
                reference: 0,
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

/// What answers prove: one that acknowledges what a packet brought, wherever it is seen, comes after that packet, wherever
/// that is seen. Needs no packet that both points saw.
///
/// That the bytes arrived is not enough where captures may lose packets: an earlier copy may have brought them, and the one
/// captured was sent again later. So the answer must echo (RFC 7323 §4.3) that packet's timestamp or a later one as well:
/// something sent no earlier had arrived. An end's packets are taken not to overtake one another before they are captured.
/// Without timestamps nothing is proven.
pub(crate) fn causal(
    reference: &Connection,
    here: &Connection,
) -> impl Iterator<Item = Constraint> {
    let constraint = |theirs: Sighting, ours: Sighting, forward| Constraint {
        at: theirs.time,
        difference: ours.time.since(theirs.time),
        forward,
        frames: [theirs.frame, ours.frame],
        reference: 0,
    };
    let forward = answered(reference, here);
    let back = answered(here, reference);
    let forward = forward.map(move |(asked, answer)| constraint(asked, answer, true));
    forward.chain(back.map(move |(asked, answer)| constraint(answer, asked, false)))
}

/// Packets that one leg remembers, each with the first that the other one remembers of those that answer it.
fn answered(
    asked: &Connection,
    answering: &Connection,
) -> impl Iterator<Item = (Sighting, Sighting)> {
    Direction::BOTH.into_iter().flat_map(move |direction| {
        let (asks, answers) = (asked.flow(direction), answering.flow(direction.reverse()));
        let peer = direction.reverse();
        let same_peer = is_same_peer(
            [asked.flow(peer).isn, answers.isn],
            asks.acked,
            answers.first.map(|first| first.segment.seq).zip(answers.next_seq()),
        );
        let sent = sent(asks).filter(|_| same_peer);
        remembered(asks).into_iter().flatten().filter_map(move |ask| {
            let later = remembered(answers).into_iter().flatten();
            let later = later.filter(|answer| is_answer(&ask.segment, &answer.segment, sent));
            Some((ask, later.min_by_key(|answer| answer.frame)?))
        })
    })
}

/// Behind all that an end sent, and the last timestamp it sent: what answers it says no more.
fn sent(flow: &Flow) -> Option<(SeqNumber, u32)> {
    Some((flow.next_seq()?, flow.last?.segment.timestamps?.value))
}

/// Whether the answer was sent after the packet had arrived.
pub(super) fn is_answer(ask: &Segment, answer: &Segment, sent: Option<(SeqNumber, u32)>) -> bool {
    let times = ask.timestamps.zip(answer.timestamps);
    let (Some((end, latest)), Some((asked, echo))) = (sent, times) else { return false };
    let echo = echo.echo_reply;
    let within = |low: u32, high: u32| echo.wrapping_sub(low) <= high.wrapping_sub(low);
    let acknowledged = answer.ack.ahead_of(ask.seq_end());
    ask.seq_len() > 0
        && answer.flags.contains(TcpFlags::ACK)
        && (0..=end.ahead_of(ask.seq_end())).contains(&acknowledged)
        && asked.value != 0
        && latest.wrapping_sub(asked.value).cast_signed() >= 0
        && within(asked.value, latest)
}

/// Whether the end that is asked is the one that answers: by the initial sequence number that both legs know of it, or by
/// what the asking end acknowledged and what the other leg saw sent, from the first to behind the last. A SYN proxy answers
/// on behalf of a server that has not seen the SYN, with numbers of its own.
pub(super) fn is_same_peer(
    isns: [Option<SeqNumber>; 2],
    acked: Option<SeqNumber>,
    sent: Option<(SeqNumber, SeqNumber)>,
) -> bool {
    if let [Some(known), Some(given)] = isns {
        return known == given;
    }
    let within = |(acked, (first, next)): (SeqNumber, (SeqNumber, SeqNumber))| {
        (0..=next.ahead_of(first)).contains(&acked.ahead_of(first))
    };
    acked.zip(sent).is_some_and(within)
}

fn remembered(flow: &Flow) -> [Option<Sighting>; 3] {
    [flow.first, flow.last_news(), flow.fin]
}

/// Packets of one end around silences and long waits.
fn rare(connection: &Connection, direction: Direction) -> [Option<Sighting>; 4] {
    let silences = connection.silences.as_deref();
    let outlived = |phase| silences?.longest_outlived(phase, direction).map(|s| s.after);
    let unanswered =
        silences.and_then(Silences::unanswered).filter(|s| s.first_speaker == direction);
    let wait = connection.longest_wait.as_deref().map(|wait| match direction {
        Direction::Orig => wait.request,
        Direction::Resp => wait.answer,
    });
    let [established, half_closed] = [Phase::Established, Phase::HalfClosed].map(outlived);
    [established, half_closed, unanswered.map(|s| s.after), wait]
}
