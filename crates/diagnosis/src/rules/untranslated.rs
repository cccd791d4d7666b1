//! What a stray leg shows: a segment that NAT should have translated and did not.

use crosscap_packet::TcpFlags;
use crosscap_reassembly::{Direction, Reset, ResetForm, Sighting};

use crate::case::{Case, LegView};
use crate::finding::{Fact, FindingId, Rival};
use crate::words::{carried, duration};

/// The first segment of a responder that reached the client's side with the responder's own address.
pub(super) struct Untranslated<'a> {
    /// The leg it arrived on.
    pub(super) stray: LegView<'a>,
    /// The leg it should have arrived on, at the same point.
    pub(super) near: LegView<'a>,
    /// The segment.
    pub(super) reply: Sighting,
    /// What the client's host answered.
    pub(super) reset: Option<Reset>,
    /// The last packet before it on the leg it should have arrived on.
    pub(super) before: Sighting,
    /// Whether the numbers are exactly those that the client expected next.
    pub(super) in_order: bool,
    /// A later packet of the responder that was translated.
    pub(super) translated_after: Option<Sighting>,
}

/// Whether the path has a stray leg, or a point inside the NAT that saw a reset the client's side did not.
pub(super) fn screen(case: &Case<'_>) -> bool {
    case.strays().next().is_some() || around_the_nat(case).next().is_some()
}

/// Pairs of legs of one point on either side of the NAT, nearer the client first, of which only the farther one saw the
/// client reset.
fn around_the_nat<'a>(
    case: &Case<'a>,
) -> impl Iterator<Item = (LegView<'a>, LegView<'a>)> + use<'a> {
    let legs: Vec<LegView<'a>> = case.regular().collect();
    let pairs = legs
        .clone()
        .into_iter()
        .flat_map(move |near| legs.clone().into_iter().map(move |far| (near, far)));
    pairs.filter(|(near, far)| {
        let reset = |leg: &LegView<'_>| leg.connection.flow(Direction::Orig).reset();
        near.place < far.place
            && near.leg.point == far.leg.point
            && reset(near).is_none()
            && reset(far).is_some_and(|r| r.form == ResetForm::NoSocket)
    })
}

impl<'a> Untranslated<'a> {
    /// What the first stray leg that carries a segment of the responder shows; else what a point that sees both sides
    /// of the NAT shows.
    pub(super) fn of(case: &Case<'a>) -> Option<Self> {
        Self::on_stray_leg(case)
            .or_else(|| around_the_nat(case).find_map(|(near, far)| Self::past(case, near, far)))
    }

    fn on_stray_leg(case: &Case<'a>) -> Option<Self> {
        let stray = case.strays().find(|s| s.connection.flow(Direction::Resp).first.is_some())?;
        let near = case.regular().find(|r| r.leg.point == stray.leg.point)?;
        let reply = stray.connection.flow(Direction::Resp).first?;
        Self::new(case, near, stray, reply)
    }

    /// A segment that `far` saw and that never came out of the NAT on `near`, and that the client reset.
    fn past(case: &Case<'a>, near: LegView<'a>, far: LegView<'a>) -> Option<Self> {
        let reset = far.connection.flow(Direction::Orig).reset()?.at;
        // A point that records packets twice may show one of them in two rows.
        let came_out = |at: &Sighting| {
            let mut out =
                case.rows_at(near.place).filter(|(row, _)| row.direction == Direction::Resp);
            out.any(|(_, seen)| seen.at.segment.is_copy_of(&at.segment))
        };
        let (_, reply) =
            case.rows_at(far.place).map(|(row, seen)| (row, seen.at)).find(|(row, at)| {
                row.direction == Direction::Resp
                    && row.at_leg(near.place).is_none()
                    && at.frame < reset.frame
                    && at.segment.ack == reset.segment.seq
                    // What answers a SYN belongs to no session that could have been forgotten.
                    && !at.segment.flags.contains(TcpFlags::SYN)
                    && !came_out(at)
            })?;
        Self::new(case, near, far, reply)
    }

    fn new(
        case: &Case<'a>,
        near: LegView<'a>,
        stray: LegView<'a>,
        reply: Sighting,
    ) -> Option<Self> {
        let before = *case.last_before(near, reply.frame)?;
        let expected = |direction| case.next_seq_before(near, direction, reply.frame);
        let in_order = expected(Direction::Resp) == Some(reply.segment.seq)
            && expected(Direction::Orig) == Some(reply.segment.ack);
        // A reset on the translated leg counts only if the responder is seen to send it: the translating host may
        // answer in its place.
        let translated_after = case
            .after(near.place, Direction::Resp, reply.frame)
            .find(|(row, at)| {
                !at.segment.flags.contains(TcpFlags::RST) || row.first().leg != near.place
            })
            .map(|(_, at)| *at);
        let reset = stray.connection.flow(Direction::Orig).reset();
        Some(Self { stray, near, reply, reset, before, in_order, translated_after })
    }

    /// How long the translated leg had been silent, nanoseconds in one clock.
    pub(super) fn silence(&self) -> i64 {
        self.reply.time.since(self.before.time)
    }

