//! Writes pcapng files.

use std::net::IpAddr;

/// Writes a pcapng file block by block: begin a [`section`](Self::section), add blocks, take the bytes.
#[derive(Clone, Debug, Default)]
pub struct PcapNgWriter {
    big_endian: bool,
    file: Vec<u8>,
}

/// An interface description: Ethernet, no snap length, microseconds, no name unless told otherwise.
#[derive(Clone, Debug)]
pub struct InterfaceBlock {
    link_type: u16,
    snap_len: u32,
    // Byte-order dependent values are words to be written.
    options: Vec<(u16, Value)>,
}

#[derive(Clone, Debug)]
enum Value {
    Bytes(Vec<u8>),
    Signed(i64),
}

impl InterfaceBlock {
    /// Ethernet, without options.
    #[must_use]
    pub const fn new() -> Self {
        Self { link_type: 1, snap_len: 0, options: Vec::new() }
    }

    /// Sets the link type.
    #[must_use]
    pub const fn link_type(mut self, link_type: u16) -> Self {
        self.link_type = link_type;
        self
    }

    /// Sets the snap length in bytes.
    #[must_use]
    pub const fn snap_len(mut self, bytes: u32) -> Self {
        self.snap_len = bytes;
        self
    }

    /// Adds the name.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.option(2, name.as_bytes())
    }

    /// Adds the time resolution, as the option writes it: 9 is nanoseconds, 0x80 + n is 2⁻ⁿ s.
    #[must_use]
    pub fn tsresol(self, tsresol: u8) -> Self {
        self.option(9, &[tsresol])
    }

    /// Adds the time offset in seconds.
    #[must_use]
    pub fn tsoffset(mut self, seconds: i64) -> Self {
        self.options.push((14, Value::Signed(seconds)));
        self
    }

    /// Adds any option, its value as it is.
    #[must_use]
    pub fn option(mut self, code: u16, value: &[u8]) -> Self {
        self.options.push((code, Value::Bytes(value.to_vec())));
        self
    }
}

impl Default for InterfaceBlock {
    fn default() -> Self {
        Self::new()
    }
}

impl PcapNgWriter {
    /// A file with one little-endian section begun.
    #[must_use]
    pub fn new() -> Self {
        let mut writer = Self::default();
        writer.section(false);
        writer
    }

    /// A file with one big-endian section begun.
    #[must_use]
    pub fn new_big_endian() -> Self {
        let mut writer = Self::default();
        writer.section(true);
        writer
    }

    /// Begins a section; interfaces count from 0 again.
    pub fn section(&mut self, big_endian: bool) -> &mut Self {
        self.section_with(big_endian, (1, 0), &[])
    }

    /// Begins a section of some version, `options` as they are.
    pub fn section_with(
        &mut self,
        big_endian: bool,
        (major, minor): (u16, u16),
        options: &[u8],
    ) -> &mut Self {
        self.big_endian = big_endian;
        let mut body = self.word(0x1a2b_3c4d).to_vec();
        body.extend(self.half(major));
        body.extend(self.half(minor));
        body.extend([0xff; 8]);
        body.extend_from_slice(options);
        self.block(0x0a0d_0d0a, &body)
    }

    /// Describes the next interface.
    pub fn interface(&mut self, interface: &InterfaceBlock) -> &mut Self {
        let mut body = self.half(interface.link_type).to_vec();
        body.extend([0; 2]);
        body.extend(self.word(interface.snap_len));
        for (code, value) in &interface.options {
            let value = match value {
                Value::Bytes(bytes) => bytes.clone(),
                Value::Signed(n) => self.long(*n as u64).to_vec(),
            };
            body.extend(self.option(*code, &value));
        }
        if !interface.options.is_empty() {
            body.extend([0; 4]);
        }
        self.block(1, &body)
    }

    /// An enhanced packet captured whole, at `ticks` of the interface's resolution.
    pub fn packet(&mut self, interface: u32, ticks: u64, data: &[u8]) -> &mut Self {
        let len = data.len() as u32;
        self.enhanced_packet(interface, ticks, (len, len), data, &[])
    }

