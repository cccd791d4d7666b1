//! Name resolution blocks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::contents::{Contents, left_out};
use super::options::MAX_NAME;
use crate::WarningKind;
use crate::log::Log;
use crate::order::Order;

impl Contents {
    /// The records of a name resolution block. Where one does not fit, the whole block is taken for a lie.
    pub(super) fn names(&mut self, order: Order, records: &[u8], offset: u64, log: &mut Log) {
        // Twice over the records is cheaper than a list of them.
        let mut walk = Records { order, rest: records, malformed: false };
        walk.by_ref().for_each(drop);
        if walk.malformed {
            let why = "a name record that does not fit; the block's names were ignored";
            return log.warn(WarningKind::BadBlock, offset, why);
        }
        let mut more = false;
        for (address, name) in (Records { order, rest: records, malformed: false }) {
            if self.names.contains_key(&address) {
                continue;
            }
            let room = self.names.len() < MAX_NAMES;
            match room.then(|| self.texts.keep(name, MAX_NAME)).flatten() {
                Some(name) => drop(self.names.insert(address, name)),
                None => more = true,
            }
        }
        if more {
            self.texts.take_left_out();
            left_out(offset, log);
        }
    }
}

/// Walks records: the address and the first of its names.
struct Records<'a> {
    order: Order,
    rest: &'a [u8],
    malformed: bool,
}

impl<'a> Records<'a> {
    /// The next of any type; `None` at the end or where it does not fit.
    fn record(&mut self) -> Option<(u16, &'a [u8])> {
        let head = self.rest.first_chunk::<4>()?;
        let (kind, len) = (self.order.half(head, 0), usize::from(self.order.half(head, 2)));
        if kind == RECORD_END {
            self.rest = &[];
            return None;
        }
        let value = self.rest.get(4..4 + len)?;
        self.rest = self.rest.get(4 + len.next_multiple_of(4)..)?;
        Some((kind, value))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (IpAddr, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((kind, value)) = self.record() else {
                self.malformed |= !self.rest.is_empty();
                self.rest = &[];
                return None;
            };
            let (address, names): (IpAddr, _) = match kind {
                RECORD_IPV4 => match value.split_first_chunk::<4>() {
                    Some((bytes, names)) => (Ipv4Addr::from(*bytes).into(), names),
                    None => continue,
                },
                RECORD_IPV6 => match value.split_first_chunk::<16>() {
                    Some((bytes, names)) => (Ipv6Addr::from(*bytes).into(), names),
                    None => continue,
                },
                _ => continue,
            };
            // Each ends with a zero.
            match names.split(|byte| *byte == 0).next() {
                Some(name) if !name.is_empty() => return Some((address, name)),
                _ => {}
            }
        }
    }
}

const RECORD_END: u16 = 0;
const RECORD_IPV4: u16 = 1;
const RECORD_IPV6: u16 = 2;
const MAX_NAMES: usize = 1 << 16;
