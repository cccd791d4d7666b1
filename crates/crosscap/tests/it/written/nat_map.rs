//! The NAT map, and names in it.

use std::fs;

use crosscap::report::KubernetesNames;

use super::*;
use crate::support::{testdata, text};

/// Twenty connections to one Service, which leads them to four backends of its 16 s.
fn balanced() -> Net {
    let mut net = Net::new();
    for i in 0..20u16 {
        let backend = match i {
            0..10 => "10.1.9.7:8080",
            10..14 => "10.1.9.8:8080",
            14..17 => "10.1.9.9:8080",
            _ => "10.1.9.50:8080",
        };
        let client = format!("10.1.0.2:{}", 40_000 + i);
        let isns = [1_234_567 + 7_919 * u32::from(i), 2_345_678_901 + 104_729 * u32::from(i)];
        let start = u64::from(i) * SECOND;
        let mut line = net.open(start, &client, backend, isns);
        net.ask(start + 10 * MILLI, &mut line, 5 * MILLI);
        net.close(start + 100 * MILLI, &mut line);
    }
    net
}

fn cluster() -> KubernetesNames {
    let json = fs::read(testdata().join("k8s/cluster.json")).unwrap();
    KubernetesNames::read(&json[..]).unwrap()
}

/// The lines on NAT, with what belongs to them, behind an empty one.
fn on_nat(report: &Report) -> String {
    let text = text(report);
    let lines = text.lines().skip_while(|l| !l.starts_with("  NAT")).take_while(|l| !l.is_empty());
    lines.fold("\n".into(), |all, line| format!("{all}{line}\n"))
}

#[test]
fn each_backend_of_a_service_has_a_line() {
    let report = balanced().report();
    let expected = "
  NAT     10.96.0.10:80 → 4 backends (20 connections)
            10.1.9.7:8080: 10 connections (50 %), from 22:13:20 to 22:13:29
            10.1.9.8:8080: 4 connections (20 %), from 22:13:30 to 22:13:33
            10.1.9.9:8080: 3 connections (15 %), from 22:13:34 to 22:13:36
            10.1.9.50:8080: 3 connections (15 %), from 22:13:37 to 22:13:39
";
    assert_eq!(on_nat(&report), expected);
    assert!(report.names.is_empty());
    assert!(report.nat.iter().all(|n| n.backend.is_none()));
}

#[test]
fn names_tell_a_wrong_backend_from_right_ones() {
    let mut report = balanced().report();
    let before = report.clone();
    report.add_names(&cluster());
    let expected = "
  NAT     10.96.0.10:80 (svc shop/cart:http) → 4 backends (20 connections)
            10.1.9.7:8080 (pod shop/cart-7c5b9d66f-4kq2m:http): 10 connections (50 %), from 22:13:20 to
            22:13:29
            10.1.9.8:8080 (pod shop/cart-7c5b9d66f-hb8zt:http): 4 connections (20 %), from 22:13:30 to
            22:13:33; not ready when the names were written down
            10.1.9.9:8080 (pod shop/cart-5dd8f4c7b-2l9xn:http): 3 connections (15 %), from 22:13:34 to
            22:13:36; shutting down when the names were written down
            10.1.9.50:8080: 3 connections (15 %), from 22:13:37 to 22:13:39; no endpoint of svc shop/cart:http
            when the names were written down
";
    assert_eq!(on_nat(&report), expected);
    let backends = |r: &Report| -> Vec<_> {
        r.nat.iter().map(|n| (n.after.resp.clone().unwrap(), n.backend.clone())).collect()
    };
    for (backend, state) in [
        ("10.1.9.7:8080", "ready"),
        ("10.1.9.8:8080", "not-ready"),
        ("10.1.9.9:8080", "terminating"),
        ("10.1.9.50:8080", "not-an-endpoint"),
    ] {
        assert!(backends(&report).contains(&(backend.into(), Some(state.into()))), "{backend}");
    }
    let named: Vec<&str> = report.names.keys().map(String::as_str).collect();
    let pods =
        ["10.1.9.7", "10.1.9.7:8080", "10.1.9.8", "10.1.9.8:8080", "10.1.9.9", "10.1.9.9:8080"];
    assert_eq!(named, [&["10.1.0.2"], &pods[..], &["10.96.0.10", "10.96.0.10:80"]].concat());
    // Endpoints stay as they are, and what names were added to is all that changed.
    assert!(report.connections == before.connections && report.findings == before.findings);
    assert!(report.points == before.points && report.nat.len() == before.nat.len());
}

