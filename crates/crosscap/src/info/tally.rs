//! What is counted of the packets of a part of a file.

use std::hash::BuildHasher;

use crosscap_packet::{Decoded, NotTcp, decode};
use crosscap_parser::PacketRecord;
use crosscap_report::{InterfaceInfo, PacketComment, Pause};
use foldhash::fast::FixedState;

/// Counts of packets that follow each other.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) packets: u64,
    pub(super) captured: u64,
    pub(super) original: u64,
    pub(super) smallest: Option<u64>,
    pub(super) largest: Option<u64>,
    pub(super) time: Span,
    pub(super) cut: u64,
    pub(super) tcp: u64,
    pub(super) other_protocols: Vec<u64>,
    pub(super) not_ip: u64,
    pub(super) fragments: u64,
    pub(super) cut_headers: u64,
    pub(super) malformed: u64,
    pub(super) unknown_link_type: u64,
    pub(super) steps: Steps,
    pub(super) interfaces: Vec<PerInterface>,
    /// A hash of each packet.
    hashes: Vec<u64>,
    pub(super) duplicates: u64,
    pub(super) time_digits: u32,
    pub(super) after_gap: u64,
    pub(super) comment_count: u64,
    /// The first few.
    pub(super) comments: Vec<PacketComment>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct PerInterface {
    packets: u64,
    captured: u64,
    time: Span,
}

/// The earliest and the latest time.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
}

impl Span {
    fn add(&mut self, other: Self) {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }
}

/// From each packet to the next.
#[derive(Default)]
pub(super) struct Steps {
    /// Time and frame of the first packet.
    first: Option<(i64, u64)>,
    last: Option<i64>,
    pub(super) back: u64,
    pub(super) largest_back: Option<Pause>,
    /// The longest first.
    pub(super) pauses: Vec<Pause>,
}

impl Steps {
    fn packet(&mut self, time: i64, frame: u64) {
        if let Some(from_ns) = self.last {
            self.step(Pause { frame, from_ns, to_ns: time });
        }
        self.first.get_or_insert((time, frame));
        self.last = Some(time);
    }

    fn step(&mut self, step: Pause) {
        let nanos = step.nanos();
        if nanos < 0 {
            self.back += 1;
            if self.largest_back.is_none_or(|b| nanos < b.nanos()) {
                self.largest_back = Some(step);
            }
        } else if nanos >= SECOND
            && self.pauses.last().is_none_or(|p| nanos > p.nanos() || self.pauses.len() < PAUSES)
        {
            let at = self.pauses.partition_point(|p| p.nanos() >= nanos);
            self.pauses.insert(at, step);
            self.pauses.truncate(PAUSES);
        }
    }

    /// Adds those of the packets behind, whose frames count from `frames_before`.
    fn add(&mut self, next: Self, frames_before: u64) {
        let moved = |p: Pause| Pause { frame: p.frame + frames_before, ..p };
        if let (Some(from_ns), Some((to_ns, frame))) = (self.last, next.first) {
            self.step(Pause { frame: frame + frames_before, from_ns, to_ns });
        }
        let more_back = next.back.saturating_sub(u64::from(next.largest_back.is_some()));
        next.pauses.into_iter().chain(next.largest_back).for_each(|p| self.step(moved(p)));
        self.back += more_back;
        self.first = self.first.or(next.first);
        self.last = next.last.or(self.last);
    }
}

