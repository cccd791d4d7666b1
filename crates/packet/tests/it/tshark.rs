//! Every link type, tunnel and extension header, once as we read it and once as tshark does: skipped where there is
//! none.

use std::process::Command;

use crosscap_packet::{Decoded, Decoder, LinkType, Timestamp};
use crosscap_testkit::{InterfaceBlock, PcapNgWriter, TcpFrame, Wire};

/// What is compared: source, ports, sequence number and length of the innermost segment.
type Seen = (String, u16, u16, u32, Option<u32>);

#[test]
fn innermost_segments_are_those_of_tshark() {
    let frames = frames();
    let ours = ours(&frames);
    for (frame, seen) in frames.iter().zip(&ours) {
        assert_eq!(seen.is_some(), frame.shows_tcp, "{}: {seen:?}", frame.name);
    }
    let Some(theirs) = theirs(&frames, &ours) else { return };
    assert_eq!(theirs.len(), frames.len());
    let differ = |i: &usize| ours[*i] != theirs[*i];
    let differences: Vec<String> = (0..frames.len())
        .filter(differ)
        .map(|i| format!("{}: {:?}, tshark {:?}", frames[i].name, ours[i], theirs[i]))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

struct Frame {
    name: String,
    link_type: LinkType,
    bytes: Vec<u8>,
    /// Whether a segment is to be seen: all fragments but the last show none.
    shows_tcp: bool,
}

/// One frame of each kind, each with a sequence number of its own.
fn frames() -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut add = |name: &str, link_type: LinkType, wire: &dyn Fn(&Wire) -> Vec<Wire>| {
        for (family, src, dst) in [
            ("IPv4", "10.1.0.2:40422", "10.96.0.10:80"),
            ("IPv6", "[2001:db8::2]:40422", "[2001:db8::a]:80"),
        ] {
            let segment = TcpFrame::new(src, dst).seq(frames.len() as u32 + 1).ack(9).mss(1460);
            let all = wire(&Wire::tcp(&segment.payload_len(64)));
            let count = all.len();
            frames.extend(all.into_iter().enumerate().map(|(i, wire)| Frame {
                name: format!("{name} {family} {i}"),
                link_type,
                bytes: wire.bytes,
                shows_tcp: i + 1 == count,
            }));
        }
    };
    links(&mut add);
    tunnels(&mut add);
    pieces(&mut add);
    frames
}

type Add<'a> = dyn FnMut(&str, LinkType, &dyn Fn(&Wire) -> Vec<Wire>) + 'a;

fn is_v4(p: &Wire) -> bool {
    p.ether_type == 0x0800
}

