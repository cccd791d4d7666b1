//! Small captures, packet by packet, for what no capture of testdata/ shows.

// Faults between two points.
mod faults;
// Where captures were taken, and what they lack.
mod places;
// The NAT map of such captures, and names in it.
mod nat_map;
// Many points, long names.
mod wide;

use crosscap::report::Report;
use crosscap_testkit::{PcapWriter, TcpFrame};

use crate::support::{Scratch, analyse};

const VIP: &str = "10.96.0.10:80";
const POD: &str = "10.1.9.7:8080";
const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;

/// A client and a pod with a translating router between them, each captured; 50 µs from one to the other.
struct Net {
    client: PcapWriter,
    pod: PcapWriter,
    packets: u16,
}

/// One connection through it: the client's endpoint, the pod's, and the next numbers of both.
#[derive(Clone)]
struct Line<'a> {
    ends: [&'a str; 2],
    next: [u32; 2],
}

#[derive(Clone, Copy, PartialEq)]
enum From {
    Client,
    Pod,
}

/// What becomes of a packet on its way.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Translated,
    Untranslated,
    Lost,
}

impl Net {
    fn new() -> Self {
        Self { client: PcapWriter::new().nanos(), pod: PcapWriter::new().nanos(), packets: 0 }
    }

    /// Sends a segment and moves the line's numbers on.
    fn send(
        &mut self,
        nanos: u64,
        line: &mut Line<'_>,
        from: From,
        flags: &str,
        len: usize,
        way: Way,
    ) {
        self.packets += 1;
        let nanos = 1_700_000_000 * SECOND + nanos;
        let me = from as usize;
        let frame = |src: &str, dst: &str, ttl| {
            let frame =
                TcpFrame::new(src, dst).flags(flags).seq(line.next[me]).ack(line.next[1 - me]);
            let bare = flags == "R";
            let frame =
                if bare { frame.window(0) } else { frame.timestamps(self.packets.into(), 1) };
            frame.ip_id(if bare { 0 } else { self.packets }).ttl(ttl).payload_len(len).ethernet()
        };
        let [client, pod] = line.ends;
        let service = if way == Way::Untranslated { pod } else { VIP };
        match from {
            From::Client => {
                self.client.packet(nanos, &frame(client, service, 64));
                if way != Way::Lost {
                    self.pod.packet(nanos + 50_000, &frame(client, pod, 63));
                }
            }
            From::Pod => {
                self.pod.packet(nanos, &frame(pod, client, 64));
                if way != Way::Lost {
                    self.client.packet(nanos + 50_000, &frame(service, client, 63));
                }
            }
        }
        let takes = len as u32 + flags.matches(['S', 'F']).count() as u32;
        line.next[me] = line.next[me].wrapping_add(takes);
    }

    fn open<'a>(&mut self, nanos: u64, client: &'a str, pod: &'a str, isns: [u32; 2]) -> Line<'a> {
        let mut line = Line { ends: [client, pod], next: isns };
        self.send(nanos, &mut line, From::Client, "S", 0, Way::Translated);
        self.send(nanos + MILLI, &mut line, From::Pod, "SA", 0, Way::Translated);
        self.send(nanos + 2 * MILLI, &mut line, From::Client, "A", 0, Way::Translated);
        line
    }

    /// A request of 200 bytes, answered with 500 after `wait`.
    fn ask(&mut self, nanos: u64, line: &mut Line<'_>, wait: u64) {
        self.send(nanos, line, From::Client, "PA", 200, Way::Translated);
        self.send(nanos + MILLI, line, From::Pod, "A", 0, Way::Translated);
        self.send(nanos + wait, line, From::Pod, "PA", 500, Way::Translated);
        self.send(nanos + wait + MILLI, line, From::Client, "A", 0, Way::Translated);
    }

    /// A request whose answer comes after `wait`, untranslated, and is reset.
    fn hang(&mut self, nanos: u64, line: &mut Line<'_>, wait: u64) {
        self.send(nanos, line, From::Client, "PA", 200, Way::Translated);
        self.send(nanos + MILLI, line, From::Pod, "A", 0, Way::Translated);
        self.send(nanos + wait, line, From::Pod, "PA", 500, Way::Untranslated);
        line.next[1] -= 500;
        self.send(nanos + wait + MILLI, line, From::Client, "R", 0, Way::Untranslated);
    }

    fn close(&mut self, nanos: u64, line: &mut Line<'_>) {
        self.send(nanos, line, From::Client, "FA", 0, Way::Translated);
        self.send(nanos + MILLI, line, From::Pod, "FA", 0, Way::Translated);
        self.send(nanos + 2 * MILLI, line, From::Client, "A", 0, Way::Translated);
    }

    fn report(self) -> Report {
        let scratch = Scratch::new();
        let client = scratch.put("client.pcap", &self.client.into_bytes());
        let pod = scratch.put("pod.pcap", &self.pod.into_bytes());
        analyse(&[("client", vec![client]), ("pod", vec![pod])])
    }
}

fn told(report: &Report) -> Vec<(&str, &str)> {
    report.findings.iter().map(|f| (f.id.as_str(), f.verdict.as_str())).collect()
}

#[test]
fn one_hung_connection_alone_does_not_tell_a_timer_from_a_deletion() {
    let mut net = Net::new();
    let mut hung = net.open(0, "10.1.0.2:40422", POD, [100, 900]);
    net.ask(SECOND, &mut hung, 5 * MILLI);
    net.hang(2 * SECOND, &mut hung, 1_000 * SECOND);
    let report = net.report();
    assert_eq!(told(&report)[0], ("nat-expired-server-spoke", "likely"));
    let open = report.findings[0].rivals.iter().find(|r| r.status == "open").unwrap();
    assert_eq!(open.id, "nat-remapped-backend");
}

