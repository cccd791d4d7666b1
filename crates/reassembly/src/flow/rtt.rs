//! Round-trip times.

use crosscap_packet::{Segment, Timestamp};

use crate::pack::Code;

/// Times from a segment with data to the acknowledgement of its last byte, in nanoseconds.
///
/// From the point to the end that acknowledges and back, with the time that end takes (a delayed acknowledgement waits
/// for up to 40 ms on Linux). One segment at a time is timed. What was sent twice is not (Karn's rule, RFC 6298 §3),
/// unless the timestamp that comes back says which of the two was acknowledged (RFC 7323 §4).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rtt {
    /// How many were measured.
    pub count: u32,
    min: i64,
    max: i64,
    sum: i64,
}

impl Rtt {
    /// The shortest, where any was measured.
    #[must_use]
    pub fn shortest(&self) -> Option<i64> {
        (self.count > 0).then_some(self.min)
    }

    /// The longest, where any was measured.
    #[must_use]
    pub fn longest(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max)
    }

    /// The mean, where any was measured.
    #[must_use]
    pub fn mean(&self) -> Option<i64> {
        self.sum.checked_div(i64::from(self.count))
    }

    /// Passes over its numbers.
    pub(super) fn code(&mut self, c: &mut impl Code) {
        c.small(&mut self.count);
        c.near(&mut self.min, 0);
        if self.count == 1 {
            (self.max, self.sum) = (self.min, self.min);
            return;
        }
        c.near(&mut self.max, self.min);
        c.near(&mut self.sum, self.max);
    }

    fn add(&mut self, nanos: i64) {
        (self.min, self.max) = match self.count {
            0 => (nanos, nanos),
            _ => (self.min.min(nanos), self.max.max(nanos)),
        };
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(nanos);
    }
}

/// A segment that is being timed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// The stream offset behind its last byte.
    end: i64,
    time: Timestamp,
    sent: Option<u32>,
    sent_again: bool,
}

impl Timing {
    pub(super) fn start(end: i64, time: Timestamp, segment: &Segment) -> Self {
        Self { end, time, sent: segment.timestamps.map(|t| t.value), sent_again: false }
    }

    /// When it was sent first.
    pub(super) fn time(&self) -> Timestamp {
        self.time
    }

    pub(super) fn nothing() -> Self {
        Self { end: 0, time: Timestamp(0), sent: None, sent_again: false }
    }

    /// Passes over its numbers.
    pub(super) fn code(&mut self, c: &mut impl Code, now: Timestamp, high: i64) {
        c.near(&mut self.end, high);
        c.near(&mut self.time.0, now.0);
        let mut is = [self.sent_again, self.sent.is_some()];
        c.flags(&mut is);
        self.sent_again = is[0];
        c.option(&mut self.sent, is[1], |c, sent| c.near_u32(sent, 0));
    }

    /// Bytes from `start` on were sent again in a segment whose clock said `sent`.
    pub(super) fn sent_again(&mut self, start: i64, segment: &Segment) {
        if start < self.end {
            self.sent_again = true;
            // Twice within one tick: the echo does not say which.
            if segment.timestamps.map(|t| t.value) == self.sent {
                self.sent = None;
            }
        }
    }

    /// Takes an acknowledgement up to offset `acked`; whether the timing is over.
    pub(super) fn acknowledged(
        &self,
        acked: i64,
        time: Timestamp,
        segment: &Segment,
        rtt: &mut Rtt,
    ) -> bool {
        if acked < self.end {
            return false;
        }
        let echoed = self.sent.is_some() && segment.timestamps.map(|t| t.echo_reply) == self.sent;
        let nanos = time.since(self.time);
        if nanos >= 0 && (!self.sent_again || echoed) {
            rtt.add(nanos);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosscap_packet::{OptionSummary, SeqNumber, TcpFlags, TcpTimestamps};

    fn stamped(value: u32, echo_reply: u32) -> Segment {
        Segment {
            seq: SeqNumber(0),
            ack: SeqNumber(0),
            flags: TcpFlags::ACK,
            window: 1,
            ttl: 64,
            ip_id: 0,
            payload_len: 0,
            timestamps: Some(TcpTimestamps { value, echo_reply }),
            options: OptionSummary::Other,
        }
    }

    fn measure(again: Option<u32>, echo: u32) -> Option<i64> {
        let mut rtt = Rtt::default();
        let mut timing = Timing::start(10, Timestamp(100), &stamped(7, 0));
        if let Some(value) = again {
            timing.sent_again(0, &stamped(value, 0));
        }
        assert!(!timing.acknowledged(9, Timestamp(150), &stamped(0, 7), &mut rtt));
        assert!(timing.acknowledged(10, Timestamp(150), &stamped(0, echo), &mut rtt));
        rtt.mean()
    }

    #[test]
    fn what_was_sent_twice_is_timed_only_where_the_echo_tells_which() {
        assert_eq!(measure(None, 7), Some(50));
        assert_eq!(measure(Some(8), 7), Some(50));
        assert_eq!(measure(Some(8), 8), None);
        assert_eq!(measure(Some(7), 7), None);
    }

    #[test]
    fn extremes_and_mean() {
        let mut rtt = Rtt::default();
        [30, 10, 20].into_iter().for_each(|n| rtt.add(n));
        assert_eq!((rtt.shortest(), rtt.longest(), rtt.mean()), (Some(10), Some(30), Some(20)));
        assert_eq!(Rtt::default().mean(), None);
    }
}
