//! What kind of file it is.

use std::fmt;

/// A capture file format.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// pcap with microseconds.
    Pcap,
    /// pcap with nanoseconds.
    PcapNanos,
    /// pcap with the longer record headers of A. Kuznetzov's patch (magic a1b2cd34).
    PcapModified,
    /// pcapng.
    PcapNg,
    /// snoop (RFC 1761), as Solaris writes it.
    Snoop,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pcap => "pcap",
            Self::PcapNanos => "pcap (ns)",
            Self::PcapModified => "pcap (modified)",
            Self::PcapNg => "pcapng",
            Self::Snoop => "snoop",
        })
    }
}

/// How a capture file is compressed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// zstd (RFC 8878), any number of frames, without a dictionary.
    Zstd,
    /// lz4's frame format, any number of frames.
    Lz4,
    /// xz, any number of streams.
    Xz,
}

impl Compression {
    /// Tells it by the first bytes.
    pub(crate) fn detect(start: &[u8]) -> Self {
        const MAGIC: [(&[u8], Compression); 4] = [
            (&[0x1f, 0x8b], Compression::Gzip),
            (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
            (&[0x04, 0x22, 0x4d, 0x18], Compression::Lz4),
            (&[0xfd, b'7', b'z', b'X', b'Z', 0], Compression::Xz),
        ];
        MAGIC.iter().find(|(magic, _)| start.starts_with(magic)).map_or(Self::None, |m| m.1)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
        })
    }
}

/// Names formats that are recognised but not read: (magic, name, what to do).
pub(crate) fn known_but_unread(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const UNPACK: &str = "unpack it first";
    const CONVERT: &str = "convert it with `editcap -F pcapng`";
    const KNOWN: [(&[u8], &str, &str); 4] = [
        (&[0x02, 0x21, 0x4c, 0x18], "the legacy lz4 format", UNPACK),
        (b"BZh", "bzip2 compression", UNPACK),
        (b"PK\x03\x04", "a zip archive", UNPACK),
        (&[0x00, 0x1c, 0x00, 0x01], "the IXIA capture format", CONVERT),
    ];
    KNOWN.iter().find(|(magic, ..)| start.starts_with(magic)).map(|&(_, name, hint)| (name, hint))
}
