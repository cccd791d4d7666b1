//! The report for people: what it says of each scenario, word by word.

use crosscap::report::{Report, TextStyle, write_text};
use crosscap_testkit::{Capture, PcapWriter};

use crate::support::{
    Scratch, analyse, analyse_changed, analyse_scenario, capture, captures, text,
};

/// The section of a text report that begins with this line, up to the next empty one.
fn section(text: &str, head: &str) -> String {
    let lines = text.lines().skip_while(|l| *l != head).take_while(|l| !l.is_empty());
    lines.fold("\n".into(), |all, line| format!("{all}{line}\n"))
}

#[test]
fn what_happened_between_the_points_is_a_table() {
    let told = text(&analyse_scenario("loss", &["client", "pod"]));
    let expected = "
Between the points
                                               packets   bytes  connections  frames
  lost                           client → pod       12   2,356           12  client #36 #126 #478 …
  no data, lost or not captured  client → pod       15       0           13  client #32 #74 #121 …
  lost                           pod → client       33  22,298           25  pod #50 #56 #67 …
  no data, lost or not captured  pod → client        9       0            8  pod #334 #567 #866 …
    client → pod: the fastest packet took 0 to 11 µs, the slowest 4.04 ms to 4.06 ms; time to live falls by 1
    (24 connections)
    pod → client: the fastest packet took 0 to 9 µs, the slowest 4.05 ms to 4.07 ms; time to live falls by 1
    (30 connections)
";
    assert_eq!(section(&told, "Between the points"), expected);
}

#[test]
fn losses_that_a_finding_explains_point_to_it() {
    let told = text(&analyse_scenario("silent-drop", &["client", "node", "pod"]));
    let expected = "
Between the points
                                packets   bytes  connections  frames
  lost  within node, to server       30  29,850            4  node #3755 #3756 #3802 …; see idle-silent-drop
    within node, to server: the fastest packet took 2 µs, the slowest 37 µs; time to live falls by 1 (4
    connections)
    within node, to server: 2 packets not compared: one of the captures may not have been running
";
    assert_eq!(section(&told, "Between the points"), expected);
}

#[test]
fn changed_handshakes_and_packets_out_of_order_are_told() {
    let told = text(&analyse_scenario("meddling", &["client", "pod"]));
    for line in [
        "  changed                       pod → client       30  32,953           19  pod #18 #40 #155 …",
        "  out of order                  client → pod       36       0           23  pod #63 #175 #186 …",
        "    client → pod: maximum segment size 1,460 became 1,360 in the handshake of 110 connections",
    ] {
        assert!(told.lines().any(|l| l == line), "{told}");
    }
}

#[test]
fn nothing_is_said_of_points_between_which_nothing_happened() {
    assert!(!text(&analyse_scenario("ipv6", &["client", "pod"])).contains("Between the points"));
}

/// The lines on a point: the one that begins with its name, and those that continue it.
fn on_point(text: &str, point: &str) -> String {
    let first = format!("  {point} ");
    let mut lines = text.lines().skip_while(|l| !l.starts_with(&first));
    let head = lines.next().unwrap();
    let more = lines.take_while(|l| l.starts_with("      "));
    more.fold(format!("\n{head}\n"), |all, line| format!("{all}{line}\n"))
}

#[test]
fn a_clock_that_was_set_is_told_with_when_and_by_how_much() {
    let told = text(&analyse_scenario("clock-step", &["client", "pod"]));
    let expected = "
  pod     pod.pcap.gz, 1,641 packets, 2024-06-01 08:59:57 to 09:00:06 UTC; server side, its clock is
          2.300000 s behind client's at 09:00:04 (± 8 µs)
          clock: was set forward by 0.799998 s (± 21 µs) between 09:00:04.973 and 09:00:05.084 by client's
          clock
";
    assert_eq!(on_point(&told, "pod"), expected);
}

#[test]
fn a_clock_that_gains_is_told_with_how_much() {
    let told = text(&analyse_scenario("clock-drift", &["client", "pod"]));
    let expected = "
  pod     pod.pcap.gz, 1,563 packets, 2024-06-02 09:00:00 to 09:00:38 UTC; server side, its clock is
          0.150414 s ahead of client's at 09:00:08 (± 8 µs)
          clock: gains 49.4 to 50.5 ppm on client's, 4.27 to 4.37 s a day
";
    assert_eq!(on_point(&told, "pod"), expected);
}

