//! Whether two legs of one connection show the same packet.

use crosscap_packet::{Endpoint, Segment, SeqNumber, TcpFlags};
use crosscap_reassembly::Direction;

/// What devices between two legs did to every packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alike {
    /// What was added to the numbers of each end; `None` where that is not known of both.
    shift: Option<[i32; 2]>,
    /// IPv6 has no identification.
    mixed: bool,
}

impl Alike {
    /// Between legs with these initial sequence numbers and originators.
    pub(crate) fn between(
        (here, orig): ([Option<SeqNumber>; 2], Endpoint),
        (there, other): ([Option<SeqNumber>; 2], Endpoint),
    ) -> Self {
        let shift = |end: usize| Some(there[end]?.ahead_of(here[end]?));
        let shift = shift(0).zip(shift(1)).map(|(orig, resp)| [orig, resp]);
        Self { shift, mixed: orig.addr.is_ipv4() != other.addr.is_ipv4() }
    }

    /// Whether the IP identification of a packet is the same at both legs.
    pub(crate) fn keeps_ip_id(self) -> bool {
        !self.mixed
    }

    /// Whether `there` is the packet that is `here` at the other leg, sent by one end. A retransmission differs in its IP
    /// identification or timestamps wherever the sender sets them.
    pub(crate) fn same(self, direction: Direction, here: &Segment, there: &Segment) -> bool {
        match self.shift {
            Some(shift) if shift != [0, 0] => {
                let moved = |number: SeqNumber, by: i32| number + by.cast_unsigned();
                let [mine, peers] = [direction as usize, direction.reverse() as usize];
                let acks = here.flags.contains(TcpFlags::ACK);
                // Such devices may set a clock of their own, too.
                here.ip_id != 0
                    && (here.ip_id, here.flags, here.payload_len)
                        == (there.ip_id, there.flags, there.payload_len)
                    && moved(here.seq, shift[mine]) == there.seq
                    && (!acks || moved(here.ack, shift[peers]) == there.ack)
            }
            _ if self.mixed => here.is_copy_of(&Segment { ip_id: here.ip_id, ..*there }),
            _ => here.is_copy_of(there),
        }
    }
}
