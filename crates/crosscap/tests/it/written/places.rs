//! Several captures at one side of a device, files put together from several places, and captures that began late or lack
//! a packet.

use crosscap_testkit::{Capture, CaptureRecord};

use super::*;
use crate::support::analyse_changed;

const CLIENT: &str = "10.1.0.2:40422";

/// What client and pod captured, in order of time.
fn captured(net: Net) -> [Capture; 2] {
    let scratch = Scratch::new();
    [net.client, net.pod].map(|writer| {
        let mut capture = Capture::load(scratch.put("one.pcap", &writer.into_bytes()));
        capture.records.sort_by_key(|r| r.nanos);
        capture
    })
}

/// All packets of some captures in one.
fn merged(captures: &[&Capture]) -> Capture {
    let mut records: Vec<_> = captures.iter().flat_map(|c| c.records.clone()).collect();
    records.sort_by_key(|r| r.nanos);
    Capture { network: captures[0].network, records }
}

fn is_flag(record: &CaptureRecord, flags: u8) -> bool {
    record.data[14 + 20 + 13] == flags
}

fn payload(record: &CaptureRecord) -> u32 {
    let header = record.data[14 + 20 + 12] >> 4;
    record.original_len - 14 - 20 - 4 * u32::from(header)
}

/// Whether a packet is to or from the pod's own address.
fn is_inside(record: &CaptureRecord) -> bool {
    [26, 30].iter().any(|&at| record.data[at..at + 4] == [10, 1, 9, 7])
}

/// Three connections hang for 1,000 s and longer; others outlive less.
fn hung_net() -> Net {
    let mut net = Net::new();
    for n in 0..3 {
        let client = format!("10.1.0.2:4100{n}");
        let mut line = net.open(n * SECOND, &client, POD, [70_000 + n as u32, 90_000 + n as u32]);
        net.ask((10 + n) * SECOND, &mut line, 5 * MILLI);
        net.ask((20 + n) * SECOND, &mut line, (300 + n) * SECOND);
        net.hang((400 + n) * SECOND, &mut line, (1_000 + n) * SECOND);
    }
    net
}

#[test]
fn a_node_that_might_be_either_end_of_its_side_takes_nothing_from_the_proof() {
    let [client, pod] = captured(hung_net());
    let of_two = analyse_changed(&client, &pod);
    assert_eq!(told(&of_two)[0], ("nat-expired-server-spoke", "confirmed"));
    // It shows each packet with the time to live, and at the time, that client and pod do.
    let outside = client.clone().filtered(|at| !is_inside(&client.records[at]));
    let node = merged(&[&outside, &pod]);
    let scratch = Scratch::new();
    let point = |name, capture| (name, vec![scratch.capture(&format!("{name}.pcap"), capture)]);
    let of_three = analyse(&[point("client", &client), point("pod", &pod), point("node", &node)]);
    assert!(of_three.connections.iter().all(|c| !c.order_proven));
    assert_eq!(told(&of_three), told(&of_two));
}

#[test]
fn a_packet_that_a_merged_file_holds_four_times_did_come_out_of_the_nat() {
    let [client, pod] = captured(hung_net());
    let outside = client.clone().filtered(|at| !is_inside(&client.records[at]));
    // The node, between both: what comes out passes there in between.
    let node = merged(&[&outside.shifted(-10_000), &pod.clone().shifted(10_000)]);
    let scratch = Scratch::new();
    let all = scratch.capture("all.pcap", &merged(&[&client, &node, &pod]));
    let report = analyse(&[("all", vec![all])]);
    let told = told(&report);
    assert_eq!(told[0].0, "nat-expired-server-spoke", "{told:?}");
    assert!(told.iter().all(|(id, _)| *id != "conntrack-invalid-reply"), "{told:?}");
}

#[test]
fn a_goodbye_is_none_the_less_one_where_the_capture_began_late() {
    let mut net = Net::new();
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(SECOND, &mut line, 5 * MILLI);
    net.send(20 * SECOND, &mut line, From::Pod, "PA", 17, Way::Translated);
    net.send(20 * SECOND + 100_000, &mut line, From::Pod, "FA", 0, Way::Translated);
    net.send(20 * SECOND + 300_000, &mut line, From::Client, "PA", 17, Way::Translated);
    net.send(20 * SECOND + 400_000, &mut line, From::Pod, "R", 0, Way::Translated);
    let [client, pod] = captured(net);
    assert_eq!(told(&analyse_changed(&client, &pod)), []);
    let late = |c: &Capture| {
        let begin = c.records[0].nanos + 10 * SECOND;
        c.clone().filtered(|at| c.records[at].nanos > begin)
    };
    assert_eq!(told(&analyse_changed(&late(&client), &pod)), []);
    assert_eq!(told(&analyse_changed(&late(&client), &late(&pod))), []);
}

#[test]
fn an_acknowledgement_that_the_clients_capture_lacks_was_sent_none_the_less() {
    let mut net = Net::new();
    let mut line = net.open(0, CLIENT, POD, [100_200_300, 900_800_700]);
    net.ask(SECOND, &mut line, 5 * MILLI);
    net.ask(2 * SECOND, &mut line, 5 * MILLI);
    net.send(2 * SECOND + 10 * MILLI, &mut line, From::Client, "RA", 0, Way::Translated);
    let [client, pod] = captured(net);
    let last_ack = client.records.iter().rposition(|r| is_flag(r, 0x10) && payload(r) == 0);
    let lossy = client.filtered(|at| Some(at) != last_ack);
    assert_eq!(told(&analyse_changed(&lossy, &pod)), []);
}

#[test]
fn a_syn_ack_that_the_client_reset_did_come() {
    let mut net = Net::new();
    for second in 0..4 {
        let other = format!("10.1.0.2:5000{second}");
        let mut line =
            net.open(second * SECOND + 100 * MILLI, &other, POD, [7_000 + second as u32, 9_000]);
        net.ask(second * SECOND + 110 * MILLI, &mut line, 5 * MILLI);
        net.close(second * SECOND + 130 * MILLI, &mut line);
    }
    let mut line = Line { ends: [CLIENT, POD], next: [100_200_300, 900_800_700] };
    for second in 1..3 {
        let at = second * SECOND;
        line.next = [100_200_300, 900_800_700 + second as u32];
        net.send(at, &mut line, From::Client, "S", 0, Way::Translated);
        net.send(at + MILLI, &mut line, From::Pod, "SA", 0, Way::Untranslated);
        net.send(at + 2 * MILLI, &mut line, From::Client, "R", 0, Way::Untranslated);
    }
    let [client, pod] = captured(net);
    // As one who filters for the Service's address.
    let filtered = client.clone().filtered(|at| !is_inside(&client.records[at]));
    let told_ids = |r: &Report| r.findings.iter().map(|f| f.id.clone()).collect::<Vec<_>>();
    let report = analyse_changed(&filtered, &pod);
    assert!(!told_ids(&report).contains(&"handshake-lost".to_owned()), "{:?}", told(&report));
}
