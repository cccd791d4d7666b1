//! What a capture holds none of, though the packets that it does hold tell that there were some.

use crosscap_packet::TcpFlags;

use crate::keys::{FlowKey, LegKey};

/// What the capture of a point leaves out: by its filter, or because it saw one direction of a link. Neither is capture
/// loss, which misses some packets of a kind and not all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Selection {
    /// Of every connection it holds the packets of one end only, and these answer the other end.
    pub one_direction: bool,
    /// It holds SYNs, FINs and resets only, and their numbers tell that payload was sent. Nothing can be said of silences
    /// and of waiting.
    pub handshakes_only: bool,
    kinds: Kinds,
}

/// Kinds of packets, a set.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const SYN: Self = Self(1);
    pub(crate) const FIN: Self = Self(2);
    pub(crate) const RESET: Self = Self(4);
    /// Payload, and none of the flags above.
    pub(crate) const PAYLOAD: Self = Self(8);
    /// Neither.
    pub(crate) const BARE: Self = Self(16);
    const ALL: Self = Self(31);

    pub(crate) const fn with(self, kind: Self, is: bool) -> Self {
        if is { Self(self.0 | kind.0) } else { self }
    }

    /// Whether all of `kinds` are in the set.
    pub(crate) const fn has(self, kinds: Self) -> bool {
        self.0 & kinds.0 == kinds.0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn is_all(self) -> bool {
        self == Self::ALL
    }
}

impl Selection {
    /// From the legs of a point.
    pub(crate) fn of<'a>(legs: impl Iterator<Item = &'a LegKey>) -> Self {
        let (mut both, mut answers, mut unseen) = (false, false, false);
        let mut kinds = Kinds::default();
        for key in legs {
            let [orig, resp] = &key.flows;
            both |= orig.first.is_some() && resp.first.is_some();
            answers |= answers_unseen(orig, resp) || answers_unseen(resp, orig);
            for (flow, other) in [(orig, resp), (resp, orig)] {
                kinds = Kinds(kinds.0 | flow.kinds.0);
                // A SYN is acknowledged as a byte is.
                let acked = flow.next.zip(other.acked).is_some_and(|(n, a)| a.ahead_of(n) > 1);
                unseen |= flow.missed || acked;
            }
        }
        // Where acknowledgements are, no filter was: a network that drops what is large leaves those.
        let handshakes_only = unseen && !kinds.has(Kinds::PAYLOAD) && !kinds.has(Kinds::BARE);
        Self { one_direction: answers && !both, handshakes_only, kinds }
    }

    /// The kinds of packets that this capture can be asked for.
    pub(crate) fn kinds(self) -> Kinds {
        if self.handshakes_only { self.kinds } else { Kinds::ALL }
    }
}

/// Whether an end answers another of which nothing was captured. One that acknowledges nothing new may speak to the void.
fn answers_unseen(flow: &FlowKey, other: &FlowKey) -> bool {
    let answers = flow.first.zip(flow.acked).is_some_and(|(first, acked)| {
        let s = &first.segment();
        !s.flags.contains(TcpFlags::ACK) || acked.ahead_of(s.ack) > 0
    });
    answers && other.first.is_none()
}
