//! Faults whose proof lies in what one point shows and the other does not.

use super::*;

const CLIENT: &str = "10.1.0.2:40422";

/// A network with other connections that go well, all the time.
fn busy_net(until: u64) -> Net {
    let mut net = Net::new();
    for second in 0..until {
        let client = format!("10.1.0.2:{}", 50_000 + second);
        let isns = [77_000_000 + 65_537 * second as u32, 3_000_000_000 + 131_071 * second as u32];
        let mut line = net.open(second * SECOND + 400 * MILLI, &client, POD, isns);
        net.ask(second * SECOND + 410 * MILLI, &mut line, 5 * MILLI);
        net.close(second * SECOND + 430 * MILLI, &mut line);
    }
    net
}

/// What is told of the connection under test; its packets are in order of time after sorting.
fn told_of<'a>(report: &'a Report, client: &str) -> Vec<(&'a str, &'a str, &'a str, &'a str)> {
    let mine = |ids: &[String]| ids.iter().any(|id| id.starts_with(&format!("{client}>")));
    let found = report.findings.iter().filter(|f| mine(&f.connections));
    found.map(|f| (&*f.id, &*f.verdict, &*f.severity, &*f.hung_side)).collect()
}

/// A segment that is tried at these times and never comes.
fn try_in_vain(net: &mut Net, line: &mut Line<'_>, from: From, len: usize, at: &[u64]) {
    for &nanos in at {
        net.send(nanos, line, from, "PA", len, Way::Lost);
        line.next[from as usize] -= len as u32;
    }
}

#[test]
fn pauses_between_retransmissions_are_no_idle_time() {
    let mut net = busy_net(12);
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(100 * MILLI, &mut line, 5 * MILLI);
    let tries = [500, 700, 1_100, 1_900, 3_500, 6_700].map(|ms| ms * MILLI);
    try_in_vain(&mut net, &mut line, From::Client, 200, &tries);
    let report = net.report();
    let told = told_of(&report, CLIENT);
    assert_eq!(told, [("peer-vanished", "likely", "broken", "both")]);
}

#[test]
fn large_segments_alone_that_never_come_are_a_black_hole() {
    let mut net = busy_net(12);
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(100 * MILLI, &mut line, 5 * MILLI);
    net.send(300 * MILLI, &mut line, From::Client, "PA", 200, Way::Translated);
    net.send(310 * MILLI, &mut line, From::Pod, "A", 1_448, Way::Lost);
    net.send(311 * MILLI, &mut line, From::Pod, "PA", 300, Way::Translated);
    line.next[1] -= 1_748;
    net.send(320 * MILLI, &mut line, From::Client, "A", 0, Way::Translated);
    let tries = [520, 940, 1_800, 3_500].map(|ms| ms * MILLI);
    try_in_vain(&mut net, &mut line, From::Pod, 1_448, &tries);
    let report = net.report();
    assert_eq!(told_of(&report, CLIENT)[0], ("mtu-black-hole", "confirmed", "broken", "both"));
}

#[test]
fn segments_of_any_size_that_never_come_are_no_black_hole() {
    let mut net = busy_net(12);
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    // As large as what came before.
    net.send(100 * MILLI, &mut line, From::Client, "PA", 1_448, Way::Translated);
    net.send(101 * MILLI, &mut line, From::Pod, "A", 0, Way::Translated);
    let tries = [200, 400, 800, 1_600, 3_200].map(|ms| ms * MILLI);
    try_in_vain(&mut net, &mut line, From::Client, 1_448, &tries);
    let report = net.report();
    assert!(told_of(&report, CLIENT).iter().all(|(id, ..)| *id != "mtu-black-hole"));
}

#[test]
fn a_syn_that_did_not_come_is_told_and_so_is_the_next_that_did() {
    let mut net = busy_net(4);
    let mut line = Line { ends: [CLIENT, POD], next: [100_200_300, 900_800_700] };
    net.send(SECOND, &mut line, From::Client, "S", 0, Way::Lost);
    line.next[0] -= 1;
    net.send(2 * SECOND, &mut line, From::Client, "S", 0, Way::Translated);
    net.send(2 * SECOND + MILLI, &mut line, From::Pod, "SA", 0, Way::Translated);
    net.send(2 * SECOND + 2 * MILLI, &mut line, From::Client, "A", 0, Way::Translated);
    net.ask(2 * SECOND + 10 * MILLI, &mut line, 5 * MILLI);
    let report = net.report();
    assert_eq!(told_of(&report, CLIENT), [("handshake-lost", "confirmed", "degraded", "none")]);
    assert_eq!(report.findings[0].facts[0].frames.len(), 1);
}

/// Data of which the pod's capture lacks the first copy, and that is sent again.
fn sent_twice(acknowledged_before: bool) -> Report {
    let mut net = busy_net(4);
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(100 * MILLI, &mut line, 5 * MILLI);
    net.send(200 * MILLI, &mut line, From::Client, "PA", 200, Way::Lost);
    if acknowledged_before {
        net.send(201 * MILLI, &mut line, From::Pod, "A", 0, Way::Lost);
    }
    line.next[0] -= 200;
    net.send(400 * MILLI, &mut line, From::Client, "PA", 200, Way::Translated);
    net.send(401 * MILLI, &mut line, From::Pod, "A", 0, Way::Translated);
    net.close(500 * MILLI, &mut line);
    net.report()
}

#[test]
fn a_segment_that_never_came_was_lost() {
    let told = [("packet-loss", "confirmed", "degraded", "none")];
    assert_eq!(told_of(&sent_twice(false), CLIENT), told);
}