fn links(add: &mut Add<'_>) {
    let mut one = |name: &str, link_type, wire: &dyn Fn(&Wire) -> Wire| {
        add(name, link_type, &|p| vec![wire(p)]);
    };
    let family = |p: &Wire, v6: u8| if is_v4(p) { 2 } else { v6 };
    one("Ethernet", LinkType::ETHERNET, &|p| p.ethernet());
    one("VLAN", LinkType::ETHERNET, &|p| p.vlan(5).ethernet());
    one("QinQ", LinkType::ETHERNET, &|p| p.vlan(5).tag(0x88a8, &[0, 6]).ethernet());
    one("three tags", LinkType::ETHERNET, &|p| p.vlan(5).vlan(6).tag(0x9100, &[0, 7]).ethernet());
    one("802.1ah", LinkType::ETHERNET, &|p| {
        p.ethernet().behind(&[0, 0, 0, 9], 0x88e7, 0).ethernet()
    });
    one("VN-tag", LinkType::ETHERNET, &|p| p.tag(0x8926, &[0, 0, 0, 1]).ethernet());
    one("802.3", LinkType::ETHERNET, &|p| p.snap().ethernet_with_length());
    one("MPLS", LinkType::ETHERNET, &|p| p.mpls(&[16]).ethernet());
    one("two labels", LinkType::ETHERNET, &|p| p.mpls(&[16, 17]).vlan(5).ethernet());
    one("pseudowire", LinkType::ETHERNET, &|p| {
        p.ethernet().behind(&[0; 4], 0, 0).mpls(&[16, PSEUDOWIRE]).ethernet()
    });
    one("PPPoE", LinkType::ETHERNET, &|p| p.ppp().pppoe(7).ethernet());
    one("raw", LinkType::RAW, &|p| p.clone());
    one("raw BSD", LinkType::RAW_BSD, &|p| p.clone());
    one("null", LinkType::NULL, &|p| p.behind(&[family(p, 30), 0, 0, 0], 0, 0));
    one("null, big-endian", LinkType::NULL, &|p| p.behind(&[0, 0, 0, family(p, 24)], 0, 0));
    one("loop", LinkType::LOOP, &|p| p.behind(&[0, 0, 0, family(p, 24)], 0, 0));
    one("SLL", LinkType::LINUX_SLL, &|p| p.linux_sll());
    one("SLL with VLAN", LinkType::LINUX_SLL, &|p| p.vlan(5).linux_sll());
    one("SLL2", LinkType::LINUX_SLL2, &|p| p.linux_sll2());
    one("SLL2 with VLAN", LinkType::LINUX_SLL2, &|p| p.vlan(5).linux_sll2());
    one("SLL with 802.2", LinkType::LINUX_SLL, &|p| Wire { ether_type: 4, ..p.snap() }.linux_sll());
    one("PPP", LinkType::PPP, &|p| p.ppp());
    one("PPP of HDLC", LinkType::PPP_HDLC, &|p| p.ppp().behind(&[0xff, 3], 0, 0));
    one("PPPoE alone", LinkType::PPP_ETHER, &|p| p.ppp().pppoe(7));
    one("PPP with direction", LinkType::PPP_WITH_DIR, &|p| p.ppp().behind(&[0, 0xff, 3], 0, 0));
    one("Cisco HDLC", LinkType::C_HDLC, &|p| p.announced().behind(&[0x0f, 0], 0, 0));
    one("frame relay", LinkType::FRELAY, &|p| {
        p.behind(&[0x18, 0x41, 3, if is_v4(p) { 0xcc } else { 0x8e }], 0, 0)
    });
    one("frame relay with SNAP", LinkType::FRELAY, &|p| {
        p.announced().behind(&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0], 0, 0)
    });
    one("frame relay of Cisco", LinkType::FRELAY, &|p| p.announced().behind(&[0x18, 0x41], 0, 0));
    one("ATM", LinkType::ATM_RFC1483, &|p| p.snap());
    one("FDDI", LinkType::FDDI, &|p| {
        p.snap().behind(&[0x50, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], 0, 0)
    });
    one("enc", LinkType::ENC, &|p| {
        p.behind(&[family(p, 24), 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], 0, 0)
    });
    one("pflog", LinkType::PFLOG, &|p| {
        let mut header = [0; 64];
        header[..2].copy_from_slice(&[61, family(p, 24)]);
        p.behind(&header, 0, 0)
    });
    one("nflog", LinkType::NFLOG, &|p| {
        let [low, high] = (p.bytes.len() as u16 + 4).to_le_bytes();
        let prefix = [family(p, 10), 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, low, high, 9, 0];
        p.behind(&prefix, 0, 0)
    });
    one("Wi-Fi", LinkType::IEEE802_11, &|p| p.snap().wifi(false, false));
    one("Wi-Fi with QoS", LinkType::IEEE802_11, &|p| p.snap().wifi(true, false));
    one("Wi-Fi bridge", LinkType::IEEE802_11, &|p| p.snap().wifi(true, true));
    one("radiotap", LinkType::IEEE802_11_RADIOTAP, &|p| {
        p.snap().wifi(true, false).behind(&[0, 0, 8, 0, 0, 0, 0, 0], 0, 0)
    });
    one("radiotap with padding", LinkType::IEEE802_11_RADIOTAP, &|p| {
        let mut frame = p.snap().wifi(true, false);
        frame.bytes.splice(26..26, [0, 0]);
        frame.behind(&[0, 0, 9, 0, 2, 0, 0, 0, 0x20], 0, 0)
    });
    one("AVS", LinkType::IEEE802_11_AVS, &|p| {
        let mut header = [0; 64];
        header[..8].copy_from_slice(&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64]);
        p.snap().wifi(false, false).behind(&header, 0, 0)
    });
    one("PPI", LinkType::PPI, &|p| {
        p.snap().wifi(false, false).behind(&[0, 0, 8, 0, 105, 0, 0, 0], 0, 0)
    });
}

fn tunnels(add: &mut Add<'_>) {
    let mut one = |name: &str, wire: &dyn Fn(&Wire) -> Wire| {
        add(name, LinkType::ETHERNET, &|p| vec![wire(p).ip("192.0.2.1", "192.0.2.2").ethernet()]);
        let over_v6 = format!("{name} over IPv6");
        add(&over_v6, LinkType::ETHERNET, &|p| {
            vec![wire(p).ip("2001:db8:1::1", "2001:db8:1::2").ethernet()]
        });
    };
    one("IP in IP", &|p| p.clone());
    one("GRE", &|p| p.gre(None));
    one("GRE with all fields", &|p| p.gre(Some(7)));
    one("GRE with Ethernet", &|p| p.vlan(5).ethernet().gre(Some(7)));
    one("GRE with MPLS", &|p| p.mpls(&[16]).gre(None));
    one("PPTP", &|p| p.ppp().pptp(7));
    one("ERSPAN I", &|p| p.ethernet().erspan(1, 7));
    one("ERSPAN II", &|p| p.ethernet().erspan(2, 7));
    one("ERSPAN III", &|p| p.ethernet().erspan(3, 7));
    one("VXLAN", &|p| p.ethernet().vxlan(42));
    one("VXLAN of Linux", &|p| p.ethernet().vxlan(42).changed(2, &8472_u16.to_be_bytes()));
    one("VXLAN with a group", &|p| p.ethernet().vxlan(42).changed(8, &[0x88, 0, 0, 5]));
    one("VXLAN GPE", &|p| p.vxlan_gpe(42));
    one("VXLAN GPE with Ethernet", &|p| p.ethernet().vxlan_gpe(42));
    one("Geneve", &|p| p.geneve(42, &[]));
    one("Geneve with options", &|p| p.ethernet().geneve(42, &[1, 2, 3, 1, 0, 0, 0, 0]));
    one("GTP-U", &|p| p.gtp_u(42, None));
    one("GTP-U with extensions", &|p| p.gtp_u(42, Some((0x85, &[1, 0, 0, 0x85, 1, 0, 0, 0]))));
    one("L2TP", &|p| p.ppp().behind(&[0xff, 3], 0, 0).l2tp(7, 8));
    one("AH", &|p| Wire { protocol: p.payload().protocol, ..p.payload() }.authentication());
    one("three tunnels", &|p| {
        let vxlan = p.ethernet().vxlan(42).ip("192.0.2.3", "192.0.2.4");
        vxlan.gre(None).ip("192.0.2.5", "192.0.2.6").gtp_u(42, None)
    });
}

