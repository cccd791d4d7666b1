//! Reference implementations that know the truth, for crosscap's tests. Shares no code with `crosscap-parser`.
//!
//! - [`PcapWriter`], [`PcapNgWriter`], [`SnoopWriter`]: capture files of every kind, honest or lying;
//! - [`TcpFrame`]: TCP packets as bytes, with right checksums;
//! - [`Wire`]: packets inside other headers: links, tags, tunnels, fragments, ICMP errors;
//! - [`hostile_frames`]: frames that lie, nest or flood;
//! - [`Capture`]: a capture of `testdata/`, to be changed and written again;
//! - [`corpus`], [`map_corpus`]: third-party captures, where they are at hand;
//! - [`gzip`], [`lz4`], [`xz`], [`zstd`];
//! - [`Simulation`]: connections by the million, as points with clocks, losses and NAT between them see them;
//! - [`Truth`]: what is known of a scenario in `testdata/`.
//!
//! Everything here panics on wrong use, as tests do.
//!
//! ```
//! use crosscap_testkit::{PcapWriter, TcpFrame};
//!
//! let syn = TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").flags("S").seq(7).mss(1460);
//! let reply = syn.reply().flags("SA").seq(99);
//!
//! let mut client = PcapWriter::new().nanos();
//! client.packet(1_000_000_000, &syn.ethernet()).packet(1_000_250_000, &reply.ethernet());
//! assert_eq!(client.into_bytes().len(), 24 + 2 * (16 + 58) - 4);
//! ```

#![forbid(unsafe_code)]

mod capture;
mod compress;
mod corpus;
mod frame;
mod pcap;
mod pcapng;
mod sim;
mod snoop;
mod truth;
mod wire;

pub use capture::{Capture, CaptureRecord};
pub use compress::{gzip, lz4, xz, zstd};
pub use corpus::{CorpusFile, corpus, map_corpus};
pub use frame::TcpFrame;
pub use pcap::PcapWriter;
pub use pcapng::{InterfaceBlock, PcapNgWriter};
pub use sim::{
    SimBurst, SimChange, SimClock, SimConnection, SimHop, SimKind, SimLeg, SimMix, SimNat,
    SimPacket, SimPackets, SimPoint, Simulation,
};
pub use snoop::SnoopWriter;
pub use truth::{
    BothWays, CaptureLost, ClockPiece, Deeds, Dropped, Meddled, Moments, Nat, Point, Timeouts,
    Truth, TruthConnection, TruthLeg,
};
pub use wire::{HostileFrames, Wire, hostile_frames};
