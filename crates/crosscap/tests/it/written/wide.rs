//! Reports with more in a line than fits.

use super::*;
use crate::support::text;

/// A hung connection, its pod captured at as many points as wanted.
fn told(client: &str, pods: usize) -> String {
    let mut net = Net::new();
    let mut hung = net.open(0, client, POD, [100, 900]);
    net.ask(SECOND, &mut hung, 5 * MILLI);
    net.hang(2 * SECOND, &mut hung, 1_000 * SECOND);
    let scratch = Scratch::new();
    let pod = net.pod.into_bytes();
    let mut points =
        vec![("client".to_owned(), scratch.put("client.pcap", &net.client.into_bytes()))];
    for i in 1..=pods {
        let name = format!("a-pod-with-a-long-name-{i}");
        points.push((name.clone(), scratch.put(&format!("{name}.pcap"), &pod)));
    }
    let points: Vec<_> = points.iter().map(|(n, f)| (n.as_str(), vec![f.clone()])).collect();
    let told = text(&analyse(&points));
    let wide = |line: &&str| line.chars().count() > 110 && !line.starts_with("    a-pod");
    assert_eq!(told.lines().find(wide), None);
    told
}

/// The part of the timeline around the late reply.
fn late(told: &str) -> String {
    let lines = told.lines().skip_while(|l| !l.trim_start().starts_with("silence for"));
    lines.take_while(|l| !l.is_empty()).fold("\n".into(), |all, line| format!("{all}{line}\n"))
}

#[test]
fn a_note_that_does_not_fit_behind_its_packet_stands_below() {
    let expected = "
                         silence for 1,000 s (16 min 40 s)
    22:30:02.000250   ←  500 bytes  #10     #10 22:30:02.000000   #10 22:30:02.000000
                         untranslated, from 10.1.9.7:8080
    22:30:02.001000   →  RST        #11     #11 22:30:02.001050   #11 22:30:02.001050
                         untranslated, to 10.1.9.7:8080
";
    assert_eq!(late(&told("10.1.0.2:40422", 2)), expected);
}

#[test]
fn many_points_have_no_column_each() {
    let told = late(&told("10.1.0.2:40422", 9));
    let begin = "
                         silence for 1,000 s (16 min 40 s)
    22:30:02.000250   ←  500 bytes  untranslated, from 10.1.9.7:8080
                         a-pod-with-a-long-name-9 #10, a-pod-with-a-long-name-8 #10,
                         a-pod-with-a-long-name-7 #10, a-pod-with-a-long-name-6 #10,
";
    assert!(told.starts_with(begin), "{told}");
}
