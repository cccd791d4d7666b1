//! Captures to be changed and written again.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::{InterfaceBlock, PcapNgWriter, PcapWriter};

/// A capture held in memory: read from `testdata/`, changed as a test likes, written as any kind of file.
///
/// Its reader is not `crosscap-parser`, and reads nothing but what the lab writes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Capture {
    /// The link type.
    pub network: u32,
    /// The packets.
    pub records: Vec<CaptureRecord>,
}

/// One captured packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureRecord {
    /// When, in ns since the epoch.
    pub nanos: u64,
    /// Length on the wire.
    pub original_len: u32,
    /// What was captured of it.
    pub data: Vec<u8>,
}

impl Capture {
    /// Reads a little-endian pcap with nanoseconds, gzipped or not.
    ///
    /// # Panics
    ///
    /// On anything else, and when the last record is cut.
    #[must_use]
    pub fn load(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let mut bytes =
            fs::read(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut plain = Vec::new();
            let unpacked = flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain);
            unpacked.unwrap_or_else(|e| panic!("cannot unpack {}: {e}", path.display()));
            bytes = plain;
        }
        assert_eq!(word(&bytes, 0), 0xa1b2_3c4d, "magic of {}", path.display());
        let network = word(&bytes, 20);
        let mut records = Vec::new();
        let mut at = 24;
        while at < bytes.len() {
            let nanos =
                u64::from(word(&bytes, at)) * 1_000_000_000 + u64::from(word(&bytes, at + 4));
            let end = at + 16 + word(&bytes, at + 8) as usize;
            let data = bytes[at + 16..end].to_vec();
            records.push(CaptureRecord { nanos, original_len: word(&bytes, at + 12), data });
            at = end;
        }
        Self { network, records }
    }

    /// With every clock reading moved by `nanos`.
    #[must_use]
    pub fn shifted(mut self, nanos: i64) -> Self {
        for record in &mut self.records {
            record.nanos = record.nanos.checked_add_signed(nanos).expect("before the epoch");
        }
        self
    }

    /// With every record written twice, one copy right behind the other.
    #[must_use]
    pub fn doubled(mut self) -> Self {
        self.records = self.records.into_iter().flat_map(|r| [r.clone(), r]).collect();
        self
    }

    /// Every record a second time, `nanos` later, among the others: as a second tap records a path that queues.
    #[must_use]
    pub fn echoed(mut self, nanos: u64) -> Self {
        let late = |r: &CaptureRecord| CaptureRecord { nanos: r.nanos + nanos, ..r.clone() };
        let echoes: Vec<CaptureRecord> = self.records.iter().map(late).collect();
        self.records.extend(echoes);
        self.records.sort_by_key(|r| r.nanos);
        self
    }

    /// Only the packets for whose place (from 0) `keep` holds.
    #[must_use]
    pub fn filtered(mut self, mut keep: impl FnMut(usize) -> bool) -> Self {
        let mut place = 0..;
        self.records.retain(|_| place.next().is_some_and(&mut keep));
        self
    }

    /// As a pcap file of the kind that `writer` was told to write; its link type is set here.
    #[must_use]
    pub fn pcap(&self, writer: PcapWriter) -> Vec<u8> {
        let mut writer = writer.network(self.network);
        for r in &self.records {
            writer.cut_packet(r.nanos, &r.data, r.original_len);
        }
        writer.into_bytes()
    }

    /// As a pcapng file with nanoseconds and one interface.
    ///
    /// # Panics
    ///
    /// When the link type does not fit in 16 bits.
    #[must_use]
    pub fn pcapng(&self, mut writer: PcapNgWriter) -> Vec<u8> {
        let link_type = u16::try_from(self.network).expect("a link type of 16 bits");
        writer.interface(&InterfaceBlock::new().link_type(link_type).tsresol(9));
        for r in &self.records {
            let lengths = (r.data.len() as u32, r.original_len);
            writer.enhanced_packet(0, r.nanos, lengths, &r.data, &[]);
        }
        writer.into_bytes()
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let records = [(5, 3_u32), (1_700_000_000_123_456_789, 99)].map(|(nanos, original_len)| {
            CaptureRecord { nanos, original_len, data: vec![1, 2, 3] }
        });
        let capture = Capture { network: 276, records: records.into() };
        let path = std::env::temp_dir().join(format!("testkit-{}.pcap.gz", std::process::id()));
        fs::write(&path, crate::gzip(&capture.pcap(PcapWriter::new().nanos()))).unwrap();
        let read = Capture::load(&path);
        fs::remove_file(&path).unwrap();
        assert_eq!(read, capture);
        assert_eq!(read.clone().shifted(-5).records[0].nanos, 0);
        assert_eq!(read.clone().doubled().filtered(|place| place % 2 == 1), read);
    }
}
