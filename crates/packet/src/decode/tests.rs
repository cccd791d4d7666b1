//! The decoder against hand-made frames and against etherparse.

use etherparse::{LaxSlicedPacket, PacketBuilder, TransportSlice};
use proptest::prelude::*;

use super::*;
use crate::{TcpFlags, TcpTimestamps};

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
    fn any_bytes_decode_without_panic(link in 0u16..300, data in prop::collection::vec(any::<u8>(), 0..128), len: u32) {
        if let Decoded::Tcp(packet) = decode(LinkType(link), &data, len) {
            prop_assert!(packet.payload.len() <= data.len());
            prop_assert!(packet.payload.len() <= packet.segment.payload_len as usize);
        }
    }

    /// Damaged copies of a good packet reach deeper than random bytes do.
    #[test]
    fn damaged_packets_decode_without_panic(at in 0usize..70, to: u8, cut in 0usize..70, len in 0u32..200) {
        let mut ip = ipv4_tcp();
        let at = at % ip.len();
        ip[at] = to;
        ip.truncate(cut.max(1));
        let _ = decode(LinkType::RAW, &ip, len);
    }
}
