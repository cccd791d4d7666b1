//! What a file says of an interface.

use crosscap_packet::LinkType;

use super::clock::Clock;
use crate::order::Order;

/// An interface that packets were captured on, as a pcapng file describes it. A pcap file has one, without a name.
#[derive(Clone, Debug)]
pub struct Interface {
    link_type: LinkType,
    snap_len: u32,
    name: Option<Box<str>>,
    clock: Clock,
}

impl Interface {
    pub(crate) fn new(link_type: LinkType, snap_len: u32) -> Self {
        Self { link_type, snap_len, name: None, clock: Clock::default() }
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

    /// Its name, such as `eth0`: at most 256 bytes of it, invalid UTF-8 replaced. Text of an untrusted file: it may hold
    /// control characters.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    #[inline(always)]
    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Takes in one option of the description. Options of a wrong length are left aside.
    pub(super) fn option(&mut self, order: Order, code: u16, value: &[u8]) {
        match code {
            IF_NAME => {
                let short = &value[..value.len().min(MAX_NAME)];
                self.name = Some(String::from_utf8_lossy(short).into());
            }
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
            _ => {}
        }
    }
}

const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const MAX_NAME: usize = 256;
