//! What a tracker gives up where there is too much.

use crosscap_packet::Endpoint;

use crate::store::Store;
use crate::{ConnState, Connection};

/// How much a [`Tracker`](crate::Tracker) keeps, whatever is captured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections, at least 8. One takes some 300 bytes.
    ///
    /// Beyond it, an eighth is given up at a time, those first that say least, the earliest of each kind first: SYNs that
    /// nobody answered; connections that both ends closed; others that have ended; what was seen of one end only;
    /// established ones that are open, when there is nothing else.
    pub connections: usize,
    /// Holes in all streams together, some 100 bytes each. Beyond it, the stream that opens one forgets its lowest.
    pub holes: usize,
}

impl Default for Limits {
    /// 16 Mi connections, 5 GiB: more than any capture of a day that we know of, less than what a machine that can hold
    /// such a capture has. 1 Mi holes, 100 MiB: a stream has no more than 4,096.
    fn default() -> Self {
        Self { connections: 16 << 20, holes: 1 << 20 }
    }
}

/// Gives up connections that say least, all but `newest`, until an eighth of the limit is free; `each` is told which.
pub(crate) fn evict(
    store: &mut Store,
    limit: usize,
    newest: u32,
    mut each: impl FnMut(u32, [Endpoint; 2], usize),
) {
    let mut ranks: [Vec<u32>; 5] = Default::default();
    for number in 0..newest {
        if let Some(connection) = store.peek(number as usize) {
            ranks[rank(&connection)].push(number);
        }
    }
    let count = store.kept().saturating_sub(limit - limit / 8);
    for &number in ranks.iter().flatten().take(count) {
        if let Some(c) = store.peek(number as usize) {
            store.evict(number);
            each(number, [c.orig, c.resp], c.flows.iter().map(|f| f.holes().0).sum());
        }
    }
}

/// How much it says: 0 the least.
fn rank(connection: &Connection) -> usize {
    let speaks = |f: &crate::Flow| f.packets > 0;
    match connection.conn_state() {
        ConnState::S0 => 0,
        ConnState::Sf => 1,
        _ if connection.is_closed() || connection.is_reset() => 2,
        _ if !connection.flows.iter().all(speaks) => 3,
        _ => 4,
    }
}
