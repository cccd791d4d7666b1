//! Short connections, many of them at a time: opened, a request, five segments of answer, closed. A third loses,
//! repeats or reorders a segment of the answer; of every 27, eight are refused. A tenth is over IPv6.

use crate::frame::{ACK, FIN, Fields, MAX_PAYLOAD, PSH, RST, SYN, Writer};
use crate::random::{PAUSE, Random};

/// Slots of [`SLOT`] packets, [`LIVE`] of them under way at a time: a slot is one connection, or eight that are refused.
pub(crate) struct Short {
    random: Random,
    writer: Writer,
    /// Those under way, with the next packet of each.
    live: Vec<(u64, usize)>,
    /// The next to begin, and the one behind the last.
    slots: std::ops::Range<u64>,
}

impl Short {
    pub(crate) fn new(packets: u64) -> Self {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let writer = Writer::new(&mut random);
        Self { random, writer, live: Vec::new(), slots: 0..packets / SLOT }
    }

    /// The next frame, empty behind the last, and the nanoseconds before it.
    pub(crate) fn next(&mut self) -> (u64, &[u8]) {
        let pause = self.random.below(PAUSE);
        while self.live.len() < LIVE
            && let Some(slot) = self.slots.next()
        {
            self.live.push((slot, 0));
        }
        if self.live.is_empty() {
            return (0, &[]);
        }
        let chosen = self.random.below(self.live.len() as u64) as usize;
        let (slot, packet) = self.live[chosen];
        if packet as u64 == SLOT - 1 {
            self.live.swap_remove(chosen);
        } else {
            self.live[chosen].1 += 1;
        }
        let (number, step) = if is_refused(slot) {
            (slot * 8 + packet as u64 / 2, REFUSED[packet % 2])
        } else {
            (slot * 8, script(slot)[packet])
        };
        let client = (0x0a80_0000 + (number / 200) as u32, 32_768 + (number % 200) as u16 * 150);
        let server = (0x0a60_0000 + (slot % 16) as u32, 443);
        // The same for every packet of a connection, unlike those of others.
        let mut of_connection = Random((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let [client_isn, server_isn] = [of_connection.next() as u32, of_connection.next() as u32];
        let (isns, ends) = if step.from_client {
            ([client_isn, server_isn], [client, server])
        } else {
            ([server_isn, client_isn], [server, client])
        };
        let acks = step.flags & ACK != 0;
        let fields = Fields {
            over_ipv6: slot.is_multiple_of(10),
            from: ends[0],
            to: ends[1],
            id: self.random.next() as u16 | 1,
            seq: isns[0].wrapping_add(step.seq),
            ack: if acks { isns[1].wrapping_add(step.ack) } else { 0 },
            flags: step.flags,
            payload: step.payload as usize,
            timestamps: [packet as u32 + 1, 0],
        };
        (pause, self.writer.write(&fields, &mut self.random))
    }
}

/// How many connections there are in so many packets.
pub(crate) fn connections(packets: u64) -> u64 {
    (0..packets / SLOT).map(|slot| if is_refused(slot) { 8 } else { 1 }).sum()
}

fn is_refused(slot: u64) -> bool {
    slot % 20 == 19
}

/// A packet of a connection, counted from the initial sequence numbers.
#[derive(Clone, Copy)]
struct Step {
    from_client: bool,
    flags: u8,
    seq: u32,
    ack: u32,
    payload: u32,
}

const fn client(flags: u8, seq: u32, ack: u32, payload: u32) -> Step {
    Step { from_client: true, flags, seq, ack, payload }
}

const fn server(flags: u8, seq: u32, ack: u32, payload: u32) -> Step {
    Step { from_client: false, flags, seq, ack, payload }
}

/// A full segment of the answer: the first is 0.
const fn answer(nth: u32) -> Step {
    server(ACK, 1 + nth * FULL, 1 + REQUEST, FULL)
}

const fn taken(segments: u32) -> Step {
    client(ACK, 1 + REQUEST, 1 + segments * FULL, 0)
}

/// One of a connection's packets after the other.
fn script(slot: u64) -> [Step; SLOT as usize] {
    let middle = match slot % 20 {
        // The second is lost before the capture, and sent again.
        0..4 => [answer(0), answer(2), taken(1), answer(3), answer(1), taken(4), answer(4)],
        // The third is sent twice; the acknowledgement of both was lost.
        4..6 => [answer(0), answer(1), answer(2), answer(2), answer(3), answer(4), taken(5)],
        // Reordered.
        6 => [answer(1), answer(0), taken(2), answer(2), answer(3), taken(4), answer(4)],
        _ => [answer(0), answer(1), taken(2), answer(2), answer(3), taken(4), answer(4)],
    };
    let [a, b, c, d, e, f, g] = middle;
    [
        client(SYN, 0, 0, 0),
        server(SYN | ACK, 0, 1, 0),
        client(ACK, 1, 1, 0),
        client(ACK | PSH, 1, 1, REQUEST),
        server(ACK, 1, 1 + REQUEST, 0),
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        taken(5),
        server(ACK | FIN, 1 + 5 * FULL, 1 + REQUEST, 0),
        client(ACK | FIN, 1 + REQUEST, 2 + 5 * FULL, 0),
        server(ACK, 2 + 5 * FULL, 2 + REQUEST, 0),
    ]
}

const REFUSED: [Step; 2] = [client(SYN, 0, 0, 0), server(RST | ACK, 0, 1, 0)];
const FULL: u32 = MAX_PAYLOAD as u32;
const REQUEST: u32 = 200;
pub(crate) const SLOT: u64 = 16;
const LIVE: usize = 4096;
