//! The decoder against hand-made frames and against etherparse.

use crosscap_testkit::{TcpFrame, Wire};
use etherparse::{LaxSlicedPacket, PacketBuilder, TransportSlice};
use proptest::prelude::*;

use super::*;
use crate::{OptionSummary, SynOptions, TcpFlags, TcpTimestamps, TunnelKind};

const PAYLOAD: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

fn ipv4_tcp() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([10, 1, 0, 2], [10, 96, 0, 10], 63)
        .tcp(40422, 80, 7, 64)
        .ack(9)
        .psh()
        .options_raw(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])
        .unwrap()
        .write(&mut bytes, PAYLOAD)
        .unwrap();
    bytes
}

fn segment() -> TcpFrame {
    TcpFrame::new("10.1.0.2:40422", "10.96.0.10:80").seq(7).payload(PAYLOAD)
}

fn why(link_type: LinkType, frame: &[u8]) -> NotTcp {
    match decode(link_type, frame, frame.len() as u32) {
        Decoded::NotTcp(why) => why,
        other => panic!("{other:?}"),
    }
}

fn with_prefix(prefix: &[u8], packet: &[u8]) -> Vec<u8> {
    [prefix, packet].concat()
}

fn tcp(link_type: LinkType, frame: &[u8]) -> TcpPacket<'_> {
    match decode(link_type, frame, frame.len() as u32) {
        Decoded::Tcp(packet) => packet,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_link_type_leads_to_the_same_segment() {
    let ip = ipv4_tcp();
    let expected = tcp(LinkType::RAW, &ip);
    assert_eq!(expected.payload, PAYLOAD);
    assert_eq!(expected.segment.payload_len as usize, PAYLOAD.len());
    assert_eq!(expected.segment.ttl, 63);
    assert_eq!(expected.segment.flags, TcpFlags::ACK | TcpFlags::PSH);
    assert_eq!(expected.segment.timestamps, Some(TcpTimestamps { value: 1, echo_reply: 2 }));

    let mac = [0u8; 12];
    let vlan = [0x81, 0, 0, 5];
    let sll = [0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0];
    let sll2 = [8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0];
    let frames = [
        (LinkType::RAW_BSD, ip.clone()),
        (LinkType::RAW_OPENBSD, ip.clone()),
        (LinkType::IPV4, ip.clone()),
        (LinkType::ETHERNET, with_prefix(&mac, &with_prefix(&[8, 0], &ip))),
        (LinkType::ETHERNET, with_prefix(&mac, &with_prefix(&vlan, &with_prefix(&[8, 0], &ip)))),
        (
            LinkType::ETHERNET,
            with_prefix(&mac, &with_prefix(&vlan.repeat(3), &with_prefix(&[8, 0], &ip))),
        ),
        (LinkType::LINUX_SLL, with_prefix(&sll, &ip)),
        (LinkType::LINUX_SLL2, with_prefix(&sll2, &ip)),
        (LinkType::NULL, with_prefix(&[2, 0, 0, 0], &ip)),
        (LinkType::NULL, with_prefix(&[0, 0, 0, 2], &ip)),
        (LinkType::LOOP, with_prefix(&[0, 0, 0, 2], &ip)),
    ];
    for (link_type, frame) in &frames {
        assert_eq!(tcp(*link_type, frame), expected, "{link_type}");
    }
}

#[test]
fn ipv6_with_and_without_extension_headers() {
    let mut plain = Vec::new();
    let source = "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    PacketBuilder::ipv6(source, [2; 16], 60).tcp(1, 2, 3, 4).write(&mut plain, PAYLOAD).unwrap();
    let expected = tcp(LinkType::RAW, &plain);
    assert_eq!(expected.src.to_string(), "[2001:db8::1]:1");
    assert_eq!(expected.payload, PAYLOAD);

    // A hop-by-hop and a destination options header, 8 bytes each.
    let mut extended = plain[..40].to_vec();
    extended[6] = 0;
    extended[5] += 16;
    extended.extend([60, 0, 1, 4, 0, 0, 0, 0]);
    extended.extend([6, 0, 1, 4, 0, 0, 0, 0]);
    extended.extend(&plain[40..]);
    assert_eq!(tcp(LinkType::RAW, &extended), expected);

    // Parts of a datagram, and what is called one but is all of it.
    for (field, part) in [(0, false), (1, true), (8, true), (9, true)] {
        let mut fragment = plain[..40].to_vec();
        fragment[6] = 44;
        fragment[5] += 8;
        fragment.extend([6, 0, 0, field, 0, 0, 0, 1]);
        fragment.extend(&plain[40..]);
        match decode(LinkType::RAW, &fragment, fragment.len() as u32) {
            Decoded::Tcp(packet) => assert_eq!((packet, part), (expected, false)),
            Decoded::Fragment(f) => {
                assert_eq!((f.id, f.protocol, f.offset), (1, 6, u32::from(field & !7)));
                assert_eq!((f.more, f.data, part), (field & 1 == 1, &plain[40..], true));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn lengths_come_from_the_ip_header_not_from_padding_or_the_snap_length() {
    let ip = ipv4_tcp();
    // Ethernet padding is not payload.
    let padded = with_prefix(&ip, &[0; 6]);
    assert_eq!(tcp(LinkType::RAW, &padded).payload, PAYLOAD);
    // A cut packet keeps its length on the wire.
    let cut = &ip[..ip.len() - 10];
    let Decoded::Tcp(packet) = decode(LinkType::RAW, cut, ip.len() as u32) else { panic!() };
    assert_eq!(packet.segment.payload_len as usize, PAYLOAD.len());
    assert_eq!(packet.payload.len(), PAYLOAD.len() - 10);
    // Total length 0: segmentation offload.
    let mut offload = ip.clone();
    offload[2..4].fill(0);
    assert_eq!(tcp(LinkType::RAW, &offload).payload, PAYLOAD);
}

/// A SYN whose options were cut does not say that its sender has no window scale.
#[test]
fn cut_options_say_nothing() {
    let mut syn = Vec::new();
    PacketBuilder::ipv4([10, 1, 0, 2], [10, 96, 0, 10], 63)
        .tcp(40422, 80, 7, 64)
        .syn()
        .options_raw(&[2, 4, 5, 180, 1, 3, 3, 7])
        .unwrap()
        .write(&mut syn, &[])
        .unwrap();
    let options = |captured: usize| match decode(LinkType::RAW, &syn[..captured], 48) {
        Decoded::Tcp(packet) => packet.segment.options,
        other => panic!("{other:?}"),
    };
    let whole = SynOptions {
        maximum_segment_size: Some(1460),
        window_scale: Some(7),
        sack_permitted: false,
    };
    assert_eq!(options(48), OptionSummary::Syn(whole));
    for captured in 40..48 {
        assert_eq!(options(captured), OptionSummary::Other);
    }
}

#[test]
fn what_is_not_tcp_says_why() {
    let ip = ipv4_tcp();
    let why = |bytes: &[u8], len: usize| match decode(LinkType::RAW, bytes, len as u32) {
        Decoded::NotTcp(why) => why,
        other => panic!("{other:?}"),
    };
    let changed = |at: usize, to: u8| {
        let mut bytes = ip.clone();
        bytes[at] = to;
        bytes
    };
    assert_eq!(why(&[], 60), NotTcp::Cut);
    assert_eq!(why(&ip[..30], ip.len()), NotTcp::Cut);
    assert_eq!(why(&changed(0, 0x44), ip.len()), NotTcp::Malformed); // IHL 4
    assert_eq!(why(&changed(3, 19), ip.len()), NotTcp::Malformed); // total length below the header
    assert_eq!(why(&changed(9, 17), ip.len()), NotTcp::OtherProtocol(17));
    assert_eq!(why(&changed(32, 0x40), ip.len()), NotTcp::Malformed); // TCP offset 4
    assert_eq!(why(&changed(0, 0x15), ip.len()), NotTcp::NotIp);
    let tags = with_prefix(&[0; 12], &[0x81, 0, 0, 1].repeat(300));
    assert_eq!(decode(LinkType::ETHERNET, &tags, 1212), Decoded::NotTcp(NotTcp::Malformed));
    assert_eq!(decode(LinkType(147), &ip, 60), Decoded::NotTcp(NotTcp::UnknownLinkType));
}

#[test]
fn link_types_that_tshark_does_not_know_or_checks_more_than_we_do() {
    let packet = Wire::tcp(&segment());
    let frame = packet.ethernet().bytes;
    let tagged = |tag: &[u8]| [&frame[..12], tag, &frame[12..]].concat();
    let frames = [
        (LinkType::DSA_TAG_BRCM, tagged(&[0x20, 0, 0, 1])),
        (LinkType::DSA_TAG_DSA, tagged(&[0xc0, 0, 0, 1])),
        (LinkType::DSA_TAG_EDSA, tagged(&[0xda, 0xda, 0, 0, 0xc0, 0, 0, 1])),
        (LinkType::DSA_TAG_BRCM_PREPEND, with_prefix(&[0x20, 0, 0, 1], &frame)),
        (
            LinkType::ETHERNET_MPACKET,
            with_prefix(&[0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0xd5], &frame),
        ),
        (LinkType::PPP_PPPD, with_prefix(&[1, 3], &packet.ppp().bytes)),
        (LinkType::PPP_HDLC, with_prefix(&[0x0f, 0], &packet.announced().bytes)),
        (LinkType::PPP, with_prefix(&[0x21], &packet.bytes)),
        (LinkType::PPI, with_prefix(&[0, 0, 8, 0, 1, 0, 0, 0], &frame)),
    ];
    for (link_type, frame) in &frames {
        assert_eq!(tcp(*link_type, frame).src.port, 40422, "{link_type}");
    }
    // Something else than the start of a frame.
    let mut part = frames[4].1.clone();
    part[7] = 0x52;
    assert_eq!(why(LinkType::ETHERNET_MPACKET, &part), NotTcp::NotIp);
    // A receiver's header in a receiver's header.
    let twice = with_prefix(&[0, 0, 8, 0, 192, 0, 0, 0], &frames[8].1);
    assert_eq!(why(LinkType::PPI, &twice), NotTcp::UnknownLinkType);
}

#[test]
fn wifi_without_readable_data_is_no_ip() {
    let frame = Wire::tcp(&segment()).snap().wifi(true, false);
    assert_eq!(tcp(LinkType::IEEE802_11, &frame.bytes).payload, PAYLOAD);
    // A beacon, data that is none, an encrypted frame, and two that are parts of one.
    for (at, to) in [(0, 0x80), (0, 0xc8), (1, 0x41), (1, 0x05), (22, 1)] {
        let changed = frame.clone().changed(at, &[to]);
        assert_eq!(why(LinkType::IEEE802_11, &changed.bytes), NotTcp::NotIp, "{at} {to}");
    }
    // An aggregate.
    let mut aggregate = frame.clone().changed(24, &[0x80]);
    let len = (frame.bytes.len() - 26) as u16;
    let inner = [&[0; 12][..], &len.to_be_bytes()].concat();
    aggregate.bytes.splice(26..26, inner);
    assert_eq!(tcp(LinkType::IEEE802_11, &aggregate.bytes).payload, PAYLOAD);
}

#[test]
fn the_innermost_tunnel_is_kept() {
    let packet = Wire::tcp(&segment());
    assert_eq!(tcp(LinkType::RAW, &packet.bytes).tunnel, None);
    let (a, b) = ("192.0.2.1", "192.0.2.2");
    let ethernet = packet.vlan(5).ethernet();
    for (kind, id, wire) in [
        (TunnelKind::Ip, 0, packet.clone()),
        (TunnelKind::Gre, 7, packet.gre(Some(7))),
        (TunnelKind::Gre, 0, packet.gre(None)),
        (TunnelKind::Gre, 7, packet.ppp().pptp(7)),
        (TunnelKind::Erspan, 0, ethernet.erspan(1, 7)),
        (TunnelKind::Erspan, 7, ethernet.erspan(2, 7)),
        (TunnelKind::Erspan, 7, ethernet.erspan(3, 7)),
        (TunnelKind::Vxlan, 0x12_3456, ethernet.vxlan(0x12_3456)),
        (TunnelKind::Vxlan, 42, packet.vxlan_gpe(42)),
        (TunnelKind::Geneve, 42, ethernet.geneve(42, &[0; 8])),
        (TunnelKind::GtpU, 0x1234_5678, packet.gtp_u(0x1234_5678, None)),
        (TunnelKind::L2tp, 0x0007_0008, packet.ppp().l2tp(7, 8)),
    ] {
        let expected =
            Tunnel { kind, src: a.parse().unwrap(), dst: b.parse().unwrap(), id, layers: 1 };
        let frame = wire.ip(a, b).bytes;
        assert_eq!(tcp(LinkType::RAW, &frame).tunnel, Some(expected));
        let outer = wire.ip(a, b).ethernet().vxlan(1).ip("2001:db8::1", "2001:db8::2").bytes;
        let found = tcp(LinkType::RAW, &outer);
        assert_eq!(found.tunnel, Some(Tunnel { layers: 2, ..expected }));
        assert_eq!((found.src.port, found.payload), (40422, PAYLOAD));
    }
    // Four tunnels are entered, five are not.
    let nested = |n| (0..n).fold(packet.clone(), |p, _| p.ip(a, b)).bytes;
    assert_eq!(tcp(LinkType::RAW, &nested(4)).tunnel.unwrap().layers, 4);
    assert_eq!(why(LinkType::RAW, &nested(5)), NotTcp::Malformed);
}

#[test]
fn a_port_does_not_make_a_tunnel() {
    let packet = Wire::tcp(&segment());
    let ethernet = packet.ethernet();
    let other = |wire: Wire| why(LinkType::RAW, &wire.ip("192.0.2.1", "192.0.2.2").bytes);
    // Headers (behind the 8 bytes of UDP) whose reserved fields, versions and types are not as they have to be.
    for (name, wire, at, to) in [
        ("VXLAN without id", ethernet.vxlan(1), 8, 0),
        ("VXLAN, reserved flags", ethernet.vxlan(1), 8, 0x18),
        ("VXLAN, reserved bytes", ethernet.vxlan(1), 10, 1),
        ("VXLAN, last byte", ethernet.vxlan(1), 15, 1),
        ("VXLAN of ARP", ethernet.vxlan(1), 16 + 13, 6),
        ("VXLAN of no IP", ethernet.vxlan(1), 16 + 14, 0x95),
        ("GPE of NSH", packet.vxlan_gpe(1), 11, 4),
        ("Geneve, version", packet.geneve(1, &[]), 8, 0x40),
        ("Geneve, control", packet.geneve(1, &[]), 9, 0x80),
        ("Geneve, options", packet.geneve(1, &[]), 8, 0x3f),
        ("GTP, version", packet.gtp_u(1, None), 8, 0x50),
        ("GTP prime", packet.gtp_u(1, None), 8, 0x20),
        ("GTP, echo", packet.gtp_u(1, None), 9, 1),
        ("GTP of no IP", packet.gtp_u(1, None), 16, 0x95),
        ("L2TP, control", packet.ppp().l2tp(1, 2), 8, 0xca),
        ("L2TP, version", packet.ppp().l2tp(1, 2), 9, 3),
        ("L2TP of LCP", packet.ppp().l2tp(1, 2), 25, 0x23),
        ("UDP, length", packet.gtp_u(1, None), 5, 7),
    ] {
        assert!(matches!(wire.bytes.get(at), Some(was) if *was != to), "{name}");
        assert_eq!(other(wire.changed(at, &[to])), NotTcp::OtherProtocol(17), "{name}");
    }
    // Source routing, another version, a protocol that is not IP.
    for (at, to) in [(0, 0x40), (1, 2), (3, 0xff)] {
        assert_eq!(other(packet.gre(None).changed(at, &[to])), NotTcp::OtherProtocol(47));
    }
    assert_eq!(other(packet.udp(53)), NotTcp::OtherProtocol(17));
    // What is surely a tunnel but cut, is cut.
    let cut = ethernet.vxlan(1).ip("192.0.2.1", "192.0.2.2").bytes;
    let decoded = decode(LinkType::RAW, &cut[..80], cut.len() as u32);
    assert_eq!(decoded, Decoded::NotTcp(NotTcp::Cut));
}

#[test]
fn what_is_behind_labels_has_to_fit() {
    let packet = Wire::tcp(&segment());
    let labelled = |wire: &Wire| wire.mpls(&[16, 17]).ethernet().bytes;
    assert_eq!(tcp(LinkType::ETHERNET, &labelled(&packet)).payload, PAYLOAD);
    // Pseudowires: with a control word, without, and to an address that begins as an IP header does.
    let word = packet.ethernet().behind(&[0, 0, 0, 1], 0, 0);
    let bare = packet.vlan(5).ethernet();
    let odd = bare.clone().changed(0, &[0x45]);
    for wire in [word, bare, odd] {
        assert_eq!(tcp(LinkType::ETHERNET, &labelled(&wire)).payload, PAYLOAD);
    }
    // Its control channel, ATM cells, …
    for first in [0x10, 0, 0x45, 0x60] {
        let unknown = Wire::new([&[first], &[0; 60][..]].concat(), 0, 0);
        assert_eq!(why(LinkType::ETHERNET, &labelled(&unknown)), NotTcp::NotIp);
    }
}

#[test]
fn icmp_errors_tell_of_their_segment() {
    let error = |wire: &Wire, len: u32| match decode(LinkType::RAW, &wire.bytes, len) {
        Decoded::IcmpError(error) => Ok(error),
        Decoded::NotTcp(why) => Err(why),
        other => panic!("{other:?}"),
    };
    let v4 = Wire::tcp(&segment());
    let full = v4.icmp_error(3, 4, 1400).ip("192.0.2.1", "10.1.0.2");
    let expected = IcmpError {
        from: "192.0.2.1".parse().unwrap(),
        to: "10.1.0.2".parse().unwrap(),
        icmp_type: 3,
        code: 4,
        mtu: Some(1400),
        src: "10.1.0.2:40422".parse().unwrap(),
        dst: "10.96.0.10:80".parse().unwrap(),
        seq: crate::SeqNumber(7),
    };
    assert_eq!(error(&full, 0), Ok(expected));
    // Eight bytes of TCP are all that RFC 792 asks for; here the router cut, and there the snap length.
    let eight = v4.clone().cut(28).icmp_error(3, 4, 1400).ip("192.0.2.1", "10.1.0.2");
    assert_eq!(error(&eight, 0), Ok(expected));
    assert_eq!(error(&full.clone().cut(56), 200), Ok(expected));
    assert_eq!(error(&full.clone().cut(55), 200), Err(NotTcp::Cut));
    assert_eq!(
        error(&v4.clone().cut(27).icmp_error(3, 4, 0).ip("192.0.2.1", "10.1.0.2"), 0),
        Err(NotTcp::Malformed)
    );
    // Routers older than RFC 1191, and errors that know no MTU.
    let mtu = |kind, code| {
        error(&v4.icmp_error(kind, code, 0).ip("192.0.2.1", "10.1.0.2"), 0).unwrap().mtu
    };
    assert_eq!((mtu(3, 4), mtu(3, 1), mtu(11, 0)), (None, None, None));
    // An echo, and an error about UDP or about a later fragment.
    let other = |wire: Wire| error(&wire.ip("192.0.2.1", "10.1.0.2"), 0);
    assert_eq!(other(v4.icmp_error(8, 0, 0)), Err(NotTcp::OtherProtocol(1)));
    let udp = v4.clone().changed(9, &[17]);
    assert_eq!(other(udp.icmp_error(3, 3, 0)), Err(NotTcp::OtherProtocol(1)));
    let later = v4.lying_fragment(1, 32, false, &[0; 32]);
    assert_eq!(other(later.icmp_error(11, 1, 0)), Err(NotTcp::OtherProtocol(1)));

    let v6 = TcpFrame::new("[2001:db8::2]:40422", "[2001:db8::a]:80").seq(7).payload(PAYLOAD);
    let extended = Wire::tcp(&v6).payload().ipv6_fragment(1, 0, true).extension(60);
    let quoted = extended.ip("2001:db8::2", "2001:db8::a").icmp_error(2, 0, 1280);
    let told = error(&quoted.ip("2001:db8::1", "2001:db8::2"), 0).unwrap();
    assert_eq!((told.mtu, told.src.port, told.seq.0), (Some(1280), 40422, 7));
    assert!(told.src.addr.is_ipv6());
}

#[test]
fn a_walk_takes_sixteen_tags() {
    let tags = |n| (0..n).fold(Wire::tcp(&segment()), |p, _| p.vlan(1)).ethernet().bytes;
    assert_eq!(tcp(LinkType::ETHERNET, &tags(16)).payload, PAYLOAD);
    assert_eq!(why(LinkType::ETHERNET, &tags(17)), NotTcp::Malformed);
}

/// Packets of many kinds, to be damaged.
fn samples() -> Vec<(LinkType, Vec<u8>)> {
    let packet = Wire::tcp(&segment().timestamps(1, 2));
    let v6 = Wire::tcp(&TcpFrame::new("[2001:db8::2]:40422", "[2001:db8::a]:80").payload(PAYLOAD));
    let (a, b) = ("192.0.2.1", "192.0.2.2");
    let len = packet.bytes.len() as u8 + 4;
    vec![
        (LinkType::ETHERNET, packet.ethernet().bytes),
        (LinkType::ETHERNET, v6.vlan(5).ethernet().bytes),
        (LinkType::ETHERNET, packet.snap().ethernet_with_length().bytes),
        (LinkType::ETHERNET, packet.ethernet().mpls(&[1, 2, 3]).ppp().pppoe(7).ethernet().bytes),
        (LinkType::LINUX_SLL, packet.linux_sll().bytes),
        (LinkType::LINUX_SLL2, v6.linux_sll2().bytes),
        (LinkType::RAW, packet.ethernet().vxlan(42).ip(a, b).bytes),
        (LinkType::RAW, v6.geneve(42, &[0; 8]).ip(a, b).bytes),
        (LinkType::RAW, packet.gtp_u(42, Some((0x85, &[1, 0, 0, 0]))).ip(a, b).bytes),
        (LinkType::RAW, packet.ppp().l2tp(7, 8).ip(a, b).bytes),
        (LinkType::RAW, packet.ethernet().erspan(3, 7).ip(a, b).gre(Some(7)).ip(a, b).bytes),
        (LinkType::RAW, v6.payload().extension(60).extension(0).ip("::1", "::2").bytes),
        (LinkType::RAW, v6.payload().ipv6_fragment(1, 8, true).ip("::1", "::2").bytes),
        (LinkType::RAW, packet.icmp_error(3, 4, 1400).ip(a, b).bytes),
        (LinkType::IEEE802_11, packet.snap().wifi(true, true).bytes),
        (LinkType::FRELAY, packet.behind(&[0x18, 0x41, 3, 0xcc], 0, 0).bytes),
        (LinkType::NFLOG, packet.behind(&[2, 0, 0, 0, len, 0, 9, 0], 0, 0).bytes),
    ]
}

/// What is claimed lies within the frame, and the short way leads where the long one does.
fn is_sound(link_type: LinkType, data: &[u8], original_len: u32) {
    let decoded = decode(link_type, data, original_len);
    let len = (original_len as usize).max(data.len());
    match decoded {
        Decoded::Tcp(p) => {
            assert!(
                p.payload.len() <= data.len() && p.payload.len() <= p.segment.payload_len as usize
            );
            assert!(p.segment.payload_len as usize <= len);
        }
        Decoded::Fragment(f) => assert!(f.data.len() <= f.len as usize && f.len as usize <= len),
        _ => {}
    }
    assert_eq!(decoded, walk::frame(link_type, Bytes::new(data, len)));
}

#[test]
fn every_prefix_of_a_frame_is_cut_or_says_the_same() {
    for (link_type, frame) in samples() {
        let whole = decode(link_type, &frame, 0);
        assert!(!matches!(whole, Decoded::NotTcp(_)), "{link_type}: {whole:?}");
        for cut in 0..frame.len() {
            is_sound(link_type, &frame[..cut], frame.len() as u32);
            match (decode(link_type, &frame[..cut], frame.len() as u32), whole) {
                (Decoded::Tcp(part), Decoded::Tcp(whole)) => {
                    let same = |p: &TcpPacket<'_>| {
                        (p.src, p.dst, p.segment.seq, p.segment.payload_len, p.tunnel)
                    };
                    assert_eq!(same(&part), same(&whole));
                }
                (Decoded::Fragment(part), Decoded::Fragment(whole)) => {
                    assert_eq!((part.offset, part.len), (whole.offset, whole.len));
                }
                (Decoded::IcmpError(part), Decoded::IcmpError(whole)) => assert_eq!(part, whole),
                (Decoded::NotTcp(NotTcp::Cut | NotTcp::OtherProtocol(17 | 47)), _) => {}
                other => panic!("{link_type} {cut}: {other:?}"),
            }
        }
    }
}

proptest! {
    /// The hand-written path and etherparse agree on everything both report.
    #[test]
    fn agrees_with_etherparse(
        v6: bool, src: [u8; 16], dst: [u8; 16], ttl: u8, ports: (u16, u16), seq: u32, ack: u32, window: u16,
        flags: u8, option_words in 0usize..=10, payload in prop::collection::vec(any::<u8>(), 0..64), vlan: bool,
    ) {
        let eth = PacketBuilder::ethernet2([1; 6], [2; 6]);
        let mut frame = Vec::new();
        let mut header = etherparse::TcpHeader::new(ports.0, ports.1, seq, window);
        header.acknowledgment_number = ack;
        header.set_options_raw(&vec![1; option_words * 4]).unwrap();
        header.fin = flags & 1 != 0;
        header.syn = flags & 2 != 0;
        header.rst = flags & 4 != 0;
        header.psh = flags & 8 != 0;
        header.ack = flags & 16 != 0;
        header.urg = flags & 32 != 0;
        header.ece = flags & 64 != 0;
        header.cwr = flags & 128 != 0;
        let v4 = |a: [u8; 16]| [a[0], a[1], a[2], a[3]];
        match (vlan, v6) {
            (false, false) => eth.ipv4(v4(src), v4(dst), ttl).tcp_header(header).write(&mut frame, &payload),
            (false, true) => eth.ipv6(src, dst, ttl).tcp_header(header).write(&mut frame, &payload),
            (true, false) => eth.single_vlan(5.try_into().unwrap()).ipv4(v4(src), v4(dst), ttl)
                .tcp_header(header).write(&mut frame, &payload),
            (true, true) => eth.single_vlan(5.try_into().unwrap()).ipv6(src, dst, ttl)
                .tcp_header(header).write(&mut frame, &payload),
        }.unwrap();

        let ours = tcp(LinkType::ETHERNET, &frame);
        let theirs = LaxSlicedPacket::from_ethernet(&frame).unwrap();
        let Some(TransportSlice::Tcp(t)) = theirs.transport.clone() else { panic!() };
        let s = ours.segment;
        match theirs.net.unwrap() {
            etherparse::LaxNetSlice::Ipv4(ip) => {
                prop_assert_eq!(ours.src.addr, ip.header().source_addr());
                prop_assert_eq!(ours.dst.addr, ip.header().destination_addr());
                prop_assert_eq!((s.ttl, s.ip_id), (ip.header().ttl(), ip.header().identification()));
            }
            etherparse::LaxNetSlice::Ipv6(ip) => {
                prop_assert_eq!(ours.src.addr, ip.header().source_addr());
                prop_assert_eq!(ours.dst.addr, ip.header().destination_addr());
                prop_assert_eq!(s.ttl, ip.header().hop_limit());
            }
            other => panic!("{other:?}"),
        }
        prop_assert_eq!((ours.src.port, ours.dst.port), (t.source_port(), t.destination_port()));
        prop_assert_eq!((s.seq.0, s.ack.0), (t.sequence_number(), t.acknowledgment_number()));
        prop_assert_eq!((s.window, s.flags.0), (t.window_size(), flags));
        prop_assert_eq!(ours.payload, t.payload());
    }

    /// Whatever the bytes, decoding returns; and what it returns lies inside them.
    #[test]
    fn any_bytes_decode_without_panic(
        link in 0u16..300, data in prop::collection::vec(any::<u8>(), 0..128), len: u32,
    ) {
        is_sound(LinkType(link), &data, len);
    }

    /// Damaged copies of good packets reach deeper than random bytes do.
    #[test]
    fn damaged_packets_decode_without_panic(
        sample in prop::sample::select(samples()), at: prop::sample::Index, to: u8, cut: prop::sample::Index,
        len in 0u32..300,
    ) {
        let (link_type, mut frame) = sample;
        let at = at.index(frame.len());
        frame[at] = to;
        is_sound(link_type, &frame, len);
        frame.truncate(cut.index(frame.len()));
        is_sound(link_type, &frame, len);
    }
}

/// Found by fuzzing: a pseudowire with a control word that, cut, looked like one without.
#[test]
fn a_cut_pseudowire_is_not_taken_for_another() {
    #[rustfmt::skip]
    let frame = [
        0x00, 0x00, 0x88, 0x47, 0x88, 0x48, 0x21, 0x00, 0x68, 0x0f, 0x00, 0x00, 0x00, 0x88, 0x47, 0x88,
        0x48, 0x21, 0x00, 0x00, 0x81, 0x00, 0x04, 0x00, 0x08, 0x00, 0x45, 0x00, 0x00, 0x30, 0x18, 0xd7,
        0x04, 0x00, 0x40, 0x2f, 0x38, 0xd6, 0x14, 0x00, 0x00, 0x02, 0x00, 0x68, 0x00, 0x2a, 0x0f, 0x00,
        0x88, 0x48, 0x21, 0x00, 0x00, 0x81, 0x00, 0x04, 0x00, 0x69, 0xff, 0x81, 0x87, 0x87, 0x87, 0x87,
        0x87, 0x76, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x87, 0x87, 0x87, 0xd4, 0x87, 0x87, 0x87,
        0x87, 0xdd, 0x00, 0x00, 0x00, 0x87, 0x87, 0x87, 0x87, 0x87, 0x87, 0x87, 0x87, 0x87, 0x87, 0x87,
        0x87, 0x87, 0xff, 0xff, 0x87, 0x87, 0x87, 0x81, 0x87, 0x87, 0x87, 0x81, 0x00, 0x6c, 0x9f, 0x81,
        0x00, 0x00, 0x00, 0x81, 0x00, 0x04, 0x00, 0x05, 0x1c, 0x7f, 0x81, 0x00, 0x6c, 0x9f, 0x81, 0x00,
    ];
    let original_len = frame.len() as u32 + 3840;
    let whole = decode(LinkType(104), &frame, original_len);
    for len in 0..frame.len() {
        let cut = decode(LinkType(104), &frame[..len], original_len);
        assert!(matches!(cut, Decoded::NotTcp(_)) || cut == whole, "{len}: {cut:?}");
    }
}
