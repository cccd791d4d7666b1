//! Connections that send and acknowledge, and neither begin nor end; a tenth of them over IPv6.

use crate::frame::{ACK, Fields, MAX_PAYLOAD, Writer};
use crate::random::{PAUSE, Random};

/// Half of the frames are full or nearly so, half acknowledgements.
pub(crate) struct Steady {
    random: Random,
    connections: Vec<[u32; 2]>,
    writer: Writer,
    current: usize,
}

impl Steady {
    pub(crate) fn new() -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let connections =
            (0..CONNECTIONS).map(|_| [random.next() as u32, random.next() as u32]).collect();
        let writer = Writer::new(&mut random);
        Self { random, connections, writer, current: 0 }
    }

    /// The next frame, and the nanoseconds before it.
    pub(crate) fn next(&mut self) -> (u64, &[u8]) {
        let pause = self.random.below(PAUSE);
        if self.random.below(4) == 0 {
            self.current = self.random.below(CONNECTIONS) as usize;
        }
        let (payload, towards) = match self.random.below(20) {
            0..9 => (MAX_PAYLOAD, 1),
            9 => (self.random.below(MAX_PAYLOAD as u64) as usize, 1),
            _ => (0, 0),
        };
        let number = self.current as u32;
        let client = (0x0a01_0000 + number / 64, 40_000 + (number % 20_000) as u16);
        let server = (0x0a60_0000 + number % 16, 443);
        let [from, to] = if towards == 0 { [client, server] } else { [server, client] };
        let numbers = &mut self.connections[self.current];
        let (seq, ack) = (numbers[towards], numbers[1 - towards]);
        numbers[towards] = seq.wrapping_add(payload as u32);
        let fields = Fields {
            over_ipv6: number.is_multiple_of(10),
            from,
            to,
            id: u16::from_be_bytes([seq as u8, ack as u8]),
            seq,
            ack,
            flags: ACK,
            payload,
            timestamps: [seq.rotate_left(8), ack.rotate_left(8)],
        };
        (pause, self.writer.write(&fields, &mut self.random))
    }
}

/// How many connections the first so many packets belong to.
pub(crate) fn connections(packets: u64) -> u64 {
    let (mut steady, mut seen, mut count) = (Steady::new(), vec![false; CONNECTIONS as usize], 0);
    for _ in 0..packets {
        steady.next();
        count += u64::from(!std::mem::replace(&mut seen[steady.current], true));
        if count == CONNECTIONS {
            break;
        }
    }
    count
}

const CONNECTIONS: u64 = 4096;
