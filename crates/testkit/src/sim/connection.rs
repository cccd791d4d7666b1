//! What a connection is, before any packet.

use std::net::SocketAddr;

use super::packet::End;
use super::random::Random;
use super::{SimNat, Simulation};

/// What is known of one connection.
#[derive(Clone, Debug)]
pub struct SimConnection {
    /// From 0.
    pub id: u32,
    /// When its first SYN is sent, true time in nanoseconds from the first connection.
    pub begins: i64,
    /// What happens to it.
    pub kind: SimKind,
    /// Whether its packets carry timestamps.
    pub has_timestamps: bool,
    /// How it looks at each place, from client to server.
    pub legs: Vec<SimLeg>,
    /// The NAT that forgets it: the place before it.
    pub(super) forgets_behind: Option<usize>,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SimKind {
    /// Opened, used, closed.
    Ordinary,
    /// The same, with pauses of seconds.
    Long,
    /// NAT forgets it while it is silent; the server's next packet is not translated and the client resets it.
    Forgotten,
    /// Passes one place only.
    Decoy {
        /// Which.
        place: usize,
    },
    /// A SYN that is not answered, and the last place it gets to.
    Flood {
        /// Which.
        last_place: usize,
    },
}

/// A connection at one place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SimLeg {
    /// The point that captures there.
    pub point: usize,
    /// The originator as it looks there.
    pub orig: SocketAddr,
    /// The responder as it looks there.
    pub resp: SocketAddr,
    /// Initial sequence numbers as they look there, the originator's first.
    pub isns: [u32; 2],
}

impl SimConnection {
    pub(super) fn new(sim: &Simulation, id: u32) -> Self {
        let mut random = Random::new(sim.seed, [id.into(), CONNECTION]);
        let (begins, kind) = (begins(sim, id), kind(sim, id));
        // Whose client it has, and whose four-tuple.
        let reuse = sim.per_second * REUSED_AFTER;
        let like = match kind {
            SimKind::Decoy { .. } => id.wrapping_sub(1),
            SimKind::Ordinary if random.draws(sim.mix.reused) && id >= reuse => {
                let before = id - reuse;
                let is_over = matches!(self::kind(sim, before), SimKind::Ordinary);
                if is_over { before } else { id }
            }
            _ => id,
        };
        let mut isns = isns(sim, id);
        if like != id && like == id.wrapping_sub(1) {
            isns =
                self::isns(sim, like).map(|isn| isn.wrapping_add(1 + random.below(1_000) as u32));
        }
        let mut client = client(sim, like);
        if !matches!(kind, SimKind::Ordinary | SimKind::Long | SimKind::Forgotten) {
            client.address = 0x0ac8_0000 + random.below(1 << 16) as u32;
        }
        let has_timestamps = !random.draws(sim.mix.no_timestamps);
        let ipv6 = Random::new(sim.seed, [like.into(), FAMILY]).draws(sim.mix.ipv6);
        let (legs, forgets_behind) = legs(sim, id, like, client, isns, ipv6);
        let kind = match kind {
            SimKind::Forgotten if forgets_behind.is_none() => SimKind::Ordinary,
            kind => kind,
        };
        Self { id, begins, kind, has_timestamps, legs, forgets_behind }
    }
}

