//! TCP connections as several observation points see them, by the million, and the truth about each packet.
//!
//! Packets are made one connection at a time and given out in order of time; what is kept meanwhile are the connections
//! under way. Everything follows from the seed. What a point's capture does to packets is drawn apart from what the
//! network does: changing a point changes nothing that other points see.

mod connection;
mod live;
mod packet;
mod random;
mod script;
mod view;

use std::ops::Range;

pub use connection::{SimConnection, SimKind, SimLeg};
pub use live::SimPackets;
pub use packet::SimPacket;

/// A client side, a server side, and what lies between. Times are nanoseconds of true time from the first connection;
/// shares are parts per million.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// Everything is drawn from it.
    pub seed: u64,
    /// How many connections, decoys included.
    pub connections: u32,
    /// How many of them begin each second.
    pub per_second: u32,
    /// Client addresses.
    pub clients: u32,
    /// The services that clients call.
    pub services: u32,
    /// The observation points.
    pub points: Vec<SimPoint>,
    /// The places on the way from client to server where packets are captured, and the point of each. A point with two
    /// places captures on both sides of what lies between them.
    pub places: Vec<usize>,
    /// What lies between one place and the next: one fewer than places.
    pub hops: Vec<SimHop>,
    /// What the connections are.
    pub mix: SimMix,
}

/// An observation point, and how well it captures.
#[derive(Clone, Debug, Default)]
pub struct SimPoint {
    /// Its clock.
    pub clock: SimClock,
    /// Packets that passed and were not captured.
    pub loss: u32,
    /// Packets captured twice.
    pub copies: u32,
    /// When nothing was captured: before a late start, after an early end.
    pub blind: Vec<Range<i64>>,
    /// Whether only packets of the originators (0) or responders (1) were captured.
    pub only: Option<usize>,
    /// Whether segments sent in one go are captured as one, as with TSO and GRO.
    pub merges: bool,
    /// When packets waited to be stamped: those of such a time are stamped when it ends, as by a mirror port that lags.
    pub stalls: Vec<Range<i64>>,
    /// Capture times are multiples of this many nanoseconds, rounded down; 0 is as good as 1.
    pub resolution: i64,
}

/// A clock, against true time.
#[derive(Clone, Debug, Default)]
pub struct SimClock {
    /// How far it is ahead at the beginning, nanoseconds.
    pub offset: i64,
    /// How much it gains, nanoseconds a second.
    pub drift: i64,
    /// When it is set or begins to run at another rate, in order of time.
    pub changes: Vec<SimChange>,
}

/// A change of a clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimChange {
    /// When it happens.
    pub at: i64,
    /// How far forward the clock is set.
    pub step: i64,
    /// How much more it gains from then on, nanoseconds a second.
    pub drift: i64,
}

impl SimClock {
    /// What it shows at a true time.
    #[must_use]
    pub fn at(&self, time: i64) -> i64 {
        let gained = |since: i64, drift: i64| {
            (i128::from(time - since) * i128::from(drift)).div_euclid(1_000_000_000) as i64
        };
        let changes = self.changes.iter().filter(|c| c.at <= time);
        let changed: i64 = changes.map(|c| c.step + gained(c.at, c.drift)).sum();
        time + self.offset + gained(0, self.drift) + changed
    }
}

/// What lies between two places.
#[derive(Clone, Debug, Default)]
pub struct SimHop {
    /// How long a packet takes at least, by direction, nanoseconds.
    pub delay: [i64; 2],
    /// How much longer it takes on average. Packets do not overtake each other.
    pub jitter: i64,
    /// Packets lost, by direction.
    pub loss: [u32; 2],
    /// What is done to connections of each service, in turn; none where this is empty.
    pub nat: Vec<SimNat>,
    /// Whether sequence numbers of originators (0) and responders (1) are shifted, by another constant in each
    /// connection.
    pub shifts: [bool; 2],
    /// How many routers count down the time to live.
    pub routers: u8,
    /// When a queue stands before it.
    pub bursts: Vec<SimBurst>,
}