#[test]
fn a_stray_belongs_to_the_latest_use_of_a_port() {
    let mut net = Net::new();
    for (use_, isns) in [[1_000, 9_000], [9_001_000, 3_009_000]].into_iter().enumerate() {
        let start = use_ as u64 * 60 * SECOND;
        let mut line = net.open(start, "10.1.0.2:45000", POD, isns);
        net.ask(start + SECOND, &mut line, 5 * MILLI);
        net.close(start + 2 * SECOND, &mut line);
    }
    let mut hung = net.open(120 * SECOND, "10.1.0.2:45000", POD, [17_001_000, 6_009_000]);
    net.ask(121 * SECOND, &mut hung, 5 * MILLI);
    net.hang(122 * SECOND, &mut hung, 1_000 * SECOND);
    let report = net.report();
    assert_eq!(told(&report)[0].0, "nat-expired-server-spoke");
    assert_eq!(report.findings[0].connections, ["10.1.0.2:45000>10.96.0.10:80#3"]);
    let strays = report.connections.iter().flat_map(|c| &c.legs).filter(|l| l.stray);
    assert_eq!(strays.count(), 1);
}

#[test]
fn a_dead_pod_behind_a_living_service_is_not_confirmed_as_a_forgotten_session() {
    let mut net = Net::new();
    let mut dead = net.open(0, "10.1.0.2:40001", POD, [100, 900]);
    let mut alive = net.open(SECOND, "10.1.0.2:40002", "10.1.9.8:8080", [5_000, 7_000]);
    net.ask(2 * SECOND, &mut dead, 5 * MILLI);
    for try_ in 0..4 {
        let now = 30 * SECOND + try_ * SECOND;
        net.send(now, &mut dead, From::Client, "PA", 200, Way::Lost);
        dead.next[0] -= 200;
        net.ask(now + 10 * MILLI, &mut alive, 5 * MILLI);
    }
    let report = net.report();
    let drop = report.findings.iter().find(|f| f.id == "idle-silent-drop").unwrap();
    assert_ne!(drop.verdict, "confirmed");
    let vanished = drop.rivals.iter().find(|r| r.id == "peer-vanished").unwrap();
    assert_eq!(vanished.status, "open");
}

#[test]
fn bookkeeping_after_a_full_answer_asks_for_nothing() {
    let mut net = Net::new();
    let mut line = net.open(0, "10.1.0.2:40001", POD, [100, 900]);
    net.ask(SECOND, &mut line, 5 * MILLI);
    // A window update, as HTTP/2 sends it; ten seconds later the client closes and resets.
    net.send(2 * SECOND, &mut line, From::Client, "PA", 13, Way::Translated);
    net.send(2 * SECOND + MILLI, &mut line, From::Pod, "A", 0, Way::Translated);
    net.send(12 * SECOND, &mut line, From::Client, "FA", 0, Way::Translated);
    net.send(12 * SECOND + MILLI, &mut line, From::Client, "R", 0, Way::Translated);
    assert_eq!(told(&net.report()), []);
}

#[test]
fn equal_sequence_numbers_do_not_make_one_connection_of_many_clients() {
    let mut net = Net::new();
    let clients: Vec<String> = (1..=10).map(|n| format!("10.1.0.{n}:4000{}", n % 10)).collect();
    for (n, client) in clients.iter().enumerate() {
        let mut line = net.open(n as u64 * 60 * SECOND, client, POD, [1, 2]);
        net.close(n as u64 * 60 * SECOND + SECOND, &mut line);
    }
    let report = net.report();
    assert_eq!(report.connections.len(), 10);
    for c in &report.connections {
        assert_eq!(c.legs.len(), 2, "{c:?}");
        assert_eq!(c.legs[0].orig, c.legs[1].orig);
    }
}

/// A client that asks a second time, waits 3 s and gives up by a reset.
fn gives_up(answer: Option<Way>) -> Report {
    let mut net = Net::new();
    let mut line = net.open(0, "10.1.0.2:40001", POD, [100, 900]);
    net.ask(SECOND, &mut line, 5 * MILLI);
    net.send(2 * SECOND, &mut line, From::Client, "PA", 200, Way::Translated);
    net.send(2 * SECOND + MILLI, &mut line, From::Pod, "A", 0, Way::Translated);
    if let Some(way) = answer {
        net.send(3 * SECOND, &mut line, From::Pod, "PA", 500, way);
        line.next[1] -= 500;
    }
    net.send(5 * SECOND, &mut line, From::Client, "R", 0, Way::Translated);
    net.report()
}

#[test]
fn a_client_that_gave_up_is_not_told_from_one_that_needed_no_answer() {
    let report = gives_up(None);
    assert_eq!(told(&report), [("client-abort", "likely")]);
    let rivals = &report.findings[0].rivals;
    let open: Vec<&str> =
        rivals.iter().filter(|r| r.status == "open").map(|r| r.id.as_str()).collect();
    assert_eq!(open, ["nothing-asked"]);
}

#[test]
fn an_answer_that_was_lost_is_a_reason_to_give_up() {
    let report = gives_up(Some(Way::Lost));
    let abort = report.findings.iter().find(|f| f.id == "client-abort").unwrap();
    assert_ne!(abort.verdict, "confirmed");
    let loss = abort.rivals.iter().find(|r| r.id == "packet-loss").unwrap();
    assert_eq!(loss.status, "open");
    assert_eq!(
        loss.because,
        "The server's side shows an answer that did not come to the client's."
    );
}
