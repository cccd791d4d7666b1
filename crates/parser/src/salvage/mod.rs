//! Reading on behind damage.
//!
//! A record behind damage is believed only where a chain of records begins with it that is longer than any packet: what
//! lies inside one packet, such as a capture that was sent over the wire, cannot be that long. Or the chain ends exactly
//! where the file does.

mod search;
mod vet;

use std::ops::RangeInclusive;

use crosscap_packet::Timestamp;

use self::search::Search;
use crate::buffer::Buffer;
use crate::log::{Log, Reach};
use crate::record::Found;
use crate::source::Tail;
use crate::{Error, Warning, WarningKind};

/// What a search has to know of a format.
pub(crate) trait Chain {
    /// The record at the front of `bytes`, where its header is beyond suspicion: of at most about `longest` bytes.
    fn link(&self, bytes: &[u8], longest: usize) -> Option<Link>;

    /// Length of the damaged record at the front of `bytes` by what else its header says of it.
    fn second_guess(&self, bytes: &[u8]) -> Option<usize>;

    /// Whether the damage is just that the record at `offset` ends otherwise than it begins. If so, it is believed from
    /// now on.
    fn believe_header(&mut self, _offset: u64, _bytes: &[u8]) -> bool {
        false
    }
}

/// A record of a chain.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) len: usize,
    /// Where the header alone tells.
    pub(crate) time: Option<Timestamp>,
    pub(crate) may_begin: bool,
}

/// What was read so far, to judge what may follow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Salvage {
    // Of the packets that have a time.
    earliest: Timestamp,
    latest: Timestamp,
    last: Option<Timestamp>,
    /// Bytes of the longest packet to reckon with.
    longest: usize,
    /// Nothing that can be a record begins there, although it may look so.
    bad_at: Option<u64>,
    /// Up to there records follow each other from where reading is.
    ahead: u64,
    /// To the end of the file, records follow as well as they will.
    settled: bool,
    /// A record begins there, by who has read all before it.
    named: Option<u64>,
}

impl Salvage {
    pub(crate) fn new(snap_len: u32) -> Self {
        Self {
            earliest: Timestamp::MAX,
            latest: Timestamp::MIN,
            last: None,
            longest: (snap_len as usize).clamp(LEAST_LONGEST, MOST_LONGEST),
            bad_at: None,
            ahead: 0,
            settled: false,
            named: None,
        }
    }

    /// The same for the record at `offset` and those behind it.
    pub(crate) const fn at_record(self, offset: u64) -> Self {
        Self { ahead: 0, named: Some(offset), ..self }
    }

    /// Where a record begins beyond doubt.
    pub(crate) const fn named(&self) -> Option<u64> {
        self.named
    }

    /// To guess where records begin of about the time `near`. A guess is cheap to check, so it need not reckon with the
    /// rarest packets.
    pub(crate) fn near(near: Timestamp) -> Self {
        let (last, longest) = (Some(near), USUAL_LONGEST);
        Self { earliest: near, latest: near, last, longest, ..Self::new(0) }
    }

    /// The first of the next `len` bytes where a record begins that is proven.
    pub(crate) fn guess(
        &self,
        chain: &impl Chain,
        len: usize,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<Option<usize>, Error> {
        let search = Search::new(chain, self);
        let len = len.min(search.window());
        let reach = log.fill(buffer, len + search.window())?;
        let bytes = buffer.bytes();
        Ok(search.find(bytes, 0..len.min(bytes.len()), reach == Reach::End))
    }

    /// A packet was read.
    pub(crate) fn saw(&mut self, found: &Found) {
        self.longest = self.longest.max(found.len.min(MOST_LONGEST));
        // The epoch stands for no time at all.
        if found.timestamp != Timestamp(0) {
            self.earliest = self.earliest.min(found.timestamp);
            self.latest = self.latest.max(found.timestamp);
            self.last = Some(found.timestamp);
        }
    }

    /// Times that a record behind damage may have.
    fn times(&self) -> RangeInclusive<i64> {
        match self.last {
            Some(_) => self.earliest.0.saturating_sub(FAR)..=self.latest.0.saturating_add(FAR),
            None => i64::MIN..=i64::MAX,
        }
    }

    /// Goes to the next record that is proven. False where there is none; then the file ends with the damage.
    pub(crate) fn resume(
        &mut self,
        chain: &mut impl Chain,
        damage: &Warning,
        buffer: &mut Buffer,
        log: &mut Log,
    ) -> Result<bool, Error> {
        (self.ahead, self.bad_at) = (0, None);
        let search = Search::new(chain, self);
        let (bytes, reach) = log.exactly(buffer, 2 * search.window())?;
        let leads_on = |&len: &usize| search.proves(bytes, len, reach == Reach::End);
        if let Some(len) = search.chain.second_guess(bytes).filter(leads_on) {
            if chain.believe_header(damage.offset, bytes) {
                let detail = format!("{}; its header was believed", damage.detail);
                log.warn(WarningKind::BadBlock, damage.offset, detail);
                log.set_ended(false);
            } else {
                skip(buffer, log, damage.offset, len, &damage.detail);
            }
            return Ok(true);
        }
        buffer.consume(1);
        let search = Search::new(chain, self);
        while !buffer.bytes().is_empty() || buffer.tail() == Tail::Open {
            let (bytes, reach) = log.exactly(buffer, 2 * search.window())?;
            // What begins later is not all there.
            let starts = bytes.len() - if reach == Reach::All { search.window() } else { 0 };
            if let Some(start) = search.find(bytes, 0..starts, reach == Reach::End) {
                skip(buffer, log, damage.offset, start, &damage.detail);
                return Ok(true);
            }
            buffer.consume(starts);
            if reach != Reach::All {
                break;
            }
        }
        Ok(false)
    }
}

/// Goes over `len` bytes of damage that began at `offset`.
fn skip(buffer: &mut Buffer, log: &mut Log, offset: u64, len: usize, why: &str) {
    buffer.consume(len);
    log.gap(offset, buffer.offset(), why);
}

/// What Wireshark takes: no packet is longer unless the snap length or one seen says so.
const LEAST_LONGEST: usize = 256 << 10;
/// IP does not hold more.
const USUAL_LONGEST: usize = 64 << 10;
/// A larger snap length only means that there is none.
const MOST_LONGEST: usize = 1 << 20;
/// Packets farther apart in time than this do not follow each other, in nanoseconds.
const FAR: i64 = 31 * 86_400 * 1_000_000_000;
