//! Legs that continue a connection from an address NAT should have hidden.
//!
//! When a NAT forgets a connection, or declines to translate a packet, the server's next segment reaches the client from
//! the server's own address. For every TCP tool that is another connection; its numbers tell which one it really is.

use std::cmp::Reverse;

use crosscap_packet::{Endpoint, SeqNumber, TcpFlags};
use crosscap_reassembly::Direction;
use hashbrown::HashMap;
use rayon::prelude::*;

use crate::keys::{FlowKey, LegKey};

/// The stray legs: each, and the leg that it continues. Indices of `keys`, which is in order of points.
///
/// `known(leg, remote)` tells whether another leg of the same path ends at `remote`; `clients(leg)` are the originators
/// of all legs of its path, itself included.
pub(crate) fn find<C: Iterator<Item = Endpoint>>(
    keys: &[LegKey],
    known: impl Fn(usize, Endpoint) -> bool + Sync,
    clients: impl Fn(usize) -> C,
) -> Vec<(usize, usize)> {
    let mut by_client: HashMap<Endpoint, Vec<usize>, foldhash::quality::RandomState> =
        HashMap::default();
    for leg in keys.iter().filter(|key| key.is_midstream()) {
        by_client.entry(leg.orig).or_default();
        by_client.entry(leg.resp).or_default();
    }
    for leg in 0..keys.len() {
        for client in clients(leg) {
            if let Some(parents) = by_client.get_mut(&client)
                && parents.last() != Some(&leg)
            {
                parents.push(leg);
            }
        }
    }
    let midstream = keys.par_iter().enumerate().filter(|(_, key)| key.is_midstream());
    midstream
        .filter_map(|(stray, leg)| {
            let ends =
                [(leg.orig, leg.resp, Direction::Orig), (leg.resp, leg.orig, Direction::Resp)];
            // Earlier uses of the same client port have numbers that are far, but not far enough to be excluded: the
            // nearest parent is the right one; of equals the latest.
            let (_, _, Reverse(parent)) = ends
                .iter()
                .flat_map(|&(client, remote, role)| {
                    let parents =
                        by_client.get(&client).filter(|parents| parents.len() <= MAX_PARENTS);
                    parents.into_iter().flatten().map(move |&parent| (parent, client, remote, role))
                })
                .filter(|&(parent, client, remote, _)| {
                    let p = &keys[parent];
                    p.leg.point == leg.leg.point
                        && p.first_frame < leg.first_frame
                        && p.ends() != [client, remote]
                        // The two sides of a NAT in midstream.
                        && !p.shares_packets(leg)
                })
                .filter_map(|(parent, _, remote, role)| {
                    let fits = |sure| continues(leg, role, &keys[parent], sure);
                    let distance = fits(true)?;
                    let sure = known(parent, remote);
                    (sure || fits(false).is_some()).then_some((!sure, distance, Reverse(parent)))
                })
                .min()?;
            Some((stray, parent))
        })
        .collect()
}

/// How far the numbers of `leg`, in which the client has `role`, lie from what `parent` would send next; `None` where
/// they do not continue it. `sure` where the remote end is known to be the parent's.
fn continues(leg: &LegKey, role: Direction, parent: &LegKey, sure: bool) -> Option<u64> {
    let (from_client, from_remote) = (leg.flow(role), leg.flow(role.reverse()));
    let (sent, received) = (parent.flow(Direction::Orig), parent.flow(Direction::Resp));
    match (from_remote.first, from_client.first) {
        (Some(first), _) => {
            let data = distance(first.segment().seq, received);
            let ack = distance(first.segment().ack, sent);
            // A segment beyond the window, which connection tracking would not translate, still acknowledges exactly.
            let fits = (data <= NEAR && ack <= NEAR) || (data <= FAR && (sure || ack <= EXACT));
            fits.then_some(u64::from(data) + u64::from(ack))
        }
        // Only the client's answer was captured: a reset takes its number from what it answers.
        (None, Some(answer)) if answer.segment().flags.contains(TcpFlags::RST) => {
            let ack = distance(answer.segment().seq, sent);
            (ack <= if sure { FAR } else { EXACT }).then_some(ack.into())
        }
        _ => None,
    }
}

/// How far a number lies from what a flow would send next.
fn distance(seq: SeqNumber, flow: &FlowKey) -> u32 {
    flow.next.map_or(u32::MAX, |next| seq.ahead_of(next).unsigned_abs())
}

/// With both numbers this near, chance links a pair of legs of one client endpoint once in 2²².
const NEAR: u32 = 1 << 20;

/// With one number this near and the other [`FAR`], once in 2¹⁸.
const EXACT: u32 = 1 << 16;

/// As far as a window reaches, and half as much again.
const FAR: u32 = 1 << 28;

/// Legs with one client endpoint beyond which no parent is looked for: a scan from a fixed port.
const MAX_PARENTS: usize = 1_024;
