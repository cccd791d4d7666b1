//! Frames that lie, nest or flood.

use super::Wire;
use crate::TcpFrame;

/// One kind of hostile input, as frames to be read one after the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostileFrames {
    /// What it is called.
    pub name: &'static str,
    /// The link type.
    pub link_type: u16,
    /// The frames, captured whole.
    pub frames: Vec<Vec<u8>>,
}

/// Every hostile input of the link and the network layer that the project's reliability notes name. In all of them a
/// TCP packet with a payload of 64 bytes from 10.1.0.2:40422 to 10.96.0.10:80 is what the lie is about.
#[must_use]
pub fn hostile_frames() -> Vec<HostileFrames> {
    let raw = |name, frames: Vec<Wire>| HostileFrames {
        name,
        link_type: 101,
        frames: frames.into_iter().map(|f| f.bytes).collect(),
    };
    let ethernet =
        |name, packet: Wire| HostileFrames { link_type: 1, ..raw(name, vec![packet.ethernet()]) };
    let segment = TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").seq(7).payload_len(64);
    let v4 = Wire::tcp(&segment);
    let v6 =
        Wire::tcp(&TcpFrame::new("[2001:db8::2]:40422", "[2001:db8::a]:80").seq(7).payload_len(64));
    let nested = |header: fn(&Wire) -> Wire| (0..300).fold(v4.clone(), |packet, _| header(&packet));
    let with_options = |options: &[u8]| Wire::tcp(&segment.clone().option(options));
    let whole = v4.payload().bytes;
    let part = |place: std::ops::Range<usize>| v4.fragment(9, place);

    vec![
        ethernet("300-vlan-tags", nested(|p| p.vlan(1))),
        ethernet("300-mpls-labels", v4.mpls(&[16; 300])),
        ethernet("300-backbone-tags", nested(|p| p.ethernet().tag_of_service())),
        raw("300-ip-in-ip", vec![nested(|p| p.ip("10.0.0.1", "10.0.0.2"))]),
        raw("300-gre", vec![nested(|p| p.gre(None).ip("10.0.0.1", "10.0.0.2"))]),
        raw(
            "200-ipv6-extension-headers",
            vec![{
                let chain = (0..200).fold(v6.payload(), |p, _| p.extension(60));
                chain.ip("2001:db8::2", "2001:db8::a")
            }],
        ),
        raw(
            "gtp-extension-of-no-length",
            vec![{ v4.gtp_u(1, Some((0x85, &[0, 0, 0, 0x85]))).ip("10.0.0.1", "10.0.0.2") }],
        ),
        // The second fragment ends within the first.
        raw("teardrop", vec![part(0..40), v4.lying_fragment(9, 24, false, &whole[24..28])]),
        raw("ping-of-death", vec![part(0..40), v4.lying_fragment(9, 65_528, false, &[0; 400])]),
        raw(
            "overlapping-fragments-with-other-data",
            vec![part(0..40), v4.lying_fragment(9, 32, true, &[0xee; 24]), part(56..84)],
        ),
        raw("fragment-repeated", vec![part(0..40), part(0..40), part(40..84)]),
        raw(
            "two-last-fragments",
            vec![v4.lying_fragment(9, 40, false, &whole[40..64]), part(40..84), part(0..40)],
        ),
        raw("ipv4-total-length-0", vec![v4.clone().changed(2, &[0, 0])]),
        raw("ipv4-header-length-4", vec![v4.clone().changed(0, &[0x44])]),
        raw("ipv4-total-length-below-header", vec![v4.clone().changed(2, &[0, 19])]),
        raw("tcp-offset-4", vec![v4.clone().changed(32, &[0x40])]),
        raw(
            "tcp-offset-15",
            vec![{
                Wire::tcp(&TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80")).changed(32, &[0xf0])
            }],
        ),
        raw("tcp-option-length-0", vec![with_options(&[2, 4, 5, 180, 8, 0, 3, 3])]),
        raw("tcp-bad-sack-length", vec![with_options(&[2, 4, 5, 180, 5, 60, 0, 0])]),
        raw("land", vec![Wire::tcp(&segment.clone().from("10.96.0.10:80"))]),
        HostileFrames { link_type: 147, ..raw("unknown-link-type", vec![v4.clone()]) },
    ]
}

impl Wire {
    /// This Ethernet frame behind the tag of a backbone service (IEEE 802.1ah).
    fn tag_of_service(&self) -> Self {
        self.behind(&[0, 0, 0, 1], 0x88e7, 0)
    }
}