impl Tally {
    pub(super) fn packet(&mut self, record: &PacketRecord<'_>) {
        let (captured, original) = (record.data.len() as u64, u64::from(record.original_len));
        let time = record.timestamp.as_nanos();
        let span = Span { first: Some(time), last: Some(time) };
        self.packets += 1;
        self.captured += captured;
        self.original += original;
        self.cut += u64::from(captured < original);
        self.smallest = Some(self.smallest.map_or(captured, |s| s.min(captured)));
        self.largest = self.largest.max(Some(captured));
        self.time.add(span);
        self.time_digits = self.time_digits.max(digits(time));
        self.steps.packet(time, record.frame.number());
        self.hashes.push(FixedState::default().hash_one(record.data));
        self.contents(record);
        self.after_gap += u64::from(record.after_gap);
        for comment in record.comments() {
            self.comment_count += 1;
            if self.comments.len() < COMMENTS {
                let text = comment.chars().take(COMMENT_LEN).collect();
                self.comments.push(PacketComment { frame: record.frame.number(), text });
            }
        }

        // As many as the file describes, and no more.
        let id = record.interface as usize;
        if self.interfaces.len() <= id {
            self.interfaces.resize(id + 1, PerInterface::default());
        }
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.packets += 1;
            interface.captured += captured;
            interface.time.add(span);
        }
    }

    fn contents(&mut self, record: &PacketRecord<'_>) {
        let why = match decode(record.link_type, record.data, record.original_len) {
            Decoded::Tcp(_) => return self.tcp += 1,
            Decoded::Fragment(_) => return self.fragments += 1,
            Decoded::IcmpError(e) => {
                NotTcp::OtherProtocol(if e.from.is_ipv4() { ICMP } else { ICMPV6 })
            }
            Decoded::NotTcp(why) => why,
            _ => NotTcp::Malformed,
        };
        match why {
            NotTcp::OtherProtocol(protocol) => {
                self.other_protocols.resize(256, 0);
                self.other_protocols[usize::from(protocol)] += 1;
            }
            NotTcp::NotIp => self.not_ip += 1,
            NotTcp::Cut => self.cut_headers += 1,
            NotTcp::UnknownLinkType => self.unknown_link_type += 1,
            _ => self.malformed += 1,
        }
    }

    /// Adds the packets behind, whose frames count from `frames_before`.
    pub(super) fn add(&mut self, next: Self, frames_before: u64) {
        self.packets += next.packets;
        self.captured += next.captured;
        self.original += next.original;
        self.smallest = [self.smallest, next.smallest].into_iter().flatten().min();
        self.largest = self.largest.max(next.largest);
        self.time.add(next.time);
        self.cut += next.cut;
        self.tcp += next.tcp;
        self.not_ip += next.not_ip;
        self.fragments += next.fragments;
        self.cut_headers += next.cut_headers;
        self.malformed += next.malformed;
        self.unknown_link_type += next.unknown_link_type;
        self.time_digits = self.time_digits.max(next.time_digits);
        add_each(&mut self.other_protocols, &next.other_protocols, |sum, n| *sum += n);
        add_each(&mut self.interfaces, &next.interfaces, |sum, n| {
            sum.packets += n.packets;
            sum.captured += n.captured;
            sum.time.add(n.time);
        });
        self.after_gap += next.after_gap;
        self.comment_count += next.comment_count;
        let room = COMMENTS - self.comments.len();
        self.comments.extend(
            next.comments
                .into_iter()
                .take(room)
                .map(|c| PacketComment { frame: c.frame + frames_before, ..c }),
        );
        self.steps.add(next.steps, frames_before);
        self.find_duplicates(next.hashes);
    }

    /// Packets that equal one of the last few.
    fn find_duplicates(&mut self, next: Vec<u64>) {
        let seen = self.hashes.len();
        self.hashes.extend(next);
        let equal =
            |i: &usize| self.hashes[i.saturating_sub(WINDOW)..*i].contains(&self.hashes[*i]);
        self.duplicates += (seen..self.hashes.len()).filter(equal).count() as u64;
        self.hashes.drain(..self.hashes.len().saturating_sub(WINDOW));
    }

    /// Fills in what packets tell of interface `id`.
    pub(super) fn interface(&self, id: u32, info: &mut InterfaceInfo) {
        if let Some(interface) = self.interfaces.get(id as usize) {
            info.packets = interface.packets;
            info.captured_bytes = interface.captured;
            (info.first_ns, info.last_ns) = (interface.time.first, interface.time.last);
        }
    }
}

fn add_each<T: Clone + Default>(sums: &mut Vec<T>, next: &[T], add: impl Fn(&mut T, &T)) {
    if sums.len() < next.len() {
        sums.resize(next.len(), T::default());
    }
    sums.iter_mut().zip(next).for_each(|(sum, n)| add(sum, n));
}

/// Decimals of a second that a time makes use of.
fn digits(nanos: i64) -> u32 {
    match nanos {
        n if n % 1_000 != 0 => 9,
        n if n % 1_000_000 != 0 => 6,
        n if n % SECOND != 0 => 3,
        _ => 0,
    }
}

/// As many packets back are compared, as editcap does.
const WINDOW: usize = 4;
const COMMENTS: usize = 10;
const COMMENT_LEN: usize = 256;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const PAUSES: usize = 3;
const SECOND: i64 = 1_000_000_000;
