//! What one captured packet says.
//!
//! This crate is the vocabulary of crosscap: it turns the bytes of one captured frame into a [`TcpPacket`] whose
//! options and payload borrow those bytes, and it names the numbers that must not be mixed up:
//!
//! - [`Timestamp`]: nanoseconds since the Unix epoch, in the clock of the capture;
//! - [`FrameRef`]: which frame of which file of an observation point;
//! - [`SeqNumber`]: a TCP sequence number, modulo 2³²;
//! - [`Endpoint`]: an IP address and a TCP port;
//! - [`LinkType`]: how the captured bytes begin;
//! - [`Tunnel`]: what lies around the packet.
//!
//! Decoding is in two parts:
//!
//! - [`decode`](decode()) says what one frame holds: a [`TcpPacket`], a [`Fragment`] of one, an [`IcmpError`] about
//!   one, or why it is [`NotTcp`]. It knows nothing of files and keeps no state;
//! - [`Defragmenter`] puts [`Datagram`]s together from fragments, within [`DefragLimits`];
//! - [`Decoder`] is both, for those who read frames in their order.
//!
//! ```
//! use crosscap_packet::{Decoded, LinkType, TcpFlags, decode};
//!
//! // A raw IPv4 SYN from 10.1.0.2:40422 to 10.96.0.10:80.
//! let frame: &[u8] = &[
//!     0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 1, 0, 2, 10, 96, 0, 10, // IPv4
//!     0x9d, 0xe6, 0, 80, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0, // TCP
//! ];
//! let Decoded::Tcp(packet) = decode(LinkType::RAW, frame, 40) else { panic!("not TCP") };
//! assert_eq!(packet.src.to_string(), "10.1.0.2:40422");
//! assert_eq!(packet.segment.flags, TcpFlags::SYN);
//! assert_eq!(packet.segment.seq.0, 7);
//! ```
//!
//! # What is decoded
//!
//! - Link types: those that [`LinkType`] names. Of Wi-Fi frames, those with unencrypted data.
//! - Tags and labels: 802.1Q, 802.1ad, 802.1ah, 802.1BR, VN-tag; MPLS with IP or an Ethernet pseudowire; PPPoE; LLC
//!   with SNAP.
//! - Tunnels: those that [`TunnelKind`] names. One that UDP carries is known by its port *and* by fields that have to
//!   be as they are; if there is no IP inside, it is none. The innermost TCP segment is the one that counts.
//! - IPv6 extension headers, and the authentication header.
//!
//! # Limits
//!
//! - Of tags, labels, extension headers and tunnels, at most 16 in each other, four of them tunnels. More are
//!   [`NotTcp::Malformed`].
//! - Checksums are not verified: captures taken at the sender hold partial ones.
//! - Of an aggregate of Wi-Fi packets the first is taken; Wi-Fi fragments are not put together.
//! - ESP, WireGuard, OpenVPN and other encrypted tunnels are [`NotTcp::OtherProtocol`].

#![forbid(unsafe_code)]

mod decode;
mod decoder;
mod defrag;
mod endpoint;
mod fragment;
mod frame;
mod icmp;
mod link;
mod options;
mod segment;
mod seq;
mod time;
mod tunnel;

pub use decode::{Decoded, NotTcp, TcpPacket, decode};
pub use decoder::Decoder;
pub use defrag::{Datagram, DefragLimits, DefragStats, Defragmenter};
pub use endpoint::Endpoint;
pub use fragment::Fragment;
pub use frame::FrameRef;
pub use icmp::IcmpError;
pub use link::LinkType;
pub use options::{TcpOption, TcpOptions, TcpTimestamps};
pub use segment::{OptionSummary, Segment, SynOptions, TcpFlags};
pub use seq::SeqNumber;
pub use time::Timestamp;
pub use tunnel::{Tunnel, TunnelKind};
