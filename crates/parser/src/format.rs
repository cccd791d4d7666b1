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
    /// snoop, as Solaris writes it (RFC 1761).
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
    /// gzip, any number of members.
    Gzip,
}

/// Names formats that are recognised but not read: (magic, name, what to do).
pub(crate) fn known_but_unread(start: &[u8]) -> Option<(&'static str, &'static str)> {
    const UNPACK: &str = "unpack it first";
    const CONVERT: &str = "convert it with `editcap -F pcapng`";
    const KNOWN: [(&[u8], &str, &str); 7] = [
        (&[0x28, 0xb5, 0x2f, 0xfd], "zstd compression", UNPACK),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz compression", UNPACK),
        (&[0x04, 0x22, 0x4d, 0x18], "lz4 compression", UNPACK),
        (b"BZh", "bzip2 compression", UNPACK),
        (b"PK\x03\x04", "a zip archive", UNPACK),
        // Only seen here inside gzip: plain gzip is unpacked before.
        (&[0x1f, 0x8b], "gzip inside gzip", UNPACK),
        (&[0x00, 0x1c, 0x00, 0x01], "the IXIA capture format", CONVERT),
    ];
    KNOWN.iter().find(|(magic, ..)| start.starts_with(magic)).map(|&(_, name, hint)| (name, hint))
}