    /// The FIN that one end had sent before the silence, and the leg that saw it pass the NAT.
    pub(super) fn fin_before(&self, case: &Case<'a>) -> Option<(LegView<'a>, Sighting)> {
        let at = |leg: LegView<'_>, time| case.correlation.reference_estimate(leg.leg.point, time);
        let reply = at(self.stray, self.reply.time);
        case.regular().find_map(|leg| {
            let fins = Direction::BOTH.map(|d| leg.connection.flow(d).fin);
            // At the near leg, a FIN that was sent in vain does not count; elsewhere, one that came with the reply.
            let counts = |fin: &Sighting| match leg.place == self.near.place {
                true => fin.frame <= self.before.frame,
                false => reply.since(at(leg, fin.time)) >= BUSY,
            };
            Some((leg, fins.into_iter().flatten().find(counts)?))
        })
    }

    /// The reply, seen leaving the server and arriving with the wrong address; the reset, leaving and arriving.
    pub(super) fn facts(&self, case: &Case<'_>) -> Vec<Fact> {
        let mut facts = Vec::new();
        let (pod, service) = (self.stray.connection.resp, self.near.connection.resp);
        let far = case.resp_side();
        let sent = far.and_then(|far| {
            Some((far, case.carrying(far.place, Direction::Resp, self.reply.segment.seq)?.1))
        });
        if let Some((far, at)) = sent {
            let text = format!("The server sent its next {}.", carried(&at.segment));
            facts.push(case.fact(far, at, text));
        }
        let text = format!(
            "At {} a reply came from {pod} instead of {service}: {} with sequence number {} and acknowledgement \
             {}{}.",
            case.point_name(self.stray),
            carried(&self.reply.segment),
            self.reply.segment.seq.0,
            self.reply.segment.ack.0,
            if self.in_order { ", exactly those that the connection was waiting for" } else { "" },
        );
        facts.push(case.fact(self.stray, &self.reply, text));
        let Some(reset) = self.reset else { return facts };
        let text = format!(
            "{} has no connection with {pod} and reset it: RST to {pod} with sequence number {}, the acknowledgement \
             number of the reply, {} later.",
            self.near.connection.orig,
            reset.at.segment.seq.0,
            duration(reset.at.time.since(self.reply.time)),
        );
        facts.push(case.fact(self.stray, &reset.at, text));
        if let Some(far) = far
            && let Some(arrived) = far.connection.flow(Direction::Orig).reset()
        {
            let text = "The reset reached the server, whose connection it ended.".to_owned();
            facts.push(case.fact(far, &arrived.at, text));
        }
        facts
    }

    /// Whether the client's end was left alone: nothing came back on the translated leg.
    pub(super) fn orphaned(&self, case: &Case<'_>) -> Option<Fact> {
        let c = self.near.connection;
        let left = c.flow(Direction::Orig).fin.is_some_and(|fin| fin.frame > self.before.frame);
        let ended = c.is_reset() || c.is_closed() || left || self.translated_after.is_some();
        if ended || !case.sees_both_ends(self.near) {
            return None;
        }
        let last = &c.last();
        let end = case.correlation.points[self.near.leg.point].last?;
        let text = format!(
            "{} still waits: until the capture ends, {} later, no FIN and no RST from {} was seen.",
            c.orig,
            duration(end.since(self.reply.time)),
            c.resp,
        );
        Some(case.fact(self.near, last, text))
    }

    /// The rivals of every untranslated reply.
    pub(super) fn rivals(&self, case: &Case<'_>) -> Vec<Rival> {
        let earlier = self
            .near
            .connection
            .flow(Direction::Resp)
            .first
            .is_some_and(|f| f.frame < self.reply.frame);
        let own_ttl = self.near.connection.flow(Direction::Orig).first.map(|s| s.segment.ttl);
        let reset_is_the_clients = self.reset.is_some_and(|r| {
            r.at.segment.seq == self.reply.segment.ack && Some(r.at.segment.ttl) == own_ttl
        });
        let no_close = self
            .near
            .connection
            .flow(Direction::Orig)
            .reset()
            .is_none_or(|r| r.at.frame > self.reply.frame);
        // The client's reset ends the server's connection; a reset by the server before that would be the cause.
        let server_reset_first = case.resp_side().is_some_and(|far| {
            let [client, server] = Direction::BOTH.map(|d| far.connection.flow(d).reset());
            server.is_some_and(|s| client.is_none_or(|c| s.at.frame < c.at.frame))
        });
        let answer = !self.reply.segment.flags.contains(TcpFlags::RST);
        vec![
            Rival::judged(
                FindingId::AsymmetricPath,
                earlier,
                "Earlier replies of the same connection arrived translated, so replies do pass the NAT.",
                "No earlier reply of this connection was seen translated.",
            ),
            Rival::judged(
                FindingId::ClientAbort,
                no_close,
                "The client had sent no reset on the connection it knows; its reset went to the address it does not know.",
                "The client itself had reset the connection before.",
            ),
            Rival::judged(
                FindingId::ResetInjected,
                reset_is_the_clients,
                "The reset has the time to live of the client's own packets and takes its number from the reply: the \
                 client's host sent it.",
                "The reset was not captured, or differs from what the client's host would send.",
            ),
            Rival::judged(
                FindingId::ServerReset,
                answer && !server_reset_first,
                "The server sent an answer, not a reset.",
                "The server is seen to reset, before or without a reset by the client.",
            ),
        ]
    }
}

/// A connection silent for less than this is busy, nanoseconds: no session timer is as short.
pub(super) const BUSY: i64 = 1_000_000_000;