/// Its legs, and the place before the one NAT that an untranslated packet can pass.
fn legs(
    sim: &Simulation,
    id: u32,
    like: u32,
    client: End,
    isns: [u32; 2],
    mut ipv6: bool,
) -> (Vec<SimLeg>, Option<usize>) {
    let service = like % sim.services.max(1);
    let nat = |hop: usize| {
        let rules = &sim.hops[hop].nat;
        if rules.is_empty() { SimNat::None } else { rules[service as usize % rules.len()] }
    };
    let hops = 0..sim.hops.len();
    ipv6 |= hops.clone().any(|hop| matches!(nat(hop), SimNat::Nat64(_)));
    let mut ends = [client, End { address: 0x0a60_0001 + service, port: 80 + service as u16 }];
    let mut shift = [0u32; 2];
    let mut random = Random::new(sim.seed, [id.into(), TRANSLATION]);
    let shifts = sim.hops.iter().map(|hop| hop.shifts.map(|is| if is { random.word() } else { 0 }));
    let shifts: Vec<[u32; 2]> = shifts.collect();
    // What the server sends is shifted on its way to the client: the server has the original.
    shift[1] = shifts.iter().fold(0, |sum, s| sum.wrapping_add(s[1]));
    let mut legs = Vec::with_capacity(sim.places.len());
    let (mut translates, mut forgets) = (0, None);
    for (place, &point) in sim.places.iter().enumerate() {
        let isns = [isns[0].wrapping_add(shift[0]), isns[1].wrapping_add(shift[1])];
        let [orig, resp] = ends.map(|end| end.socket(ipv6));
        legs.push(SimLeg { point, orig, resp, isns });
        if place == sim.hops.len() {
            break;
        }
        shift[0] = shift[0].wrapping_add(shifts[place][0]);
        shift[1] = shift[1].wrapping_sub(shifts[place][1]);
        let rule = nat(place);
        translates += u32::from(rule != SimNat::None);
        if matches!(rule, SimNat::Dnat(_)) {
            forgets = Some(place);
        }
        if let SimNat::Dnat(backends) | SimNat::Both(backends) | SimNat::Nat64(backends) = rule {
            let backend = random.below(u64::from(backends.max(1))) as u32;
            let address = 0x0a02_0001 + ((place as u32) << 12) + (service << 8) + backend;
            ends[1] = End { address, port: 8_080 };
        }
        if matches!(rule, SimNat::Snat | SimNat::Both(_) | SimNat::Nat64(_)) {
            // In turn: no two connections under way share one.
            let address = 0xac10_0001 + ((place as u32) << 8) + id % POOL;
            ends[0] = End { address, port: 1_024 + (id / POOL % 64_512) as u16 };
        }
        ipv6 &= !matches!(rule, SimNat::Nat64(_));
    }
    (legs, forgets.filter(|_| translates == 1))
}

fn begins(sim: &Simulation, id: u32) -> i64 {
    let each = 1_000_000_000 / i64::from(sim.per_second.max(1));
    let within = Random::new(sim.seed, [id.into(), BEGINS]).below(each.unsigned_abs());
    i64::from(id) * each + within.cast_signed()
}

fn kind(sim: &Simulation, id: u32) -> SimKind {
    let mut random = Random::new(sim.seed, [id.into(), KIND]);
    let places = sim.places.len();
    if random.draws(sim.mix.decoys) && id > 0 {
        return SimKind::Decoy { place: random.below(places as u64) as usize };
    }
    if random.draws(sim.mix.floods) {
        let last_place = if random.below(2) == 0 { 0 } else { places - 1 };
        return SimKind::Flood { last_place };
    }
    if random.draws(sim.mix.forgotten) {
        return SimKind::Forgotten;
    }
    if random.draws(sim.mix.long) { SimKind::Long } else { SimKind::Ordinary }
}

fn isns(sim: &Simulation, id: u32) -> [u32; 2] {
    let mut random = Random::new(sim.seed, [id.into(), ISNS]);
    let drawn = [random.word(), random.word()];
    let (orig, both) = (random.draws(sim.mix.fixed_orig_isn), random.draws(sim.mix.fixed_isns));
    [if orig || both { FIXED_ISN } else { drawn[0] }, if both { FIXED_ISN } else { drawn[1] }]
}

fn client(sim: &Simulation, id: u32) -> End {
    let clients = sim.clients.max(1);
    // Each begins somewhere else. 7,919 has no factor in common with the size of the range: all ports of it are used
    // before one is used again.
    let begin = Random::new(sim.seed, [(id % clients).into(), PORTS]).below(PORT_RANGE);
    let nth = (begin + u64::from(id / clients) * 7_919) % PORT_RANGE;
    End { address: 0x0a01_0001 + id % clients, port: 32_768 + nth as u16 }
}

/// What a broken stack begins with.
const FIXED_ISN: u32 = 0x0102_0304;

/// How many ports Linux gives to clients: 32,768 to 60,999.
const PORT_RANGE: u64 = 28_232;

/// Addresses of an SNAT pool.
const POOL: u32 = 16;

/// Seconds until a four-tuple is used again.
const REUSED_AFTER: u32 = 20;

// What is drawn apart from each other.
const CONNECTION: u64 = 1;
const BEGINS: u64 = 2;
const KIND: u64 = 3;
const ISNS: u64 = 4;
const TRANSLATION: u64 = 5;
const FAMILY: u64 = 6;
const PORTS: u64 = 7;
