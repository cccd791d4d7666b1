//! What a file says of an interface.

use std::sync::Arc;

use crosscap_packet::{LinkType, Timestamp};

use super::clock::Clock;
use super::options::{MAX_COMMENT, MAX_NAME, OPT_COMMENT, Texts};
use crate::order::Order;

/// An interface that packets were captured on, as a pcapng file describes it. A pcap or snoop file has one, without a
/// name.
///
/// Texts are those of an untrusted file: they may hold control characters. Invalid UTF-8 is replaced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    link_type: LinkType,
    snap_len: u32,
    fcs_len: Option<u8>,
    clock: Clock,
    // Few interfaces have any, and there may be very many interfaces.
    details: Option<Arc<Details>>,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Details {
    name: Option<Box<str>>,
    description: Option<Box<str>>,
    hardware: Option<Box<str>>,
    os: Option<Box<str>>,
    filter: Option<Box<str>>,
    speed: Option<u64>,
    comments: Vec<Box<str>>,
}

impl Interface {
    pub(crate) fn new(link_type: LinkType, snap_len: u32) -> Self {
        Self { link_type, snap_len, fcs_len: None, clock: Clock::default(), details: None }
    }

    /// As a pcap file describes its only one.
    pub(crate) fn of_pcap(
        link_type: LinkType,
        snap_len: u32,
        fcs_len: Option<u8>,
        nanos: bool,
    ) -> Self {
        let mut interface = Self { fcs_len, ..Self::new(link_type, snap_len) };
        interface.clock.set_resolution(if nanos { 9 } else { 6 });
        interface
    }

    /// Link-layer header type of its packets.
    #[must_use]
    pub const fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Snap length in bytes; 0 where there is no limit or none is known.
    #[must_use]
    pub const fn snap_len(&self) -> u32 {
        self.snap_len
    }

    /// Bytes of frame check sequence at the end of each packet, where the file says: in the link type field of pcap, in
    /// the option if_fcslen of pcapng. The latter is in bits by the specification and in bytes by Wireshark; values of 8
    /// and more are taken for bits.
    ///
    /// They count in [`PacketRecord::original_len`](crate::PacketRecord::original_len) and are the last of
    /// [`PacketRecord::data`](crate::PacketRecord::data) unless the packet was cut: nothing is stripped.
    #[must_use]
    pub const fn fcs_len(&self) -> Option<u8> {
        self.fcs_len
    }

    /// Resolution of its times, as the option if_tsresol has it: a negative power of ten, or of two where the highest
    /// bit is set. 6, which is microseconds, where nothing is said.
    #[must_use]
    pub const fn tsresol(&self) -> u8 {
        self.clock.tsresol()
    }

    /// Seconds that were added to its times (if_tsoffset).
    #[must_use]
    pub const fn tsoffset(&self) -> i64 {
        self.clock.tsoffset()
    }

    /// Its name, such as `eth0`: at most 256 bytes of it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.details.as_ref()?.name.as_deref()
    }

    /// What people call it: at most 256 bytes, like the texts below.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.details.as_ref()?.description.as_deref()
    }

    /// The hardware.
    #[must_use]
    pub fn hardware(&self) -> Option<&str> {
        self.details.as_ref()?.hardware.as_deref()
    }

    /// Operating system of the machine that it is in, which may not be the capturing one.
    #[must_use]
    pub fn os(&self) -> Option<&str> {
        self.details.as_ref()?.os.as_deref()
    }

    /// The capture filter, where it is kept as text: at most 4 KiB of it.
    #[must_use]
    pub fn filter(&self) -> Option<&str> {
        self.details.as_ref()?.filter.as_deref()
    }

    /// Speed in bits per second.
    #[must_use]
    pub fn speed(&self) -> Option<u64> {
        self.details.as_ref()?.speed
    }

    /// Comments, in the order of the file: at most 4 KiB of each.
    pub fn comments(&self) -> impl Iterator<Item = &str> {
        self.details.iter().flat_map(|details| &details.comments).map(|text| &**text)
    }

    #[inline(always)]
    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn time(&self, high: u32, low: u32) -> Timestamp {
        self.clock.timestamp(u64::from(high) << 32 | u64::from(low))
    }

    /// Takes in one option of the description. Options of a wrong length are left aside.
    pub(super) fn option(&mut self, order: Order, code: u16, value: &[u8], texts: &mut Texts) {
        match code {
            IF_TSRESOL => {
                if let &[tsresol] = value {
                    self.clock.set_resolution(tsresol);
                }
            }
            IF_TSOFFSET => {
                if let Ok(bytes) = value.try_into() {
                    self.clock.set_offset(order.i64(bytes));
                }
            }
            IF_FCSLEN => {
                if let &[len] = value {
                    self.fcs_len = Some(if len < 8 { len } else { len.div_ceil(8) });
                }
            }
            OPT_COMMENT | IF_NAME | IF_DESCRIPTION | IF_SPEED | IF_FILTER | IF_OS | IF_HARDWARE => {
                self.detail(order, code, value, texts);
            }
            _ => {}
        }
    }

    fn detail(&mut self, order: Order, code: u16, value: &[u8], texts: &mut Texts) {
        let details = Arc::make_mut(self.details.get_or_insert_default());
        match (code, value) {
            (OPT_COMMENT, _) => details.comments.extend(texts.keep(value, MAX_COMMENT)),
            (IF_NAME, _) => details.name = texts.keep(value, MAX_NAME),
            (IF_DESCRIPTION, _) => details.description = texts.keep(value, MAX_NAME),
            (IF_HARDWARE, _) => details.hardware = texts.keep(value, MAX_NAME),
            (IF_OS, _) => details.os = texts.keep(value, MAX_NAME),
            // The first byte tells text from byte code.
            (IF_FILTER, [0, text @ ..]) => details.filter = texts.keep(text, MAX_COMMENT),
            (IF_SPEED, _) => details.speed = value.try_into().ok().map(|n| order.u64(n)),
            _ => {}
        }
    }
}

const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_SPEED: u16 = 8;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const IF_OS: u16 = 12;
const IF_FCSLEN: u16 = 13;
const IF_TSOFFSET: u16 = 14;
const IF_HARDWARE: u16 = 15;