#[test]
fn addresses_that_stay_the_same_are_no_translation() {
    let told = text(&analyse_scenario("tcp-proxy", &["client", "proxy", "pod"]));
    let line = "
  NAT     none on the way to 10.1.0.1:80 (70 connections), 10.1.9.7:8080 (70 connections)
";
    assert!(told.contains(line), "{told}");
}

/// The lines with one of these labels, with those that continue them.
fn labelled(text: &str, labels: &[&str]) -> String {
    let mut told = String::from("\n");
    let mut on = false;
    for line in text.lines().take_while(|l| *l != "Between the points") {
        let label = line.split_whitespace().next().unwrap_or_default();
        let begins = line.starts_with("  ") && !line.starts_with("   ");
        on = if begins { labels.contains(&label) } else { on && line.starts_with("      ") };
        if on {
            told = format!("{told}{line}\n");
        }
    }
    told
}

#[test]
fn a_proxy_is_told_with_where_its_connections_go_on() {
    let told = text(&analyse_scenario("tcp-proxy", &["client", "proxy", "pod"]));
    let expected = "
  proxy   proxy.pcap.gz, 2,085 packets, 2024-06-08 09:00:00 to 09:00:04 UTC; in between, its clock is
          0.005500 s ahead of client's (± 4 µs)
          5 frames are earlier than the one before them, the first of them frame 932
  proxy   connections to 10.1.0.1:80 end at proxy and go on from 10.1.9.1 to 10.1.9.7:8080, byte by byte (70
          connections)
";
    assert_eq!(labelled(&told, &["proxy", "match"]), expected);
}

#[test]
fn a_proxy_that_says_whose_connections_it_carries_on_shifts_no_numbers() {
    let mut report = analyse_scenario("tcp-proxy", &["client", "proxy", "pod"]);
    for connection in &mut report.connections {
        connection.matched.tier = "proxy-header".into();
    }
    let told = text(&report);
    assert!(
        told.contains(" to 10.1.9.7:8080, as the proxy's\n          header says (70 connections)"),
        "{told}"
    );
    assert!(!told.contains("\n  ISNs "), "{told}");
}

#[test]
fn what_a_proxy_may_have_made_of_a_connection_is_told_with_how_probable_it_is() {
    let mut report = analyse_scenario("http-proxy", &["client", "pod", "proxy"]);
    let expected = "
  proxy   proxy.pcap.gz, 1,369 packets, 2024-06-09 09:00:00 to 09:00:04 UTC; its clock is 0.005500 s behind
          client's (± 4 µs)
  proxy   69 connections to 10.1.0.1:80 may go on as 19 to 10.1.9.7:8080 (by when they began and how much was
          sent); no packet proves which as which. Most probable: 10.1.0.2:33514>10.1.0.1:80 and
          10.1.9.1:59330>10.1.9.7:8080 (40 %)
";
    assert_eq!(labelled(&text(&report), &["proxy", "match"]), expected);

    // Nothing is wrong with these; a finding about one of them would say where to look on.
    let finding = serde_json::json!({
        "id": "slow-server", "severity": "degraded", "verdict": "likely", "title": "It took long",
        "connections": ["10.1.0.2:33514>10.1.0.1:80"], "hung_side": "none", "span_ns": [], "facts": [],
        "rivals": [], "would_decide": [], "advice": [],
    });
    report.findings.push(serde_json::from_value(finding).unwrap());
    let line = "  On the other side of a proxy it may be 10.1.9.1:59330>10.1.9.7:8080 (40 %)";
    assert!(text(&report).contains(line), "{}", text(&report));

    // Candidates by their numbers say nothing of a proxy.
    for connection in &mut report.connections {
        for candidate in &mut connection.matched.candidates {
            candidate.tier = "seq-range".into();
        }
    }
    let told = text(&report);
    assert!(
        told.contains("  At another point it may be 10.1.9.1:59330>10.1.9.7:8080 (40 %)"),
        "{told}"
    );
    assert!(
        told.contains("  match   69 connections to 10.1.0.1:80 may be the same as 19 to "),
        "{told}"
    );
    assert!(!told.contains("may go on as"), "{told}");
}