/// A queue that stands in one direction for a while.
#[derive(Clone, Debug)]
pub struct SimBurst {
    /// For packets of the originators (0) or responders (1).
    pub by: usize,
    /// For those that come in this time.
    pub during: Range<i64>,
    /// How much longer they take, nanoseconds.
    pub delay: i64,
}

/// What a hop translates.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SimNat {
    /// Nothing.
    #[default]
    None,
    /// The responder, to one of so many backends.
    Dnat(u8),
    /// The originator, to an address of a pool and another port.
    Snat,
    /// Both.
    Both(u8),
    /// Both, from IPv6 to IPv4.
    Nat64(u8),
}

/// Shares of connections, each drawn apart from the others.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimMix {
    /// Over IPv6.
    pub ipv6: u32,
    /// Without the timestamps option.
    pub no_timestamps: u32,
    /// With pauses of seconds.
    pub long: u32,
    /// Forgotten by NAT: the server's next packet comes to the client untranslated, and is reset.
    pub forgotten: u32,
    /// On a four-tuple that was in use before.
    pub reused: u32,
    /// Seen at one place only: the client's port of another connection, and initial sequence numbers next to that one's.
    pub decoys: u32,
    /// A SYN and nothing else; half of them get no further than the first place.
    pub floods: u32,
    /// By a client that always begins with the same sequence number.
    pub fixed_orig_isn: u32,
    /// Between ends that always begin with the same sequence numbers.
    pub fixed_isns: u32,
}

impl Simulation {
    /// Two points, a node with NAT of all kinds between them, clocks 27 s apart, and 1 % of packets lost each way.
    #[must_use]
    pub fn new(seed: u64, connections: u32) -> Self {
        let clock = SimClock { offset: -27_000_000_000, drift: 18_000, changes: Vec::new() };
        Self {
            seed,
            connections,
            per_second: 1_000,
            clients: 200,
            services: 5,
            points: vec![SimPoint::default(), SimPoint { clock, ..SimPoint::default() }],
            places: vec![0, 1],
            hops: vec![SimHop {
                nat: vec![
                    SimNat::Dnat(3),
                    SimNat::Snat,
                    SimNat::Both(3),
                    SimNat::None,
                    SimNat::Dnat(1),
                ],
                ..SimHop::plain()
            }],
            mix: SimMix {
                ipv6: 100_000,
                no_timestamps: 200_000,
                long: 100_000,
                ..SimMix::default()
            },
        }
    }

    /// What is known of a connection, the first being 0.
    #[must_use]
    pub fn connection(&self, id: u32) -> SimConnection {
        SimConnection::new(self, id)
    }

    /// All packets of all points, in order of true time.
    ///
    /// # Panics
    ///
    /// Where places, hops and points do not fit together.
    #[must_use]
    pub fn packets(&self) -> SimPackets<'_> {
        assert_eq!(self.hops.len() + 1, self.places.len(), "a hop between two places");
        assert!(self.places.iter().all(|&p| p < self.points.len()), "places belong to points");
        SimPackets::new(self)
    }
}

impl SimHop {
    /// A router, 50 µs and 80 µs away from what is behind it, that loses one packet in a hundred.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            delay: [50_000, 80_000],
            jitter: 20_000,
            loss: [10_000; 2],
            nat: Vec::new(),
            shifts: [false; 2],
            routers: 1,
            bursts: Vec::new(),
        }
    }

    /// How long a packet that comes at `now` waits in queues that stand.
    fn queued(&self, by: usize, now: i64) -> i64 {
        let standing = self.bursts.iter().filter(|b| b.by == by && b.during.contains(&now));
        standing.map(|b| b.delay).sum()
    }
}

#[cfg(test)]
mod tests;
