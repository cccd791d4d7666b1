//! Writes pcap files.

/// Writes a pcap file: first say what kind, then add packets, then take the bytes.
///
/// Little-endian, microseconds, Ethernet and a snap length of 262,144 bytes unless told otherwise.
#[derive(Clone, Debug)]
pub struct PcapWriter {
    big_endian: bool,
    magic: u32,
    version: (u16, u16),
    snap_len: u32,
    network: u32,
    body: Vec<u8>,
}

impl PcapWriter {
    /// An empty file.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            big_endian: false,
            magic: MICROS,
            version: (2, 4),
            snap_len: 262_144,
            network: 1,
            body: Vec::new(),
        }
    }

    /// Writes big-endian. To be said before the first packet, like all that is about the header.
    #[must_use]
    pub const fn big_endian(mut self) -> Self {
        self.big_endian = true;
        self
    }

    /// Writes nanoseconds.
    #[must_use]
    pub const fn nanos(mut self) -> Self {
        self.magic = NANOS;
        self
    }

    /// Writes the 24-byte record headers of the patched format a1b2cd34.
    #[must_use]
    pub const fn modified(mut self) -> Self {
        self.magic = MODIFIED;
        self
    }

    /// Sets the version, 2.4 by default.
    #[must_use]
    pub const fn version(mut self, major: u16, minor: u16) -> Self {
        self.version = (major, minor);
        self
    }

    /// Sets the snap length in bytes. Packets are not cut to it: see [`cut_packet`](Self::cut_packet).
    #[must_use]
    pub const fn snap_len(mut self, bytes: u32) -> Self {
        self.snap_len = bytes;
        self
    }

    /// Sets the link type: the whole 32-bit field, FCS bits included.
    #[must_use]
    pub const fn network(mut self, network: u32) -> Self {
        self.network = network;
        self
    }

    /// Adds a packet captured whole, `nanos` nanoseconds after the epoch.
    pub fn packet(&mut self, nanos: u64, data: &[u8]) -> &mut Self {
        self.cut_packet(nanos, data, data.len() as u32)
    }

    /// Adds a packet of which `data` was captured of `original_len` bytes.
    pub fn cut_packet(&mut self, nanos: u64, data: &[u8], original_len: u32) -> &mut Self {
        let tick = if self.magic == NANOS { 1 } else { 1000 };
        let (seconds, ticks) = (nanos / 1_000_000_000, nanos % 1_000_000_000 / tick);
        self.record(seconds as u32, ticks as u32, data.len() as u32, original_len, data)
    }

    /// Adds a record whose header says whatever it is told to.
    pub fn record(
        &mut self,
        seconds: u32,
        ticks: u32,
        captured_len: u32,
        original_len: u32,
        data: &[u8],
    ) -> &mut Self {
        for word in [seconds, ticks, captured_len, original_len] {
            self.body.extend(self.word(word));
        }
        if self.magic == MODIFIED {
            self.body.extend([0; 8]);
        }
        self.raw(data)
    }

    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.body.extend_from_slice(bytes);
        self
    }

    /// The whole file.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        let (major, minor) = self.version;
        let half = |n: u16| if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut file = Vec::with_capacity(24 + self.body.len());
        file.extend(self.word(self.magic));
        file.extend(half(major));
        file.extend(half(minor));
        file.extend([0; 8]);
        file.extend(self.word(self.snap_len));
        file.extend(self.word(self.network));
        file.extend(self.body);
        file
    }

    const fn word(&self, n: u32) -> [u8; 4] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }
}

impl Default for PcapWriter {
    fn default() -> Self {
        Self::new()
    }
}

const MICROS: u32 = 0xa1b2_c3d4;
const NANOS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;
