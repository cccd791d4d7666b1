//! Legs that continue a connection from an address NAT should have hidden.
//!
//! When a NAT forgets a connection, or declines to translate a packet, the server's next segment reaches the client from
//! the server's own address. For every TCP tool that is another connection; its numbers tell which one it really is.

use std::cmp::Reverse;

use crosscap_packet::{Endpoint, SeqNumber, TcpFlags};
use crosscap_reassembly::{Connection, Direction, Flow};
use hashbrown::HashMap;

/// A stray leg and the leg it continues, both indices of one point's connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) stray: usize,
    pub(crate) parent: usize,
}

/// The stray legs among the connections of one point.
///
/// `known(connection, remote)` tells whether another point showed the path of `connection` ending at `remote`.
pub(crate) fn find(
    connections: &[Connection],
    known: impl Fn(usize, Endpoint) -> bool,
) -> Vec<Found> {
    let mut by_client: HashMap<Endpoint, Vec<usize>, foldhash::quality::RandomState> =
        HashMap::default();
    for (index, c) in connections.iter().enumerate() {
        by_client.entry(c.orig).or_default().push(index);
    }
    let midstream = connections.iter().enumerate().filter(|(_, c)| c.is_midstream());
    midstream
        .filter_map(|(stray, leg)| {
            let ends =
                [(leg.orig, leg.resp, Direction::Orig), (leg.resp, leg.orig, Direction::Resp)];
            // Earlier uses of the same client port have numbers that are far, but not far enough to be excluded: the
            // nearest parent is the right one, of equals the latest.
            let (_, _, Reverse(parent)) = ends
                .iter()
                .flat_map(|&(client, remote, role)| {
                    let parents =
                        by_client.get(&client).filter(|parents| parents.len() <= MAX_PARENTS);
                    parents.into_iter().flatten().map(move |&parent| (parent, remote, role))
                })
                .filter(|&(parent, remote, _)| {
                    let p = &connections[parent];
                    parent != stray && p.resp != remote && p.first().frame < leg.first().frame
                })
                .filter_map(|(parent, remote, role)| {
                    let fits = |sure| continues(leg, role, &connections[parent], sure);
                    let distance = fits(true)?;
                    let sure = known(parent, remote);
                    (sure || fits(false).is_some()).then_some((!sure, distance, Reverse(parent)))
                })
                .min()?;
            Some(Found { stray, parent })
        })
        .collect()
}

/// How far the numbers of `leg`, in which the client has `role`, lie from what `parent` would send next; `None` where
/// they do not continue it. `sure` where the remote end is known to be the parent's.
fn continues(leg: &Connection, role: Direction, parent: &Connection, sure: bool) -> Option<u64> {
    let (from_client, from_remote) = (leg.flow(role), leg.flow(role.reverse()));
    let (sent, received) = (parent.flow(Direction::Orig), parent.flow(Direction::Resp));
    match (from_remote.first, from_client.first) {
        (Some(first), _) => {
            let data = distance(first.segment.seq, received);
            let ack = distance(first.segment.ack, sent);
            // A segment beyond the window, which connection tracking would not translate, still acknowledges exactly.
            let fits = (data <= NEAR && ack <= NEAR) || (data <= FAR && (sure || ack <= EXACT));
            fits.then_some(u64::from(data) + u64::from(ack))
        }
        // Only the client's answer was captured: a reset takes its number from what it answers.
        (None, Some(answer)) if answer.segment.flags.contains(TcpFlags::RST) => {
            let ack = distance(answer.segment.seq, sent);
            (ack <= if sure { FAR } else { EXACT }).then_some(ack.into())
        }
        _ => None,
    }
}

/// How far a number lies from what a flow would send next.
fn distance(seq: SeqNumber, flow: &Flow) -> u32 {
    flow.next_seq().map_or(u32::MAX, |next| seq.ahead_of(next).unsigned_abs())
}

/// With both numbers this near, chance links a pair of legs of one client endpoint once in 2²².
const NEAR: u32 = 1 << 20;

/// With one number this near and the other [`FAR`], once in 2¹⁸.
const EXACT: u32 = 1 << 16;

/// As far as a window reaches, and half as much again.
const FAR: u32 = 1 << 28;

/// Connections of one client endpoint beyond which no parent is looked for: a scan from a fixed port.
const MAX_PARENTS: usize = 1_024;
