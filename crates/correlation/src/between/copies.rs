//! Packets that a capture recorded more than once.

use super::trace::Traced;

/// Packets without those that are copies of one before.
pub(super) struct Sifted {
    pub(super) packets: Vec<Traced>,
    pub(super) copies: Vec<Traced>,
    /// Whether the capture records packets more than once as a rule, as that of all interfaces of a host does.
    pub(super) systematic: bool,
}

/// Tells copies apart: the same packet again within 10 ms. Where nothing in a packet tells it from one that was sent
/// again, it counts as a copy only in a capture that copies as a rule, or if it is a reset: those have no identification,
/// and how many there were does not matter.
pub(super) fn sift(all: &[Traced]) -> Sifted {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&i| (all[i].key(), i));
    let mut again = vec![false; all.len()];
    for pair in order.windows(2) {
        let [before, after] = [&all[pair[0]], &all[pair[1]]];
        again[pair[1]] = before.key() == after.key()
            && after.time.since(before.time).saturating_abs() <= COPY_WITHIN;
    }
    let count = again.iter().filter(|a| **a).count();
    let systematic = count >= 4 && count * 3 >= all.len();
    let mut sifted =
        Sifted { packets: Vec::with_capacity(all.len()), copies: Vec::new(), systematic };
    for (packet, again) in all.iter().zip(again) {
        let is_copy = again && (systematic || packet.ip_id != 0 || packet.is_reset());
        if is_copy { &mut sifted.copies } else { &mut sifted.packets }.push(*packet);
    }
    sifted
}

/// Nanoseconds; as in the tracking of one point.
const COPY_WITHIN: i64 = 10_000_000;
