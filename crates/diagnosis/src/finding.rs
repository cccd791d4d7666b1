//! What the rule book says.

use crosscap_packet::{FrameRef, Timestamp};

use crate::deletion::Broken;

/// One explanation, for one or more connections that share it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// Which failure mode.
    pub id: FindingId,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub verdict: Verdict,
    /// One sentence.
    pub title: String,
    /// Indices of the paths concerned; the first speaks for all.
    pub paths: Vec<usize>,
    /// The time that tells how bad it was for each path, nanoseconds in the clock of one point: the silence that an idle
    /// connection did not outlive, the wait for an answer. Empty where there is no such time.
    pub spans: Vec<(usize, i64)>,
    /// The silence itself, where a session was forgotten.
    pub(crate) broken: Option<Broken>,
    /// Which end still waits.
    pub hung_side: HungSide,
    /// The evidence, in order of the story; those of the first path come first.
    pub facts: Vec<Fact>,
    /// What else could have looked like this.
    pub rivals: Vec<Rival>,
    /// What would settle what is open.
    pub would_decide: Vec<String>,
    /// What to do.
    pub advice: Vec<Advice>,
}

/// A sentence and the frames that prove it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fact {
    /// The sentence.
    pub text: String,
    /// Index of the path it is about.
    pub path: usize,
    /// Index of the point whose frames it cites.
    pub point: usize,
    /// The frames. A fact about absence cites the last frames that were there.
    pub frames: Vec<FrameRef>,
    /// When, in the clock of the point.
    pub time: Timestamp,
}

/// Another explanation.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Rival {
    /// Which.
    pub id: FindingId,
    /// Whether it still stands.
    pub status: RivalStatus,
    /// Why, or why not.
    pub because: String,
}

/// Whether a rival explanation still stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RivalStatus {
    /// The packets contradict it.
    Refuted,
    /// These captures cannot tell.
    Open,
}

impl Rival {
    /// A rival, refuted or open, with the reason for either.
    pub(crate) fn judged(id: FindingId, refuted: bool, refutation: &str, doubt: &str) -> Self {
        if refuted {
            Self { id, status: RivalStatus::Refuted, because: refutation.into() }
        } else {
            Self { id, status: RivalStatus::Open, because: doubt.into() }
        }
    }

    pub(crate) fn is_refuted(&self) -> bool {
        self.status == RivalStatus::Refuted
    }
}

/// What a finding rests on.
pub(crate) struct Evidence {
    pub(crate) facts: Vec<Fact>,
    pub(crate) rivals: Vec<Rival>,
    pub(crate) would_decide: Vec<String>,
    pub(crate) advice: Vec<Advice>,
}

/// What to do, and what it costs.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Advice {
    /// The measure.
    pub text: String,
    /// Its side effect.
    pub side_effect: String,
    /// Where to read on.
    pub reference: String,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verdict {
    /// All that it needs was seen and every rival is refuted.
    Confirmed,
    /// All that it needs was seen; a rival is open.
    Likely,
    /// Something it needs cannot be seen in these captures; nothing contradicts it.
    Possible,
    /// Something is wrong and these captures do not say what.
    Insufficient,
}

impl Verdict {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Likely => "likely",
            Self::Possible => "possible",
            Self::Insufficient => "insufficient",
        }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The connection failed.
    Broken,
    /// It worked, but not as it should.
    Degraded,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Degraded => "degraded",
            Self::Info => "info",
        }
    }
}

/// Which end of a connection still waits when the captures end.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HungSide {
    /// The originator.
    Orig,
    /// The responder.
    Resp,
    /// Both.
    Both,
    /// Neither.
    None,
}

impl HungSide {
    /// As the report contract writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Orig => "orig",
            Self::Resp => "resp",
            Self::Both => "both",
            Self::None => "none",
        }
    }
}

macro_rules! finding_ids {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A failure mode. The names are part of the report contract.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum FindingId {
            $($(#[$doc])* $name,)*
        }

        impl FindingId {
            /// As the report contract writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

finding_ids! {
    /// NAT forgot an idle connection; the server's next segment left untranslated.
    NatExpiredServerSpoke = "nat-expired-server-spoke",
    /// NAT forgot an idle connection; the client's next segment was reset by the translating host.
    NatExpiredClientSpoke = "nat-expired-client-spoke",
    /// NAT forgot a half-closed connection, which it keeps for a shorter time.
    NatExpiredHalfClosed = "nat-expired-half-closed",
    /// Connection tracking judged a reply invalid and did not translate it.
    ConntrackInvalidReply = "conntrack-invalid-reply",
    /// NAT lost the session for another reason than its timer: it was deleted, flushed, or led to another backend.
    NatRemappedBackend = "nat-remapped-backend",
    /// A stateful device forgot an idle connection and drops what follows.
    IdleSilentDrop = "idle-silent-drop",
    /// A device resets idle connections.
    IdleResetByMiddlebox = "idle-reset-by-middlebox",
    /// A device in between sent the reset.
    ResetInjected = "reset-injected",
    /// The other host is gone.
    PeerVanished = "peer-vanished",
    /// Segments were lost between the points.
    PacketLoss = "packet-loss",
    /// Large packets do not get through.
    MtuBlackHole = "mtu-black-hole",
    /// Replies take another way than the translated one.
    AsymmetricPath = "asymmetric-path",
    /// The server took long to answer.
    SlowServer = "slow-server",
    /// The receiver does not read.
    ReceiverStalled = "receiver-stalled",
    /// The server's host reset the connection.
    ServerReset = "server-reset",
    /// The client's host gave up.
    ClientAbort = "client-abort",
    /// The client's last bytes asked for no answer: it did not wait for one.
    NothingAsked = "nothing-asked",
    /// What the server's stack answers for a connection that its host no longer knows.
    BackendGoneReset = "backend-gone-reset",
    /// The first packet for a backend that was removed is dropped, the next one treated as new.
    BackendRemovedDrop = "backend-removed-drop",
    /// A SYN that uses the port of an earlier connection again is dropped.
    PortReuseSynDrop = "port-reuse-syn-drop",
    /// A SYN or SYN-ACK was lost between the points.
    HandshakeLost = "handshake-lost",
    /// The server drops SYNs by their timestamps.
    TimestampSynDrop = "timestamp-syn-drop",
    /// The server's queue of connections is full.
    ListenQueueOverflow = "listen-queue-overflow",
    /// The SYN-ACK came from the server's own address.
    SynAckUntranslated = "syn-ack-untranslated",
    /// A host cannot reach itself through its own Service.
    HairpinBroken = "hairpin-broken",
    /// A device gives connections other sequence numbers.
    SequenceRewritten = "sequence-rewritten",
    /// A proxy ends TCP between the points.
    ProxyTerminated = "proxy-terminated",
    /// The ends of a connection do not agree whether it is still there.
    HalfOpen = "half-open",
    /// The server's host refused the connection.
    ConnectionRefused = "connection-refused",
    /// Keep-alives come less often than a device on the path needs them.
    KeepaliveTooSlow = "keepalive-too-slow",
    /// The capture lacks packets.
    CaptureIncomplete = "capture-incomplete",
}

impl Finding {
    /// The verdict that follows from the evidence: what is missing makes it possible at best, an open rival likely.
    pub(crate) fn verdict_of(rivals: &[Rival], missing: &[String]) -> Verdict {
        if rivals.iter().all(Rival::is_refuted) && missing.is_empty() {
            Verdict::Confirmed
        } else if missing.is_empty() {
            Verdict::Likely
        } else {
            Verdict::Possible
        }
    }
}
