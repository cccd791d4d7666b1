//! The packets of one connection, as they pass each place.

use super::packet::SimPacket;
use super::random::Random;
use super::{SimConnection, SimKind, Simulation};

/// A packet on its way, counted from the initial sequence numbers.
#[derive(Clone, Copy)]
struct Sent {
    /// 0 by the originator, 1 by the responder.
    by: usize,
    flags: u8,
    payload: u32,
    /// Its first number.
    first: u32,
    ip_id: u16,
    timestamps: Option<(u32, u32)>,
}

impl Sent {
    /// What is told of it before it is sent.
    const fn new(by: usize, flags: u8, payload: u32) -> Self {
        Self { by, flags, payload, first: 0, ip_id: 0, timestamps: None }
    }
}

/// Writes down what each place sees, while two ends talk.
struct Script<'a> {
    sim: &'a Simulation,
    connection: &'a SimConnection,
    random: Random,
    seen: &'a mut Vec<(usize, SimPacket)>,
    /// By end: what it has sent and taken, in sequence space; its IP counter, its clock, the last one of the other end.
    sent: [u32; 2],
    taken: [u32; 2],
    ip_id: [u16; 2],
    clock: [u32; 2],
    echo: [u32; 2],
    /// When the last packet of each direction passed each place.
    last: [Vec<i64>; 2],
    /// Whether NAT has forgotten the connection.
    forgotten: bool,
}

/// Appends what passes each place, in no order; times are true.
pub(super) fn play(
    sim: &Simulation,
    connection: &SimConnection,
    seen: &mut Vec<(usize, SimPacket)>,
) {
    let mut random = Random::new(sim.seed, [connection.id.into(), SCRIPT]);
    let ip_id = [random.word() as u16 | 1, random.word() as u16 | 1];
    let clock = [random.word(), random.word()];
    let last = [vec![i64::MIN; sim.places.len()], vec![i64::MIN; sim.places.len()]];
    let script = Script {
        sim,
        connection,
        random,
        seen,
        sent: [0; 2],
        taken: [0; 2],
        ip_id,
        clock,
        echo: [0; 2],
        last,
        forgotten: false,
    };
    script.play();
}