#[test]
fn shifted_sequence_numbers_are_told_with_an_example() {
    let told = text(&analyse_scenario("synproxy", &["client", "node", "pod"]));
    let expected = "
  ISNs    a device between node and pod gives the server other sequence numbers, as a SYN proxy does (80
          connections; in 10.1.0.2:34914>10.96.0.10:80 3981041292 at node is 3301676691 at pod)
  order   no packet proves whether node and pod come in this order (2 connections)
";
    assert_eq!(labelled(&told, &["ISNs", "order", "match"]), expected);
    let told = text(&analyse_scenario("isn-rewrite", &["client", "node", "pod"]));
    let line = "a device between node and pod gives both ends other sequence numbers, as firewalls do that draw";
    assert!(told.contains(line), "{told}");
}

#[test]
fn weaker_matches_and_an_order_that_is_not_proven_are_told() {
    let told = text(&analyse_scenario("one-way", &["client", "to-pod", "from-pod"]));
    let expected = "
  match     100 by the server's initial sequence number
  order     no packet proves whether from-pod and to-pod come in this order (100 connections)
";
    assert_eq!(labelled(&told, &["match", "order"]), expected);
    assert_eq!(
        labelled(&text(&analyse_scenario("ipv6", &["client", "pod"])), &["match", "order"]),
        "\n"
    );
}

#[test]
fn connections_that_only_one_point_saw_are_counted_and_placed_in_time() {
    let told = text(&analyse_scenario("partly", &["client", "pod"]));
    let line =
        "          30 connections seen only here, none of them while another capture was running\n";
    assert_eq!(told.matches(line).count(), 2, "{told}");
    // The third pod served the others.
    let told = text(&analyse_scenario("three-pods", &["client", "pod-1", "pod-2"]));
    let expected = "
  client  client.pcap.gz, 1,892 packets, 2024-05-23 09:00:00 to 09:00:06 UTC; client side, reference clock
          51 connections seen only here, 48 of them while another capture was running, the first of them
          10.1.0.2:38889>10.96.0.10:80
";
    assert_eq!(on_point(&told, "client"), expected);
}

/// The client of one scenario and the pod of another: what the report says of them.
fn strangers(client: &str, pod: &str) -> String {
    let report =
        analyse(&[("client", vec![capture(client, "client")]), ("pod", vec![capture(pod, "pod")])]);
    section(&text(&report), "No connection was found at more than one point")
}

#[test]
fn captures_of_different_days_are_told_not_to_overlap() {
    let expected = "
No connection was found at more than one point
  - By their own clocks they do not overlap: client ends 2024-05-24 09:00:09 UTC, pod begins 2024-06-07
    09:00:00 UTC, 1,209,591 s (13 days 23 h) later. If the clocks are right, only a connection that lived
    longer than that can be in both.
  To do: Capture at all points at the same time, longer than a connection lives, whole headers at least
  (tcpdump -s 128), and with no filter on an address that NAT changes.
";
    assert_eq!(strangers("loss", "delay"), expected);
}

#[test]
fn captures_of_other_hosts_and_of_one_side_of_a_proxy_are_told_to_have_no_address_in_common() {
    let other = strangers("loss", "ipv6");
    assert!(
        other.contains("pod and client have no address in common: captures of other traffic"),
        "{other}"
    );
    let proxied = strangers("http-proxy", "http-proxy");
    assert!(proxied.contains("NAT or a proxy changed both ends"), "{proxied}");
}

/// The client's port in an Ethernet frame with IPv4 and TCP.
fn client_port(frame: &[u8]) -> u16 {
    let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    port(34).max(port(36))
}

#[test]
fn hosts_in_common_without_equal_numbers_are_told() {
    // The same hosts at the same time: each capture has other connections of theirs.
    let of_ports = |capture: Capture, odd: bool| {
        let kept = capture.records.clone();
        capture.filtered(|i| client_port(&kept[i].data) % 2 == u16::from(odd))
    };
    let [client, pod] = captures("loss");
    let told = text(&analyse_changed(&of_ports(client, false), &of_ports(pod, true)));
    let line = "  - Connections of 10.1.0.2 are in both, and no two have the same sequence numbers: a proxy or a";
    assert!(told.contains(line), "{told}");
}

#[test]
fn an_empty_capture_is_told_to_be_empty() {
    let scratch = Scratch::new();
    let empty = scratch.put("pod.pcap", &PcapWriter::new().into_bytes());
    let report = analyse(&[("client", vec![capture("loss", "client")]), ("pod", vec![empty])]);
    let told = text(&report);
    assert!(told.contains("  - pod has no TCP connections: it holds no packets\n"), "{told}");
}

