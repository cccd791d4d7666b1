//! What capture files are, apart from any diagnosis: `crosscap-info/1`.

use crosscap_diagnosis::thousands;
use serde::{Deserialize, Serialize};

use crate::Generator;

/// Name and version of the schema.
pub const INFO_SCHEMA: &str = "crosscap-info/1";

/// What was found out about some capture files.
///
/// Times are integer nanoseconds since the Unix epoch in the capture's own clock. Fields may be added, never renamed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Info {
    /// [`INFO_SCHEMA`].
    pub schema: String,
    /// What wrote it.
    pub generator: Generator,
    /// The files that could be read, in the order given.
    pub files: Vec<FileInfo>,
    /// Those that could not.
    pub unreadable: Vec<Unreadable>,
}

impl Info {
    /// Of these files.
    #[must_use]
    pub fn new(files: Vec<FileInfo>, unreadable: Vec<Unreadable>) -> Self {
        Self { schema: INFO_SCHEMA.into(), generator: Generator::this(), files, unreadable }
    }
}

/// A file that could not be read.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Unreadable {
    /// The file.
    pub file: String,
    /// Why.
    pub error: String,
}

/// One capture file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct FileInfo {
    /// The file.
    pub file: String,
    /// `pcap`, `pcap (ns)`, `pcapng`, …
    pub format: String,
    /// `uncompressed`, `gzip`, …
    pub compression: String,
    /// Bytes of the file as it is stored; null for pipes.
    pub size: Option<u64>,
    /// SHA-256 of the file as it is stored, in hexadecimal; null where nobody asked.
    pub sha256: Option<String>,
    /// Bytes read, after decompression.
    pub unpacked_size: u64,
    /// Packets.
    pub packets: u64,
    /// The highest frame number, as Wireshark counts; more than the packets where pcapng holds blocks of other kinds.
    pub frames: u64,
    /// Bytes captured of all packets.
    pub captured_bytes: u64,
    /// Bytes that all packets had on the wire.
    pub original_bytes: u64,
    /// Bytes captured of the smallest packet; null where there is none.
    pub smallest: Option<u64>,
    /// Bytes captured of the largest packet; null where there is none.
    pub largest: Option<u64>,
    /// The earliest time of a packet.
    pub first_ns: Option<i64>,
    /// The latest time of a packet.
    pub last_ns: Option<i64>,
    /// Decimals of a second that the times make use of: 0, 3, 6 or 9.
    pub time_digits: u32,
    /// Packets that are earlier than the one before them.
    pub out_of_order: u64,
    /// The largest step back in time.
    pub largest_step_back: Option<Pause>,
    /// The longest times without any packet, longest first; at most three, none shorter than a second.
    pub longest_pauses: Vec<Pause>,
    /// Packets with the same bytes as one of the four before them.
    pub duplicates: u64,
    /// Packets of which not all bytes were captured.
    pub cut: u64,
    /// Packets that hold a TCP segment.
    pub tcp: u64,
    /// Packets of other IP protocols, by number.
    pub other_protocols: Vec<ProtocolCount>,
    /// Packets without IP.
    pub not_ip: u64,
    /// IP fragments.
    pub fragments: u64,
    /// Packets cut before the end of their headers.
    pub cut_headers: u64,
    /// Packets whose headers contradict themselves.
    pub malformed: u64,
    /// Packets of a link type that is not decoded.
    pub unknown_link_type: u64,
    /// The link types.
    pub link_types: Vec<String>,
    /// The largest snap length in bytes; 0 where none is known.
    pub snap_len: u32,
    /// Packets behind a gap that damage left, where reading went on behind it.
    pub after_gap: u64,
    /// The sections of a pcapng file: who wrote it, and comments.
    pub sections: Vec<Section>,
    /// Comments on packets: how many.
    pub packet_comments: u64,
    /// The first of them, at most ten.
    pub comments: Vec<PacketComment>,
    /// Names of addresses that a pcapng file tells.
    pub names: Vec<NamedAddress>,
    /// Decryption secrets in a pcapng file: their number, never what they are.
    pub secrets: u64,
    /// Blocks of a pcapng file that hold no packet and were passed over.
    pub passed_over: u64,
    /// The interfaces; one without a name for pcap.
    pub interfaces: Vec<InterfaceInfo>,
    /// What was odd.
    pub warnings: Vec<WarningInfo>,
    /// Whether there is damage: the file ended in it or before its own end, or reading went on behind it.
    pub damaged: bool,
}

/// A section of a pcapng file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Section {
    /// The machine it was written on.
    pub hardware: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// The program that wrote it.
    pub application: Option<String>,
    /// Comments on the section.
    pub comments: Vec<String>,
}