impl Script<'_> {
    fn play(mut self) {
        let begins = self.connection.begins;
        let Some(mut now) = self.until_there(begins, Sent::new(0, SYN, 0)) else {
            return;
        };
        if matches!(self.connection.kind, SimKind::Flood { .. }) {
            return;
        }
        let answer = Sent::new(1, SYN | ACK, 0);
        let Some(then) = self.until_there(now + 20_000, answer) else { return };
        now = self.once(then + 10_000, Sent::new(0, ACK, 0));
        let rounds = if self.connection.kind == SimKind::Long { 3 } else { 1 };
        for round in 0..rounds {
            if round > 0 {
                now += 1_000_000_000 + self.random.wait(2_000_000_000);
            }
            let request = 100 + self.random.below(600) as u32;
            now = self.flight(now + 30_000, 0, 1, request);
            let segments = 1 + self.random.below(if rounds == 1 { 5 } else { 3 }) as u32;
            let thinking = 200_000 + self.random.wait(2_000_000);
            now = self.flight(now + thinking, 1, segments, 1_448);
        }
        if self.connection.kind == SimKind::Forgotten {
            return self.be_forgotten(now);
        }
        for by in [0, 1] {
            let fin = Sent::new(by, FIN | ACK, 0);
            let Some(then) = self.until_there(now + 100_000, fin) else { return };
            now = then;
        }
        self.once(now + 5_000, Sent::new(0, ACK, 0));
    }

    /// Data sent in one go, and its acknowledgement; when that arrives.
    fn flight(&mut self, at: i64, by: usize, segments: u32, payload: u32) -> i64 {
        let mut there = at;
        for nth in 0..segments {
            let flags = if nth + 1 == segments { PSH | ACK } else { ACK };
            let sent = Sent::new(by, flags, payload);
            let arrives = self.until_there(at + i64::from(nth) * 2_000, sent);
            there = there.max(arrives.unwrap_or(at));
        }
        self.once(there + 5_000, Sent::new(1 - by, ACK, 0))
    }

    /// The server speaks after NAT has forgotten; the client knows no such connection.
    fn be_forgotten(mut self, now: i64) {
        self.forgotten = true;
        let late = Sent::new(1, PSH | ACK, 200);
        let Some(now) = self.until_there(now + FORGOTTEN_AFTER, late) else { return };
        // RFC 9293 §3.10.7.1: a reset takes its number from what it answers, which has been acknowledged so far.
        self.once(now + 5_000, Sent::new(0, RST, 0));
    }

    /// Sends until it arrives; when that is. `None` where it is given up.
    fn until_there(&mut self, at: i64, sent: Sent) -> Option<i64> {
        let sent = Sent { first: self.sent[sent.by], ..sent };
        let takes = sent.payload + u32::from(sent.flags & (SYN | FIN) != 0);
        let (mut at, mut wait) =
            (at, if sent.flags & SYN != 0 { 1_000_000_000 } else { 220_000_000 });
        self.sent[sent.by] = sent.first.wrapping_add(takes);
        for _ in 0..TRIES {
            if let Some(arrives) = self.pass(at, sent) {
                // Nobody can tell a packet that waits from one that is lost.
                if arrives > at + wait {
                    let echo = self.echo;
                    self.pass(at + wait, sent);
                    // What is sent next answers the first, which arrived before.
                    self.echo = echo;
                }
                let taken = &mut self.taken[1 - sent.by];
                *taken = sent.first.wrapping_add(takes).max(*taken);
                return Some(arrives);
            }
            at += wait;
            wait *= 2;
        }
        None
    }

    /// Sends once; when it arrives, or would have.
    fn once(&mut self, at: i64, sent: Sent) -> i64 {
        let sent = Sent { first: self.sent[sent.by], ..sent };
        let longest = self.sim.hops.iter().map(|hop| hop.delay[sent.by] + hop.jitter);
        let expected = at + 2 * ACCESS + longest.sum::<i64>();
        self.pass(at, sent).unwrap_or(expected)
    }

    /// A packet goes from place to place; when it arrives at the other end, if it does.
    fn pass(&mut self, at: i64, sent: Sent) -> Option<i64> {
        let (sim, by, places) = (self.sim, sent.by, self.sim.places.len());
        let millis = (at / 1_000_000) as u32;
        let value = self.clock[by].wrapping_add(millis);
        let is_reset = sent.flags & RST != 0;
        let timestamps = (self.connection.has_timestamps && !is_reset)
            .then_some((value, if sent.flags & ACK != 0 { self.echo[by] } else { 0 }));
        // Linux numbers the packets of a socket; SYN-ACKs and resets have none yet or no more.
        let has_id = sent.flags & RST == 0 && sent.flags & (SYN | ACK) != SYN | ACK;
        let ip_id = if has_id { self.ip_id[by] } else { 0 };
        self.ip_id[by] = self.ip_id[by].wrapping_add(1);
        let sent = Sent { ip_id, timestamps, ..sent };
        let mut now = at + ACCESS;
        let mut ttl = 64;
        for nth in 0..places {
            let place = if by == 0 { nth } else { places - 1 - nth };
            now = now.max(self.last[by][place].saturating_add(500));
            self.last[by][place] = now;
            self.see(place, now, sent, ttl);
            if nth + 1 == places {
                break;
            }
            if let SimKind::Flood { last_place } = self.connection.kind
                && place >= last_place
            {
                return None;
            }
            let hop = &sim.hops[if by == 0 { place } else { place - 1 }];
            if self.random.draws(hop.loss[by]) {
                return None;
            }
            now += hop.delay[by] + self.random.wait(hop.jitter) + hop.queued(by, now);
            ttl -= hop.routers;
        }
        self.echo[1 - by] = value;
        Some(now + ACCESS)
    }

    fn see(&mut self, place: usize, now: i64, sent: Sent, ttl: u8) {
        if let SimKind::Decoy { place: only } = self.connection.kind
            && only != place
        {
            return;
        }
        let Sent { by, flags, payload, first, ip_id, timestamps } = sent;
        let legs = &self.connection.legs;
        let leg = legs[place];
        let mut ends = [leg.orig, leg.resp];
        if self.forgotten
            && let Some(before) = self.connection.forgets_behind
            && place <= before
        {
            ends[1] = legs[before + 1].resp;
        }
        let (seq, ack) =
            (leg.isns[by].wrapping_add(first), leg.isns[1 - by].wrapping_add(self.taken[by]));
        let (seq, ack) = match flags {
            RST => (seq, 0),
            _ if flags & ACK == 0 => (seq, 0),
            _ => (seq, ack),
        };
        let ipv6 = leg.orig.is_ipv6();
        let packet = SimPacket {
            point: leg.point,
            connection: self.connection.id,
            by,
            offset: first,
            true_time: now,
            time: now,
            src: ends[by],
            dst: ends[1 - by],
            seq,
            ack,
            flags,
            window: if flags == RST {
                0
            } else if flags & SYN != 0 {
                64_240
            } else {
                502
            },
            ttl,
            ip_id: if ipv6 { 0 } else { ip_id },
            payload_len: payload,
            timestamps,
            mss: (flags & SYN != 0).then_some(1_460),
        };
        self.seen.push((place, packet));
    }
}

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const PSH: u8 = 8;
pub(super) const ACK: u8 = 16;

/// From an end to the place next to it, nanoseconds.
const ACCESS: i64 = 10_000;

/// How long a connection is silent before NAT has forgotten it, nanoseconds.
const FORGOTTEN_AFTER: i64 = 15_000_000_000;

/// How often a packet is sent at most.
const TRIES: u32 = 6;

/// Drawn apart from what [`SimConnection`] is.
const SCRIPT: u64 = 16;
