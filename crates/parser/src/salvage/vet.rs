//! Suspecting records of pcap, whose headers have nothing that proves them.

use super::search::{Search, are_near};
use super::{Chain, Salvage, skip};
use crate::buffer::Buffer;
use crate::log::{Log, Reach};
use crate::pcap::Pcap;
use crate::{Error, WarningKind};

/// How a walk along the lengths that the headers tell ended.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Walk {
    /// Longer than any packet.
    Long,
    /// Exactly where the file ends.
    End,
    /// In a record that the file does not hold.
    Cut,
    /// At a header that cannot be.
    Bad,
}

impl Salvage {
    /// Looks at the record at the front and the one behind it: where that is odd, one of their headers may lie. Goes
    /// over it if so, or ends the file there for [`Salvage::resume`].
    pub(crate) fn vet(
        &mut self,
        pcap: &Pcap,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<(), Error> {
        let offset = buffer.offset();
        if self.bad_at == Some(offset) && self.named != Some(offset) {
            log.end(WarningKind::DamagedRecord, offset, "not a record: nothing follows from it");
            return Ok(());
        }
        let Some(here) = pcap.record(buffer.bytes()) else {
            if buffer.bytes().len() >= pcap.head_len()
                || log.fill(buffer, pcap.head_len())? != Reach::All
            {
                return Ok(());
            }
            return self.vet(pcap, buffer, log);
        };
        if log.fill(buffer, here.len + pcap.head_len())? != Reach::All || self.settled {
            return Ok(());
        }
        let next = buffer.bytes().get(here.len..).and_then(|bytes| pcap.link(bytes, self.longest));
        if next.is_some_and(|next| here.time.zip(next.time).is_none_or(are_near)) {
            return Ok(());
        }
        self.suspect(pcap, here.len, buffer, log)
    }

    /// The record at the front, of `len` bytes, is followed by an odd one.
    fn suspect(
        &mut self,
        pcap: &Pcap,
        len: usize,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<(), Error> {
        let search = Search::new(pcap, self);
        let (offset, wanted) = (buffer.offset(), len + search.window());
        if buffer.bytes().len() < wanted {
            // Twice as much, so that it is not moved for each record.
            log.fill(buffer, 2 * wanted)?;
        }
        let (bytes, reach) = log.exactly(buffer, wanted)?;
        let ends = reach == Reach::End;
        // All that is open about a record that was named is what follows.
        let is_named = self.named == Some(offset);
        let mut at =
            usize::try_from(self.ahead.saturating_sub(offset)).unwrap_or(usize::MAX).max(len);
        let walk = loop {
            if at > len + search.window() / 2 {
                break Walk::Long;
            }
            match bytes.get(at..).map(|rest| (rest, pcap.record(rest))) {
                Some(([], _)) if ends => break Walk::End,
                Some((_, Some(record))) => at += record.len,
                Some((rest, None)) if rest.len() >= pcap.head_len() => break Walk::Bad,
                _ => break Walk::Cut,
            }
        };
        self.ahead = offset + at as u64;
        let found = match walk {
            Walk::Long | Walk::End => None,
            Walk::Cut => {
                let first = if is_named { len } else { 1 };
                let found = search.find(bytes, first..bytes.len(), ends);
                if found.is_none() {
                    self.settled = true;
                } else if found >= Some(len) {
                    // It is the next record that lies.
                    self.bad_at = Some(offset + len as u64);
                }
                found.filter(|start| *start < len)
            }
            Walk::Bad => {
                let guess = pcap.second_guess(bytes).filter(|&l| search.proves(bytes, l, ends));
                let inside = || search.find(bytes, 1..len, ends).filter(|start| *start < len);
                let found = guess.or_else(inside).filter(|_| !is_named);
                if found.is_none() {
                    self.bad_at = Some(offset + len as u64);
                }
                found
            }
        };
        if let Some(start) = found {
            (self.ahead, self.bad_at) = (0, None);
            skip(
                buffer,
                log,
                offset,
                start,
                &format!("a record of {len} bytes that leads nowhere"),
            );
        }
        Ok(())
    }
}