#[test]
fn what_was_acknowledged_on_a_way_that_lost_the_acknowledgement_had_come() {
    assert_eq!(told_of(&sent_twice(true), CLIENT), []);
}

#[test]
fn a_fin_that_was_acknowledged_is_not_lost_whatever_the_capture_lacks() {
    let mut net = busy_net(4);
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(100 * MILLI, &mut line, 5 * MILLI);
    // Lost by the client's capture: the client acknowledges it.
    net.send(200 * MILLI, &mut line, From::Pod, "FA", 0, Way::Lost);
    net.send(201 * MILLI, &mut line, From::Client, "A", 0, Way::Translated);
    assert_eq!(told_of(&net.report(), CLIENT), []);
}

#[test]
fn a_fin_that_never_came_leaves_the_other_end_waiting() {
    let mut net = busy_net(8);
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(100 * MILLI, &mut line, 5 * MILLI);
    for ms in [200, 410, 830, 1_700, 3_400] {
        net.send(ms * MILLI, &mut line, From::Pod, "FA", 0, Way::Lost);
        line.next[1] -= 1;
    }
    let report = net.report();
    assert_eq!(told_of(&report, CLIENT), [("half-open", "confirmed", "broken", "orig")]);
}

/// A connection that asks and is reset: the reset comes to the client only, or from the pod.
fn reset_net(way: Way) -> Net {
    let mut net = busy_net(4);
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(100 * MILLI, &mut line, 5 * MILLI);
    net.send(200 * MILLI, &mut line, From::Client, "PA", 200, Way::Translated);
    net.send(201 * MILLI, &mut line, From::Pod, "A", 0, Way::Translated);
    match way {
        Way::Lost => {
            let frame = TcpFrame::new(VIP, CLIENT).flags("RA").seq(line.next[1]).ack(line.next[0]);
            let frame = frame.window(0).ttl(47).ip_id(4_711).ethernet();
            net.client.packet(1_700_000_000 * SECOND + 210 * MILLI, &frame);
        }
        _ => net.send(210 * MILLI, &mut line, From::Pod, "RA", 0, way),
    }
    net
}

#[test]
fn a_reset_that_left_the_server_is_the_servers() {
    let report = reset_net(Way::Translated).report();
    assert_eq!(told_of(&report, CLIENT), [("server-reset", "confirmed", "broken", "none")]);
}

#[test]
fn a_reset_that_nobody_sent_was_injected() {
    let report = reset_net(Way::Lost).report();
    assert_eq!(told_of(&report, CLIENT), [("reset-injected", "confirmed", "broken", "resp")]);
}

#[test]
fn a_reset_from_where_the_client_alone_was_captured_proves_no_sender() {
    for way in [Way::Translated, Way::Lost] {
        let scratch = Scratch::new();
        let client = scratch.put("client.pcap", &reset_net(way).client.into_bytes());
        let report = analyse(&[("client", vec![client])]);
        let told = told_of(&report, CLIENT);
        assert!(told.iter().all(|(_, verdict, ..)| *verdict == "possible"), "{told:?}");
    }
}

#[test]
fn a_reset_with_which_a_full_answer_ends_is_no_fault() {
    let mut net = busy_net(4);
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(100 * MILLI, &mut line, 5 * MILLI);
    net.send(150 * MILLI, &mut line, From::Pod, "RA", 0, Way::Translated);
    assert_eq!(told_of(&net.report(), CLIENT), []);
}

#[test]
fn a_capture_of_one_direction_proves_no_absence() {
    let mut net = busy_net(4);
    // The pod's capture has what it sends only.
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(100 * MILLI, &mut line, 5 * MILLI);
    try_in_vain(
        &mut net,
        &mut line,
        From::Client,
        200,
        &[3_000, 3_200, 3_600].map(|ms| ms * MILLI),
    );
    let scratch = Scratch::new();
    let client = scratch.put("client.pcap", &net.client.into_bytes());
    let pod = scratch.put("pod.pcap", &net.pod.into_bytes());
    let mut whole = crosscap_testkit::Capture::load(&pod);
    whole.records.retain(|r| r.data[26..30] == [10, 1, 9, 7]);
    let pod = scratch.capture("sent.pcap", &whole);
    let report = analyse(&[("client", vec![client]), ("pod", vec![pod])]);
    let sure =
        told_of(&report, CLIENT).into_iter().find(|(_, verdict, ..)| *verdict == "confirmed");
    assert_eq!(sure, None);
}

/// A client that resets while it is sent 2,000 bytes; or, `answered`, closes after the first half and resets the second.
fn left_net(answered: bool) -> Net {
    let mut net = busy_net(4);
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(100 * MILLI, &mut line, 5 * MILLI);
    net.send(200 * MILLI, &mut line, From::Client, "PA", 200, Way::Translated);
    net.send(205 * MILLI, &mut line, From::Pod, "PA", 1_000, Way::Translated);
    if answered {
        net.send(206 * MILLI, &mut line, From::Client, "A", 0, Way::Translated);
        net.send(210 * MILLI, &mut line, From::Client, "FA", 0, Way::Translated);
    }
    net.send(220 * MILLI, &mut line, From::Pod, "PA", 1_000, Way::Translated);
    line.next[1] -= 2_000;
    net.send(221 * MILLI, &mut line, From::Client, "RA", 0, Way::Translated);
    net
}

#[test]
fn a_client_that_resets_in_the_middle_of_an_answer_cuts_it_short() {
    let report = left_net(false).report();
    assert_eq!(told_of(&report, CLIENT), [("client-abort", "confirmed", "broken", "none")]);
}

#[test]
fn a_client_that_closed_in_peace_cuts_nothing_short() {
    assert_eq!(told_of(&left_net(true).report(), CLIENT), []);
}
