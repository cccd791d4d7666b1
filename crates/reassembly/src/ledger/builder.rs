//! A ledger from segments.

use crosscap_packet::{SeqNumber, Timestamp};

use super::fold::Seen;
use super::{Ledger, laps};

/// Takes what was captured of a flow, in capture order or nearly so, and makes a [`Ledger`] of it.
///
/// A number lies next to the highest one so far. What is no stream data is for the caller to leave out: payload of a RST,
/// keep-alive probes, numbers outside any window.
#[derive(Clone, Debug, Default)]
pub struct LedgerBuilder {
    /// Its intervals are not settled: only so many are, the others came after.
    ledger: Ledger,
    settled: usize,
    /// The highest position so far.
    top: Option<i64>,
}

impl LedgerBuilder {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `len` bytes from `seq` on, captured at `time`.
    pub fn add(&mut self, seq: SeqNumber, len: u32, time: Timestamp) {
        let start = self.place(seq);
        let end = start + i64::from(len);
        self.top = self.top.max(Some(end));
        if len == 0 {
            return;
        }
        self.ledger.seen.push(Seen { start, end, count: 1, first: time, last: time });
        // What settling costs, many segments have paid for.
        if self.ledger.seen.len() - self.settled >= self.settled.max(MIN_UNSETTLED) {
            self.settle();
        }
    }

    /// Takes the number of a SYN: the stream begins behind it. The first one counts.
    pub fn start(&mut self, isn: SeqNumber) {
        let start = self.place(isn + 1);
        self.ledger.start.get_or_insert(start);
    }

    /// Takes an acknowledgement of the peer.
    pub fn acked(&mut self, ack: SeqNumber) {
        let acked = self.place(ack);
        self.ledger.acked = self.ledger.acked.max(Some(acked));
    }

    /// What was seen.
    #[must_use]
    pub fn finish(mut self) -> Ledger {
        self.settle();
        self.ledger
    }

    fn settle(&mut self) {
        self.ledger.settle();
        self.settled = self.ledger.seen.len();
    }

    fn place(&mut self, seq: SeqNumber) -> i64 {
        let raw = i64::from(seq.0);
        let top = self.top.unwrap_or(raw);
        let at = raw + laps(raw, top);
        self.top = Some(top.max(at));
        at
    }
}

const MIN_UNSETTLED: usize = 256;
