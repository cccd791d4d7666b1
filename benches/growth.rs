//! Twice as many segments cost twice as much, however they come: the most that an attacker can make of small ones.
//!
//! Prints the time for 20,000 and for 40,000 segments of a stream, the least of some rounds, and the ratio of the two. Four
//! streams of the one length and two of the other are made at a time: as much work for the allocator, which has steps of
//! its own. glibc's is kept from handing memory back to the system between rounds: it would do so at the one length and
//! not at the other, and what is timed then is the system's clearing of pages.

#![allow(clippy::print_stdout, reason = "the table")]

use std::process::Command;
use std::time::{Duration, Instant};

use crosscap_packet::{Endpoint, FrameRef, OptionSummary, Segment, SeqNumber, TcpFlags, Timestamp};
use crosscap_reassembly::{Assembly, Direction, OverlapPolicy, Sighting, Tracker};

fn main() {
    // Not in a test run: only whether it works.
    let is_bench = std::env::args().any(|a| a == "--bench");
    if is_bench && KEEP_MEMORY.iter().any(|(name, _)| std::env::var_os(name).is_none()) {
        let again = std::env::current_exe().and_then(|exe| {
            Command::new(exe).args(std::env::args_os().skip(1)).envs(KEEP_MEMORY).status()
        });
        return assert!(again.is_ok_and(|status| status.success()), "cannot run itself again");
    }
    let (count, rounds) = if is_bench { (20_000, 15) } else { (200, 1) };
    println!("| segments | {count} | {} | ratio |\n|---|---|---|---|", 2 * count);
    for (order, number) in ORDERS {
        for (what, run) in [("tracked", track as fn(&[Sighting], u32)), ("put together", assemble)]
        {
            let [once, twice] = [(count, 4), (2 * count, 2)].map(|(count, streams)| {
                let syn = segment(0, 0).segment;
                let syn = Segment { flags: TcpFlags::SYN, payload_len: 0, ..syn };
                let mut segments = vec![Sighting { segment: syn, ..segment(0, 0) }];
                segments.extend((0..count).map(|i| segment(i + 1, 1 + number(i, count))));
                let times = (0..rounds).map(|_| {
                    let begin = Instant::now();
                    run(&segments, streams);
                    begin.elapsed() / streams
                });
                times.min().unwrap_or(Duration::ZERO)
            });
            let ratio = twice.as_secs_f64() / once.as_secs_f64();
            println!("| {order}, {what} | {once:.1?} | {twice:.1?} | {ratio:.2} |");
        }
    }
}

/// Tells glibc's allocator to keep what it has.
const KEEP_MEMORY: [(&str, &str); 3] = [
    ("MALLOC_TRIM_THRESHOLD_", "4000000000"),
    ("MALLOC_MMAP_MAX_", "0"),
    ("MALLOC_TOP_PAD_", "400000000"),
];

/// Where the nth of so many segments lies in the stream.
type Order = fn(u32, u32) -> u32;

const ORDERS: [(&str, Order); 3] = [
    ("one byte after the other", |i, _| i),
    ("every other byte", |i, _| 2 * i),
    ("the last byte first", |i, count| count - 1 - i),
];

/// A segment of one byte, so many sequence numbers behind the SYN.
fn segment(frame: u32, offset: u32) -> Sighting {
    Sighting {
        time: Timestamp(i64::from(frame) * 1_000),
        frame: FrameRef::new(0, u64::from(frame) + 1),
        segment: Segment {
            seq: SeqNumber(1) + offset,
            ack: SeqNumber(1),
            flags: TcpFlags::ACK,
            window: 1_000,
            ttl: 64,
            ip_id: frame as u16 | 1,
            payload_len: 1,
            timestamps: None,
            options: OptionSummary::Absent,
        },
    }
}

fn track(segments: &[Sighting], streams: u32) {
    let ends = [1, 2].map(|last| Endpoint::new(std::net::Ipv4Addr::new(10, 0, 0, last), 40_000));
    let trackers = (0..streams).map(|_| {
        let mut tracker = Tracker::new();
        for at in segments {
            tracker.push_segment(ends[0], ends[1], *at);
        }
        tracker
    });
    for tracker in trackers.collect::<Vec<_>>() {
        let bytes = tracker.finish().at(0).flow(Direction::Orig).bytes;
        assert_eq!(bytes, segments.len() as u64 - 1);
    }
}

fn assemble(segments: &[Sighting], streams: u32) {
    let assemblies = (0..streams).map(|_| {
        let mut assembly = Assembly::new();
        for at in segments {
            assembly.push(at, &[0][..]);
        }
        assembly.finish(OverlapPolicy::First)
    });
    for stream in assemblies.collect::<Vec<_>>() {
        assert_eq!(stream.captured(), segments.len() as u64 - 1);
    }
}
