//! What a sender sent again, and why: the capture at its own point against what its kernel counted (`nstat`).

use crosscap::packet::{Decoded, Decoder};
use crosscap::parser::CaptureFile;
use crosscap::reassembly::{Connection, Direction, Tracker};
use serde_json::Value;

use crate::support::{capture, folder};

/// How many segments were sent again, and how many of them why.
#[derive(Debug, Default, Eq, PartialEq)]
struct Again {
    all: u64,
    fast: u64,
    timeout: u64,
    tail_probe: u64,
    spurious: u64,
}

/// The connections of the capture.
fn connections() -> Vec<Connection> {
    let mut capture = CaptureFile::open(capture("retransmissions", "sender"), 0).unwrap();
    let (mut decoder, mut tracker) = (Decoder::new(), Tracker::new());
    while let Some(r) = capture.next_record().unwrap() {
        match decoder.decode(r.link_type, r.data, r.original_len, r.timestamp) {
            Decoded::Tcp(packet) => _ = tracker.push(r.frame, r.timestamp, &packet),
            other => panic!("{other:?}"),
        }
    }
    tracker.finish().into_iter().collect()
}

fn truth() -> Value {
    let text = std::fs::read(folder("retransmissions").join("truth.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn what_was_sent_again_is_what_the_kernel_counted_and_why() {
    let (connections, truth) = (connections(), truth());
    let phases = truth["phases"].as_object().unwrap();
    assert!(!phases.is_empty());
    for (name, phase) in phases {
        let n = |counter: &str| phase[counter].as_u64().unwrap();
        let timeout = n("TcpExtTCPTimeouts") + n("TcpExtTCPSlowStartRetrans");
        let kernel = Again {
            all: n("TcpRetransSegs"),
            fast: n("TcpExtTCPFastRetrans"),
            // What follows a timeout belongs to it.
            timeout,
            // Some probes carry new data instead.
            tail_probe: n("TcpRetransSegs") - n("TcpExtTCPFastRetrans") - timeout,
            spurious: n("TcpExtTCPDSACKRecv") + n("TcpExtTCPDSACKOfoRecv"),
        };
        assert!(kernel.tail_probe <= n("TcpExtTCPLossProbes"), "{name}");
        let mut ours = Again::default();
        let port = n("port");
        for c in connections.iter().filter(|c| u64::from(c.resp.port) == port) {
            let flow = c.flow(Direction::Orig);
            ours.all += u64::from(flow.retransmits);
            ours.fast += u64::from(flow.causes.fast);
            ours.timeout += u64::from(flow.causes.timeout);
            ours.tail_probe += u64::from(flow.causes.tail_probe);
            ours.spurious += u64::from(flow.causes.spurious);
            assert_eq!((flow.out_of_order, flow.copies, flow.undecidable), (0, 0, 0), "{c:?}");
        }
        // The kernel counts why it sent, we count what came twice out of that.
        let why = |a: &Again| a.fast + a.timeout + a.tail_probe;
        assert_eq!((ours.all, ours.spurious), (kernel.all, kernel.spurious), "{name}");
        assert_eq!(why(&ours) + ours.spurious, ours.all, "{name}: {ours:?}");
        if kernel.spurious == 0 {
            assert_eq!(ours, kernel, "{name}");
        }
    }
}

#[test]
fn each_socket_sent_again_what_the_capture_has() {
    let connections = connections();
    let truth = truth();
    let sockets = truth["connections"].as_array().unwrap();
    assert_eq!(connections.len(), sockets.len());
    for (c, socket) in connections.iter().zip(sockets) {
        assert_eq!(socket["orig_client"], c.orig.to_string());
        assert_eq!(socket["resp_client"], c.resp.to_string());
        let again = c.flow(Direction::Orig).retransmits;
        assert_eq!(socket["retransmitted"], again, "{} → {}", c.orig, c.resp);
    }
}

/// The scenario shows each of them, or the test above would show nothing.
#[test]
fn the_kernel_had_every_cause() {
    let truth = truth();
    let sum = |counter: &str| -> u64 {
        truth["phases"].as_object().unwrap().values().map(|p| p[counter].as_u64().unwrap()).sum()
    };
    for counter in [
        "TcpExtTCPFastRetrans",
        "TcpExtTCPTimeouts",
        "TcpExtTCPLossProbes",
        "TcpExtTCPSynRetrans",
        "TcpExtTCPDSACKRecv",
    ] {
        assert!(sum(counter) > 0, "{counter}");
    }
}