fn pieces(add: &mut Add<'_>) {
    add("extension headers", LinkType::ETHERNET, &|p| {
        let extended = p.payload().extension(60).extension(43).extension(0);
        vec![extended.ip("2001:db8:1::1", "2001:db8:1::2").ethernet()]
    });
    add("atomic fragment", LinkType::RAW, &|p| {
        vec![p.payload().ipv6_fragment(9, 0, false).ip("2001:db8:1::1", "2001:db8:1::2")]
    });
    add("fragments", LinkType::RAW, &|p| p.fragments(9, 32));
    add("fragments of fragments", LinkType::RAW, &|p| {
        let inner = p.fragments(10, 48).into_iter();
        let outer = inner.zip(20..).map(|(f, id)| f.ip("192.0.2.1", "192.0.2.2").fragments(id, 32));
        outer.flatten().collect()
    });
    add("fragments of a tunnel", LinkType::ETHERNET, &|p| {
        let tunnel = p.ethernet().vxlan(42).ip("192.0.2.1", "192.0.2.2");
        tunnel.fragments(11, 64).iter().rev().map(Wire::ethernet).collect()
    });
    add("unreachable", LinkType::RAW, &|p| {
        let (src, dst) =
            if is_v4(p) { ("192.0.2.1", "10.1.0.2") } else { ("2001:db8:1::1", "2001:db8::2") };
        let (kind, code) = if is_v4(p) { (3, 4) } else { (2, 0) };
        vec![p.icmp_error(kind, code, 1400).ip(src, dst)]
    });
}

fn ours(frames: &[Frame]) -> Vec<Option<Seen>> {
    let mut decoder = Decoder::new();
    let see = |f: &Frame| match decoder.decode(f.link_type, &f.bytes, 0, Timestamp(0)) {
        Decoded::Tcp(p) => {
            let s = p.segment;
            Some((p.src.addr.to_string(), p.src.port, p.dst.port, s.seq.0, Some(s.payload_len)))
        }
        Decoded::IcmpError(e) => {
            Some((e.src.addr.to_string(), e.src.port, e.dst.port, e.seq.0, None))
        }
        _ => None,
    };
    frames.iter().map(see).collect()
}

/// What tshark sees; addresses of the family that we saw.
fn theirs(frames: &[Frame], ours: &[Option<Seen>]) -> Option<Vec<Option<Seen>>> {
    let mut writer = PcapNgWriter::new();
    for frame in frames {
        writer.interface(&InterfaceBlock::new().link_type(frame.link_type.0));
    }
    for (i, frame) in frames.iter().enumerate() {
        writer.packet(i as u32, i as u64, &frame.bytes);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), writer.into_bytes()).unwrap();
    let fields =
        ["ip.src", "ipv6.src", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.seq", "tcp.len"];
    let asked = Command::new("tshark")
        .args(["-n", "-T", "fields", "-E", "occurrence=l", "-d", "udp.port==8472,vxlan"])
        .args(["-d", &format!("mpls.label=={PSEUDOWIRE},pwethcw"), "-r"])
        .arg(file.path())
        .args(fields.iter().flat_map(|f| ["-e", f]))
        .output();
    let Ok(asked) = asked else {
        println!("note: no tshark here, so it was not asked");
        return None;
    };
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let text = String::from_utf8(asked.stdout).unwrap();
    let see = |(line, ours): (&str, &Option<Seen>)| {
        let [v4, v6, src, dst, raw_seq, seq, len] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let is_v6 = ours.as_ref().is_some_and(|s| s.0.contains(':'));
        let addr = if is_v6 { v6 } else { v4 };
        let quoted = ours.as_ref().is_some_and(|s| s.4.is_none());
        // In quotes without a stream there is nothing to be relative to.
        let seq = if raw_seq.is_empty() { seq } else { raw_seq };
        let len = if quoted { None } else { len.parse().ok() };
        Some((addr.to_owned(), src.parse().ok()?, dst.parse().ok()?, seq.parse().ok()?, len))
    };
    Some(text.lines().zip(ours).map(see).collect())
}

/// The label by which tshark is told of the pseudowire.
const PSEUDOWIRE: u32 = 18;
