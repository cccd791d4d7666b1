//! What a pcapng file says besides its packets.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::options::{MAX_COMMENT, MAX_NAME, OPT_COMMENT, Options, Texts};
use super::statistics::{Drops, InterfaceStatistics};
use crate::WarningKind;
use crate::log::Log;
use crate::order::Order;

/// All of it, as far as it was read: bounded, and once however often a place is read.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) sections: Vec<SectionInfo>,
    pub(crate) names: BTreeMap<IpAddr, Box<str>>,
    pub(crate) secrets: Vec<Secrets>,
    pub(crate) blocks: BlockCounts,
    pub(crate) statistics: BTreeMap<u32, InterfaceStatistics>,
    pub(super) drops: BTreeMap<u32, Drops>,
    pub(super) texts: Texts,
    // Where the next that is new can be.
    new_from: u64,
}

/// What a pcapng section header says of the capturing host.
///
/// Texts are those of an untrusted file: they may hold control characters. At most 256 bytes of each are kept, 4 KiB of a
/// comment; invalid UTF-8 is replaced.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SectionInfo {
    /// Where the section begins: byte offset in the (decompressed) file.
    pub offset: u64,
    /// The hardware.
    pub hardware: Option<Box<str>>,
    /// The operating system.
    pub os: Option<Box<str>>,
    /// The program that wrote the section.
    pub application: Option<Box<str>>,
    /// Comments, in the order of the file.
    pub comments: Vec<Box<str>>,
}

/// A decryption secrets block of pcapng. What it holds is never kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Secrets {
    /// What kind of secrets, as the format numbers them: 0x544c534b is a TLS key log.
    pub kind: u32,
    /// Bytes of secrets.
    pub len: u32,
    /// Where the block begins: byte offset in the (decompressed) file.
    pub offset: u64,
}

/// How many blocks of pcapng were passed over, by what they are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BlockCounts {
    custom: BTreeMap<u32, u64>,
    unknown: BTreeMap<u32, u64>,
    journal: u64,
}

impl BlockCounts {
    /// Custom blocks: (private enterprise number, how many), at most 256 numbers.
    pub fn custom(&self) -> impl Iterator<Item = (u32, u64)> {
        self.custom.iter().map(|(enterprise, n)| (*enterprise, *n))
    }

    /// Blocks of types that this crate does not know: (type, how many), at most 256 types.
    pub fn unknown(&self) -> impl Iterator<Item = (u32, u64)> {
        self.unknown.iter().map(|(kind, n)| (*kind, *n))
    }

    /// systemd journal export blocks.
    #[must_use]
    pub const fn journal(&self) -> u64 {
        self.journal
    }
}

impl Contents {
    /// Whether the block at `offset` is read for the first time. What a seek went over never is.
    pub(super) const fn is_new(&mut self, offset: u64) -> bool {
        let is_new = offset >= self.new_from;
        if is_new {
            self.new_from = offset + 1;
        }
        is_new
    }

    /// The options of a section header.
    pub(super) fn section(&mut self, order: Order, options: &[u8], offset: u64, log: &mut Log) {
        if self.sections.len() >= MAX_SECTIONS {
            return left_out(offset, log);
        }
        let mut section = SectionInfo { offset, ..SectionInfo::default() };
        let mut options = Options::new(order, options);
        for (code, value) in &mut options {
            match code {
                OPT_COMMENT => section.comments.extend(self.texts.keep(value, MAX_COMMENT)),
                SHB_HARDWARE => section.hardware = self.texts.keep(value, MAX_NAME),
                SHB_OS => section.os = self.texts.keep(value, MAX_NAME),
                SHB_USERAPPL => section.application = self.texts.keep(value, MAX_NAME),
                _ => {}
            }
        }
        self.sections.push(section);
        if options.is_malformed() {
            log.warn(WarningKind::BadOption, offset, "a malformed section option");
        }
        if self.texts.take_left_out() {
            left_out(offset, log);
        }
    }

    /// A block of which only the type counts, or what stands at its front.
    pub(super) fn passed_over(
        &mut self,
        kind: u32,
        order: Order,
        block: &[u8],
        offset: u64,
        log: &mut Log,
    ) {
        let first =
            block.get(8..12).and_then(|word| word.first_chunk()).map(|word| order.u32(*word));
        let counts = match (kind, first) {
            (pcap_parser::SJE_MAGIC, _) => {
                self.blocks.journal += 1;
                return;
            }
            (pcap_parser::DSB_MAGIC, Some(kind)) => {
                let Some(len) = block.get(12..16).and_then(|word| word.first_chunk()) else {
                    return;
                };
                if self.secrets.len() >= MAX_SECRETS {
                    return left_out(offset, log);
                }
                return self.secrets.push(Secrets { kind, len: order.u32(*len), offset });
            }
            (pcap_parser::CB_MAGIC | pcap_parser::DCB_MAGIC, Some(enterprise)) => {
                (&mut self.blocks.custom, enterprise)
            }
            _ => (&mut self.blocks.unknown, kind),
        };
        let (map, key) = counts;
        if map.len() < MAX_KINDS || map.contains_key(&key) {
            *map.entry(key).or_default() += 1;
        } else {
            left_out(offset, log);
        }
    }
}

/// Warns that there is more than is kept.
#[cold]
pub(super) fn left_out(offset: u64, log: &mut Log) {
    let detail = "more names, comments or kinds of blocks than are kept";
    log.warn(WarningKind::ContentsLeftOut, offset, detail);
}

const SHB_HARDWARE: u16 = 2;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const MAX_SECTIONS: usize = 4096;
const MAX_SECRETS: usize = 1024;
const MAX_KINDS: usize = 256;