/// A comment on a packet.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PacketComment {
    /// The frame.
    pub frame: u64,
    /// The comment; at most 256 characters of it.
    pub text: String,
}

/// The name of an address.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct NamedAddress {
    /// IPv4 or IPv6.
    pub address: String,
    /// Its name.
    pub name: String,
}

/// How many packets an IP protocol has.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ProtocolCount {
    /// IANA protocol number.
    pub protocol: u8,
    /// Packets.
    pub packets: u64,
}

/// A step in time between a packet and the one before it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Pause {
    /// The frame behind it.
    pub frame: u64,
    /// Time of the packet before it.
    pub from_ns: i64,
    /// Time of the packet behind it.
    pub to_ns: i64,
}

impl Pause {
    /// Its length in nanoseconds; negative for a step back.
    #[must_use]
    pub const fn nanos(&self) -> i64 {
        self.to_ns.saturating_sub(self.from_ns)
    }
}

/// An interface.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct InterfaceInfo {
    /// Its number, counted over all sections of the file.
    pub id: u32,
    /// Its name.
    pub name: Option<String>,
    /// The link type.
    pub link_type: String,
    /// Snap length in bytes; 0 where there is no limit or none is known.
    pub snap_len: u32,
    /// What it is.
    pub description: Option<String>,
    /// The capture filter.
    pub filter: Option<String>,
    /// Comments on it.
    pub comments: Vec<String>,
    /// Packets that reached it, by its own count.
    pub received: Option<u64>,
    /// Packets that it dropped.
    pub dropped_by_interface: Option<u64>,
    /// Packets that the capturing system dropped.
    pub dropped_by_system: Option<u64>,
    /// Packets.
    pub packets: u64,
    /// Bytes captured.
    pub captured_bytes: u64,
    /// The earliest time of a packet.
    pub first_ns: Option<i64>,
    /// The latest time of a packet.
    pub last_ns: Option<i64>,
}

/// What was odd.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct WarningInfo {
    /// `truncated-tail`, …
    pub id: String,
    /// In words.
    pub detail: String,
    /// Byte of the (decompressed) file where it was first met.
    pub offset: u64,
    /// Frames before it.
    pub frame: u64,
    /// How often.
    pub count: u64,
    /// The interface concerned.
    pub interface: Option<u32>,
}

impl WarningInfo {
    /// What, where and how often, without a full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (detail, byte) = (&self.detail, thousands(self.offset));
        let place = match self.frame {
            0 => "before its first frame".to_owned(),
            frame => format!("behind frame {frame}"),
        };
        match (self.id.as_str(), self.count) {
            ("truncated-tail", _) => format!("cut short {place}: {detail} (byte {byte})"),
            ("damaged-record", _) => format!(
                "damaged {place}: {detail} (byte {byte}); what follows was not read, --salvage reads on"
            ),
            ("unpacking-limit", _) => format!("not read {place}: {detail} (byte {byte})"),
            ("salvaged-gap", _) => {
                format!("damaged {place}: {detail} (byte {byte}); read on behind it")
            }
            ("time-disorder", 0..=1) => {
                format!("frame {} is earlier than the one before it", self.frame + 1)
            }
            ("time-disorder", count) => format!(
                "{} frames are earlier than the one before them, the first of them frame {}",
                thousands(count),
                self.frame + 1
            ),
            // A sum over the whole file.
            ("capture-drops", _) => detail.clone(),
            (_, 0..=1) => format!("{detail} ({place}, byte {byte})"),
            (_, count) => {
                format!("{detail} ({} times, first {place}, byte {byte})", thousands(count))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_sentences() {
        let said = |id: &str, detail: &str, offset, frame, count| {
            let (id, detail) = (id.to_owned(), detail.to_owned());
            WarningInfo { id, detail, offset, frame, count, interface: None }.sentence()
        };
        let cut =
            said("truncated-tail", "the file ends after 5 of 7 bytes of a record", 149_412, 275, 1);
        let expected = "cut short behind frame 275: the file ends after 5 of 7 bytes of a record (byte 149,412)";
        assert_eq!(cut, expected);
        let one = said("time-disorder", "", 9, 234, 1);
        assert_eq!(one, "frame 235 is earlier than the one before it");
        let many = said("time-disorder", "", 9, 234, 1_031);
        assert_eq!(
            many,
            "1,031 frames are earlier than the one before them, the first of them frame 235"
        );
        let version = said("unusual-version", "version 2.3, read as 2.4", 4, 0, 1);
        assert_eq!(version, "version 2.3, read as 2.4 (before its first frame, byte 4)");
        let options = said("bad-option", "an option is too long", 1_000, 7, 3);
        assert_eq!(options, "an option is too long (3 times, first behind frame 7, byte 1,000)");
    }
}
