//! Long silences, and whether the connection outlived them.

use crosscap_packet::{FrameRef, Timestamp};

use crate::{Direction, Sighting};

/// A time during which neither end sent anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Silence {
    /// The last packet before it.
    pub before: Sighting,
    /// The packet that ended it.
    pub after: Sighting,
    /// Who sent that packet.
    pub first_speaker: Direction,
    /// How far the connection was closed when the silence began.
    pub phase: Phase,
}

impl Silence {
    /// Its length in nanoseconds.
    #[must_use]
    pub fn nanos(&self) -> i64 {
        self.after.time.since(self.before.time)
    }
}

/// Two packets with nothing between them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pause {
    /// The earlier one.
    pub before: Moment,
    /// The later one.
    pub after: Moment,
}

impl Pause {
    /// Its length in nanoseconds.
    #[must_use]
    pub fn nanos(&self) -> i64 {
        self.after.time.since(self.before.time)
    }
}

/// When and where a packet was captured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// Capture time, in the clock of the observation point.
    pub time: Timestamp,
    /// The frame.
    pub frame: FrameRef,
}

impl From<Sighting> for Moment {
    fn from(at: Sighting) -> Self {
        Self { time: at.time, frame: at.frame }
    }
}

/// How far a connection is closed: stateful devices keep another timer for each.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Phase {
    /// No FIN seen.
    Established,
    /// One end has sent a FIN.
    HalfClosed,
}

/// The silences of at least one second of a connection whose both ends were seen.
///
/// *Outlived* means: the packet that ended the silence was answered, or answered one, by a packet of the other end that
/// was no reset.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Silences {
    outlived: [[Option<Silence>; 2]; 2],
    unanswered: Option<Silence>,
}

impl Silences {
    /// The longest outlived silence of the phase that `first_speaker` ended.
    #[must_use]
    pub fn longest_outlived(&self, phase: Phase, first_speaker: Direction) -> Option<Silence> {
        self.outlived[phase as usize][first_speaker as usize]
    }

    /// The silence after which the other end has sent nothing but resets, where there is one.
    #[must_use]
    pub fn unanswered(&self) -> Option<Silence> {
        self.unanswered
    }

    /// A packet ended a silence.
    pub(crate) fn broken(&mut self, silence: Silence) {
        // A pending one that is longer stays the interesting one: the speaker is only trying again.
        if self.unanswered.is_none_or(|old| old.nanos() < silence.nanos()) {
            self.unanswered = Some(silence);
        }
    }

    /// A packet that is no reset came from `from`.
    pub(crate) fn heard(&mut self, from: Direction) {
        if let Some(silence) = self.unanswered
            && silence.first_speaker != from
        {
            self.unanswered = None;
            let slot = &mut self.outlived[silence.phase as usize][silence.first_speaker as usize];
            if slot.is_none_or(|old| old.nanos() < silence.nanos()) {
                *slot = Some(silence);
            }
        }
    }

    /// Exchanges originator and responder.
    pub(crate) fn flip(&mut self) {
        let flipped = |s: Silence| Silence { first_speaker: s.first_speaker.reverse(), ..s };
        for phase in &mut self.outlived {
            phase.swap(0, 1);
            for slot in phase {
                *slot = slot.map(flipped);
            }
        }
        self.unanswered = self.unanswered.map(flipped);
    }
}

/// Whether a gap between two packets is long enough to be remembered.
pub(crate) fn is_silence(before: Timestamp, after: Timestamp) -> bool {
    after.since(before) >= MIN_SILENCE
}

/// Shorter than any session timer in use, longer than any round trip.
const MIN_SILENCE: i64 = 1_000_000_000;
