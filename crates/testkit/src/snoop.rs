//! Writes snoop files (RFC 1761).

/// Writes a snoop file of version 2: add packets, then take the bytes.
#[derive(Clone, Debug)]
pub struct SnoopWriter {
    version: u32,
    datalink: u32,
    drops: u32,
    body: Vec<u8>,
}

impl SnoopWriter {
    /// An empty file of Ethernet packets.
    #[must_use]
    pub const fn new() -> Self {
        Self { version: 2, datalink: 4, drops: 0, body: Vec::new() }
    }

    /// Sets the version.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Sets the datalink type, as RFC 1761 numbers them.
    #[must_use]
    pub const fn datalink(mut self, datalink: u32) -> Self {
        self.datalink = datalink;
        self
    }

    /// Says from now on that `drops` packets were dropped since the start of the capture.
    pub const fn drops(&mut self, drops: u32) -> &mut Self {
        self.drops = drops;
        self
    }

    /// Adds a packet captured whole, `nanos` nanoseconds after the epoch.
    pub fn packet(&mut self, nanos: u64, data: &[u8]) -> &mut Self {
        self.cut_packet(nanos, data, data.len() as u32)
    }

    /// Adds a packet of which `data` was captured of `original_len` bytes.
    pub fn cut_packet(&mut self, nanos: u64, data: &[u8], original_len: u32) -> &mut Self {
        let len = data.len() as u32;
        self.record(nanos, (original_len, len, len.next_multiple_of(4) + 24), data)
    }

    /// Adds a record whose (original, captured, record) lengths say whatever they are told to. The data is padded to a
    /// multiple of four bytes.
    pub fn record(
        &mut self,
        nanos: u64,
        (original, captured, record): (u32, u32, u32),
        data: &[u8],
    ) -> &mut Self {
        let (seconds, micros) = ((nanos / 1_000_000_000) as u32, (nanos / 1000 % 1_000_000) as u32);
        for word in [original, captured, record, self.drops, seconds, micros] {
            self.body.extend(word.to_be_bytes());
        }
        self.raw(data).raw(&[0; 3][..data.len().next_multiple_of(4) - data.len()])
    }

    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.body.extend_from_slice(bytes);
        self
    }

    /// The whole file.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        let mut file = b"snoop\0\0\0".to_vec();
        file.extend(self.version.to_be_bytes());
        file.extend(self.datalink.to_be_bytes());
        file.extend(self.body);
        file
    }
}

impl Default for SnoopWriter {
    fn default() -> Self {
        Self::new()
    }
}
