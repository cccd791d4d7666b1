//! The report for people: what it says of each scenario, word by word.

use crate::support::{analyse_scenario, text};

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
  lost                        client → pod       12   2,356           12  client #36 #126 #478 …
  bare, lost or not captured  client → pod       15       0           13  client #32 #74 #121 …
  lost                        pod → client       33  22,298           25  pod #50 #56 #67 …
  bare, lost or not captured  pod → client        9       0            8  pod #334 #567 #866 …
    client → pod: the fastest packet took 0 to 13 µs, the slowest 4.04 ms to 4.07 ms; time to live falls by 1
    (24 connections)
    pod → client: the fastest packet took 0 to 14 µs, the slowest 4.05 ms to 4.07 ms; time to live falls by 1
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
