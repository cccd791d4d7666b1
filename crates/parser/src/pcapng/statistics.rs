//! Interface statistics, and what the capturing host dropped.

use crosscap_packet::Timestamp;

use super::PcapNg;
use super::contents::Contents;
use super::options::Options;
use super::packet::SHORT;
use crate::WarningKind;
use crate::log::Log;

/// What the capturing host counted on an interface since the start of the capture: the last that the file says. Counts
/// are of packets; `None` where the file does not say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct InterfaceStatistics {
    /// Received by the interface.
    pub received: Option<u64>,
    /// Dropped by the interface for lack of room.
    pub dropped_by_interface: Option<u64>,
    /// Accepted by the capture filter.
    pub accepted_by_filter: Option<u64>,
    /// Dropped by the operating system.
    pub dropped_by_system: Option<u64>,
    /// Delivered to the capturing program.
    pub delivered: Option<u64>,
    /// When the capture began.
    pub start: Option<Timestamp>,
    /// When it ended.
    pub end: Option<Timestamp>,
}

/// What was dropped on an interface, by either way of telling.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drops {
    by_interface: u64,
    by_system: u64,
    // The sum of what the packets say.
    by_packets: u64,
}

impl PcapNg {
    pub(super) fn interface_statistics(&mut self, block: &[u8], offset: u64, log: &mut Log) {
        let Some(head) = block.first_chunk::<20>().filter(|_| block.len() >= 24) else {
            return log.warn(WarningKind::BadBlock, offset, SHORT);
        };
        let order = self.section.order;
        let Ok((index, interface)) = self.interface(order.word(head, 8)) else {
            let why = "statistics of an interface that is not described before them";
            return log.warn(WarningKind::BadBlock, offset, why);
        };
        let mut statistics = InterfaceStatistics::default();
        let mut options = Options::new(order, &block[20..block.len() - 4]);
        for (code, value) in &mut options {
            let Ok(bytes) = <&[u8; 8]>::try_from(value) else { continue };
            // All ones means unknown.
            let count = Some(order.u64(*bytes)).filter(|n| *n != u64::MAX);
            let time = || Some(interface.time(order.word(bytes, 0), order.word(bytes, 4)));
            match code {
                ISB_STARTTIME => statistics.start = time(),
                ISB_ENDTIME => statistics.end = time(),
                ISB_IFRECV => statistics.received = count,
                ISB_IFDROP => statistics.dropped_by_interface = count,
                ISB_FILTERACCEPT => statistics.accepted_by_filter = count,
                ISB_OSDROP => statistics.dropped_by_system = count,
                ISB_USRDELIV => statistics.delivered = count,
                _ => {}
            }
        }
        if options.is_malformed() {
            log.warn(WarningKind::BadOption, offset, "a malformed statistics option");
        }
        self.contents.statistics.insert(index, statistics);
        self.contents.counted(index, &statistics, offset, log);
    }
}

impl Contents {
    fn counted(
        &mut self,
        interface: u32,
        statistics: &InterfaceStatistics,
        offset: u64,
        log: &mut Log,
    ) {
        let drops = self.drops.entry(interface).or_default();
        drops.by_interface = statistics.dropped_by_interface.unwrap_or_default();
        drops.by_system = statistics.dropped_by_system.unwrap_or_default();
        drops.tell(interface, offset, log);
    }

    /// `n` packets were dropped before a packet.
    pub(super) fn packet_dropped(&mut self, interface: u32, n: u64, offset: u64, log: &mut Log) {
        let drops = self.drops.entry(interface).or_default();
        drops.by_packets = drops.by_packets.saturating_add(n);
        drops.tell(interface, offset, log);
    }
}

impl Drops {
    /// Statistics and packets tell of the same drops, each perhaps of a part only: the larger number counts.
    fn tell(&self, interface: u32, offset: u64, log: &mut Log) {
        let Self { by_interface, by_system, by_packets } = self;
        let count = by_interface.saturating_add(*by_system).max(*by_packets);
        if count > 0 {
            let detail = format!(
                "the capturing host dropped packets: {by_interface} by the interface, {by_system} by the system, \
                 {by_packets} told between packets"
            );
            log.warn_interface(WarningKind::CaptureDrops, offset, Some(interface), count, detail);
        }
    }
}

const ISB_STARTTIME: u16 = 2;
const ISB_ENDTIME: u16 = 3;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;
const ISB_FILTERACCEPT: u16 = 6;
const ISB_OSDROP: u16 = 7;
const ISB_USRDELIV: u16 = 8;