#[test]
fn who_answered_past_the_nat_is_told_where_it_is_no_backend() {
    let hung = |backend: &'static str| {
        let mut net = Net::new();
        let mut hung = net.open(0, "10.1.0.2:40422", backend, [100, 900]);
        net.ask(SECOND, &mut hung, 5 * MILLI);
        net.hang(2 * SECOND, &mut hung, 1_000 * SECOND);
        let mut report = net.report();
        report.add_names(&cluster());
        report
    };
    let wrong = hung("10.1.9.50:8080");
    let [stray] = &wrong.nat_strays[..] else { panic!("{:?}", wrong.nat_strays) };
    assert_eq!((stray.service.as_str(), stray.remote.as_str()), (VIP, "10.1.9.50:8080"));
    assert_eq!((stray.connections, stray.backend.as_deref()), (1, Some("not-an-endpoint")));
    let said = on_nat(&wrong);
    assert!(
        said.contains("untranslated to 10.96.0.10:80 (svc shop/cart:http): 10.1.9.50:8080"),
        "{said}"
    );

    let right = hung(POD);
    assert_eq!(right.nat_strays[0].backend.as_deref(), Some("ready"));
    assert!(!on_nat(&right).contains("untranslated"), "{}", on_nat(&right));
    let names = "
  Names: 10.1.0.2 was pod shop/web-6f7d9c5b8-x2k4q; 10.96.0.10:80 was svc shop/cart:http; 10.1.9.7:8080 was
         pod shop/cart-7c5b9d66f-4kq2m:http when the names were written down.
";
    assert!(text(&right).contains(names), "{}", text(&right));
}

#[test]
fn a_translation_whose_direction_nothing_proves_says_so() {
    let scratch = Scratch::new();
    let client = "10.1.0.2:40422";
    // The same time to live and the same round trip at both points.
    let files = [("one", VIP), ("two", POD)].map(|(name, server)| {
        let mut writer = PcapWriter::new().nanos();
        let segment = |src: &str, dst: &str, flags: &str, seq, ack| {
            TcpFrame::new(src, dst).flags(flags).seq(seq).ack(ack).ip_id(7).ttl(64).ethernet()
        };
        writer.packet(SECOND, &segment(client, server, "S", 70_000, 0));
        writer.packet(2 * SECOND, &segment(server, client, "SA", 900_000, 70_001));
        (name, vec![scratch.put(&format!("{name}.pcap"), &writer.into_bytes())])
    });
    let report = analyse(&files);
    let expected = "
  NAT    10.96.0.10:80 → 10.1.9.7:8080 (1 connection), or the other way round: no packet proves which side is
         the client's
  order  no packet proves whether one and two come in this order (1 connection)
";
    assert_eq!(on_nat(&report), expected);
    assert_eq!((report.nat[0].connections, report.nat[0].ordered), (1, 0));
    // Without a way there is no bound for the clock of the second point, but the first is the reference.
    assert!(report.nat[0].seen.first_ref_ns.is_some());
}

#[test]
fn clients_behind_masquerade_are_a_pool() {
    let [mut inside, mut outside] = [(); 2].map(|()| PcapWriter::new().nanos());
    let server = "203.0.113.9:443";
    for i in 0..12u16 {
        let nanos = (1_700_000_000 + u64::from(i)) * SECOND;
        let client = format!("10.1.0.2:{}", 40_000 + i);
        let masked = format!("192.0.2.{}:{}", 1 + i % 5, 1_024 + i);
        let isns = [1_234_567 + 7_919 * u32::from(i), 2_345_678_901 + 104_729 * u32::from(i)];
        let segment = |src: &str, dst: &str, flags: &str, seq, ack, ttl| {
            TcpFrame::new(src, dst).flags(flags).seq(seq).ack(ack).ip_id(i + 1).ttl(ttl).ethernet()
        };
        inside.packet(nanos, &segment(&client, server, "S", isns[0], 0, 64));
        outside.packet(nanos + 50_000, &segment(&masked, server, "S", isns[0], 0, 63));
        outside.packet(nanos + MILLI, &segment(server, &masked, "SA", isns[1], isns[0] + 1, 64));
        inside.packet(
            nanos + MILLI + 50_000,
            &segment(server, &client, "SA", isns[1], isns[0] + 1, 63),
        );
    }
    let scratch = Scratch::new();
    let files = [("inside", inside), ("outside", outside)]
        .map(|(name, w)| (name, vec![scratch.put(&format!("{name}.pcap"), &w.into_bytes())]));
    let report = analyse(&files);
    let expected = "
  NAT      clients of 203.0.113.9:443 seen as 192.0.2.1, 192.0.2.2, 192.0.2.3 and 2 more addresses, ports
           changed (12 connections)
";
    assert_eq!(on_nat(&report), expected);
    let sources = report.nat[0].sources.as_ref().unwrap();
    assert_eq!(sources.pool.iter().map(|p| p.connections).collect::<Vec<_>>(), [3, 3, 2, 2, 2]);
    assert_eq!((sources.ports.as_str(), sources.ports_changed), ("never", 12));
}