    /// An enhanced packet block whose (captured, original) lengths say whatever they are told to. `options` are added as
    /// they are.
    pub fn enhanced_packet(
        &mut self,
        interface: u32,
        ticks: u64,
        (captured, original): (u32, u32),
        data: &[u8],
        options: &[u8],
    ) -> &mut Self {
        let words = [interface, (ticks >> 32) as u32, ticks as u32, captured, original];
        let mut body: Vec<u8> = words.into_iter().flat_map(|n| self.word(n)).collect();
        pad(&mut body, data);
        body.extend_from_slice(options);
        self.block(6, &body)
    }

    /// A simple packet block; `data` should be as long as the snap length lets it be.
    pub fn simple_packet(&mut self, original_len: u32, data: &[u8]) -> &mut Self {
        let mut body = self.word(original_len).to_vec();
        pad(&mut body, data);
        self.block(3, &body)
    }

    /// The obsolete packet block.
    pub fn obsolete_packet(&mut self, interface: u16, ticks: u64, data: &[u8]) -> &mut Self {
        let mut body = self.half(interface).to_vec();
        body.extend([0; 2]);
        let len = data.len() as u32;
        for word in [(ticks >> 32) as u32, ticks as u32, len, len] {
            body.extend(self.word(word));
        }
        pad(&mut body, data);
        self.block(2, &body)
    }

    /// Interface statistics: packets dropped by the interface and by the operating system.
    pub fn statistics(&mut self, interface: u32, ifdrop: u64, osdrop: u64) -> &mut Self {
        let mut body = self.word(interface).to_vec();
        body.extend([0; 8]);
        body.extend(self.option(5, &self.long(ifdrop)));
        body.extend(self.option(7, &self.long(osdrop)));
        body.extend([0; 4]);
        self.block(5, &body)
    }

    /// Name resolution: of each address its name.
    pub fn names(&mut self, names: &[(IpAddr, &str)]) -> &mut Self {
        let mut body = Vec::new();
        for (address, name) in names {
            let (kind, mut value) = match address {
                IpAddr::V4(v4) => (1, v4.octets().to_vec()),
                IpAddr::V6(v6) => (2, v6.octets().to_vec()),
            };
            value.extend(name.bytes());
            value.push(0);
            body.extend(self.option(kind, &value));
        }
        body.extend([0; 4]);
        self.block(4, &body)
    }

    /// Decryption secrets of a kind.
    pub fn secrets(&mut self, kind: u32, data: &[u8]) -> &mut Self {
        let mut body = [self.word(kind), self.word(data.len() as u32)].concat();
        pad(&mut body, data);
        self.block(10, &body)
    }

    /// A custom block of an enterprise.
    pub fn custom(&mut self, enterprise: u32, data: &[u8]) -> &mut Self {
        let mut body = self.word(enterprise).to_vec();
        pad(&mut body, data);
        self.block(0xbad, &body)
    }

    /// Any block, its body padded to a multiple of four bytes.
    pub fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let mut padded = Vec::new();
        pad(&mut padded, body);
        let len = padded.len() as u32 + 12;
        self.lying_block(kind, len, &padded, len)
    }

    /// Any block, with the lengths at its two ends as told.
    pub fn lying_block(&mut self, kind: u32, len: u32, body: &[u8], trailer: u32) -> &mut Self {
        for word in [kind, len] {
            self.file.extend(self.word(word));
        }
        let trailer = self.word(trailer);
        self.raw(body).raw(&trailer)
    }

    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.file.extend_from_slice(bytes);
        self
    }

    /// The whole file.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.file
    }

    /// Options as they stand in the current section, without an end. Values are as they are: see
    /// [`long`](Self::long).
    #[must_use]
    pub fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        options.iter().flat_map(|(code, value)| self.option(*code, value)).collect()
    }

    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [self.half(code), self.half(value.len() as u16)].concat();
        pad(&mut option, value);
        option
    }

    const fn half(&self, n: u16) -> [u8; 2] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    const fn word(&self, n: u32) -> [u8; 4] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    /// 64 bits in the byte order of the current section.
    #[must_use]
    pub const fn long(&self, n: u64) -> [u8; 8] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }
}

/// Adds `bytes` and zeros up to a multiple of four.
fn pad(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(bytes);
    to.resize(to.len() + (4 - bytes.len() % 4) % 4, 0);
}