#[test]
fn one_point_alone_is_told_what_a_second_would_show() {
    let told = text(&analyse_scenario("loss", &["client"]));
    assert!(told.lines().next().unwrap().ends_with(": 100 connections at 1 point"), "{told}");
    let line = "One point alone. A second capture, taken at the same time nearer the other end, would show where";
    assert!(told.contains(line), "{told}");
}

#[test]
fn a_packet_that_was_forwarded_unchanged_has_one_row() {
    let told = text(&analyse_scenario("invalid", &["client", "node", "pod"]));
    let rows = "
    09:00:02.146032   ←  1,207 bytes  #668    #1335 #1336 09:00:02.986035  #668 08:59:56.896032
                         untranslated, from 10.1.9.7:8080
    09:00:02.146058   →  RST          #669    #1337 #1338 09:00:02.986059  #669 08:59:56.896068
                         untranslated, to 10.1.9.7:8080
";
    assert!(told.contains(rows), "{told}");
}

/// The report in colours, which are taken out again.
fn without_colours(report: &Report) -> String {
    let mut coloured = Vec::new();
    write_text(report, TextStyle::with_color(true), &mut coloured).unwrap();
    let coloured = String::from_utf8(coloured).unwrap();
    let mut pieces = coloured.split('\u{1b}');
    let plain = pieces.next().unwrap().to_owned();
    pieces.fold(plain, |all, piece| all + piece.split_once('m').unwrap().1)
}

#[test]
fn no_line_but_a_filter_to_be_copied_is_wider_than_the_page() {
    for (scenario, points) in [
        ("client-speaks-first", ["client", "node", "pod"]),
        ("ipv6", ["client", "node", "pod"]),
        ("nat64", ["client", "pod", "pod"]),
        ("vxlan", ["client", "card", "node"]),
        ("half-closed", ["client", "pod", "pod"]),
    ] {
        let mut points = points.to_vec();
        points.dedup();
        let report = analyse_scenario(scenario, &points);
        let told = text(&report);
        assert_eq!(without_colours(&report), told);
        for line in told.lines().filter(|l| !l.contains("frame.number in")) {
            assert!(line.chars().count() <= 110, "{scenario}: {line}");
        }
    }
}

#[test]
fn packets_that_came_again_are_not_said_to_be_the_captures_doing() {
    let told = text(&analyse_scenario("node-any", &["client", "node"]));
    let line = "          1,654 packets seen again within 10 ms: captured twice, or sent twice\n";
    assert!(told.contains(line), "{told}");
}

#[test]
fn what_was_found_stands_first() {
    let told = text(&analyse_scenario("half-closed", &["client", "pod"]));
    let expected = "
  BROKEN    nat-expired-half-closed   4  connections to 10.96.0.10:80, confirmed
  DEGRADED  slow-server              16  connections to 10.96.0.10:80, confirmed

  client ";
    let head = told.lines().next().unwrap();
    assert!(told.starts_with(&format!("{head}\n{expected}")), "{told}");
    // One finding is its own summary.
    let told = text(&analyse_scenario("slow-server", &["client", "pod"]));
    assert_eq!(told.matches("slow-server ").count(), 1, "{told}");
}

#[test]
fn a_packet_that_proves_is_in_the_timeline() {
    let report = analyse_scenario("meddling", &["client", "pod"]);
    for finding in &report.findings {
        let shown = &finding.connections[0];
        let timeline = report.timelines.iter().find(|t| t.connection == *shown).unwrap();
        let seen: Vec<_> = timeline.rows.iter().flat_map(|r| &r.seen).collect();
        for fact in finding.facts.iter().filter(|f| f.connection == *shown) {
            for frame in [fact.frames.first(), fact.frames.last()].into_iter().flatten() {
                let there = seen.iter().any(|s| s.point == fact.point && s.frame == *frame);
                assert!(there, "{}: #{frame}", fact.text);
            }
        }
    }
}

#[test]
fn syns_without_an_answer_are_told_where_no_finding_explains_them() {
    let mut report = analyse_scenario("port-reuse", &["client", "pod"]);
    assert!(!text(&report).contains("Not explained"));
    for connection in report.connections.iter_mut().take(2) {
        for leg in &mut connection.legs {
            (leg.conn_state, leg.resp_packets, leg.orig_bytes) = ("S0".into(), 0, 0);
        }
    }
    let first = report.connections[0].id.clone();
    let told = text(&report);
    let line = format!(
        "Not explained: 2 connections without an answer to the SYN, the first of them {first}."
    );
    assert!(told.replace('\n', " ").contains(&line), "{told}");
}
