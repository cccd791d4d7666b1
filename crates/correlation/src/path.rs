//! One connection from end to end.

use crosscap_reassembly::Connection;

use crate::Point;

/// One connection as seen at one point: an index into [`Point::connections`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Leg {
    /// Which point.
    pub point: usize,
    /// Which of its connections.
    pub connection: usize,
    /// Whether it has no SYN and continues the numbers of the path from an address that NAT should have hidden.
    pub stray: bool,
    /// How many devices that give a connection sequence numbers of their own (proxies, SYN proxies, firewalls) lie between
    /// the client and this leg. Sequence numbers and packets can be compared within one stage only.
    pub stage: u8,
}

impl Leg {
    /// The connection itself, unpacked: ask once for each leg.
    #[must_use]
    pub fn of(self, points: &[Point]) -> Connection {
        points[self.point].connections.at(self.connection)
    }
}

/// All legs of one end-to-end connection.
#[derive(Clone, Debug)]
pub struct Path {
    /// From the client to the server; stray legs last. Never empty, and the first is no stray unless all are.
    pub legs: Vec<Leg>,
    /// Legs that show nothing that one of `legs`, captured at the same place, does not show: each with that one. They are
    /// no evidence of their own.
    pub copies: Vec<(Leg, Leg)>,
    /// Whether packets prove which of the legs is nearest the client and which nearest the server: its own, or those of all
    /// connections between the same two addresses. False for a single leg, and where two points cannot be told apart.
    pub ordered: bool,
    /// Places of legs of which packets do not prove whether they or the next one are nearer the client.
    pub ties: Vec<usize>,
    /// How the legs were found to belong together.
    pub matched: Match,
    /// A name that depends neither on the order of the points nor on anything random:
    /// `10.1.0.2:40422>10.96.0.10:80`, with `#2` for the second use of the four-tuple and `@point` where two paths
    /// would share it.
    pub name: String,
}

impl Path {
    /// The leg nearest the client.
    #[must_use]
    pub fn orig_leg(&self) -> Leg {
        self.legs[0]
    }

    /// The leg nearest the server; the same as [`Self::orig_leg`] where the path has one leg.
    #[must_use]
    pub fn resp_leg(&self) -> Leg {
        self.regular().last().unwrap_or(self.legs[0])
    }

    /// The legs that are no strays, from client to server.
    pub fn regular(&self) -> impl DoubleEndedIterator<Item = Leg> + '_ {
        self.legs.iter().copied().filter(|l| !l.stray)
    }

    /// How many stages its legs are in: 1 unless a device gave the connection other sequence numbers.
    #[must_use]
    pub fn stages(&self) -> u8 {
        self.legs.iter().map(|leg| leg.stage).max().unwrap_or(0).saturating_add(1)
    }

    /// The stray legs.
    pub fn strays(&self) -> impl Iterator<Item = Leg> + '_ {
        self.legs.iter().copied().filter(|l| l.stray)
    }
}

/// Why the legs of a path are one connection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Match {
    /// The weakest key among its legs, strays aside.
    pub tier: Tier,
    /// How many pairs of legs of these captures would share such a key by chance; 0 for [`Tier::None`].
    pub expected_false: f64,
    /// Other paths that may be the same connection, where packets do not decide; at most 16.
    pub candidates: Vec<Candidate>,
}

/// A path that may be the same connection as another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Index into [`Correlation::paths`](crate::Correlation::paths).
    pub path: usize,
    /// What they have in common; [`Tier::None`] where it is only when they began and how much was sent.
    pub tier: Tier,
    /// How probable it is, from 0 to 1, that the two are one connection: by the bits that they agree in, the number of
    /// connections, and the other candidates.
    pub probability: f64,
}

/// What two legs have in common, strongest first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Tier {
    /// Both initial sequence numbers.
    IsnPair,
    /// The originator's initial sequence number, and its port or SYN timestamp.
    OrigIsn,
    /// The responder's initial sequence number, and the originator's port or the SYN-ACK timestamp.
    RespIsn,
    /// Ranges of sequence numbers that meet, in both directions.
    SeqRange,
    /// Initial sequence numbers that differ by a constant, which a device between the points must have added, and
    /// streams of equal lengths.
    Offset,
    /// A proxy ends TCP in between, and says with the PROXY protocol whose connection it goes on with.
    ProxyHeader,
    /// Equal bytes: a proxy ends TCP in between.
    Payload,
    /// Seen at one point only.
    None,
}

impl Tier {
    /// Whether a proxy lies between legs that were joined so.
    pub(crate) const fn is_proxied(self) -> bool {
        matches!(self, Self::ProxyHeader | Self::Payload)
    }

    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IsnPair => "isn-pair",
            Self::OrigIsn => "orig-isn",
            Self::RespIsn => "resp-isn",
            Self::SeqRange => "seq-range",
            Self::Offset => "offset",
            Self::ProxyHeader => "proxy-header",
            Self::Payload => "payload",
            Self::None => "none",
        }
    }
}
