//! Headers of tunnels.

use super::Wire;

impl Wire {
    /// In a UDP datagram to `port`, without checksum.
    #[must_use]
    pub fn udp(&self, port: u16) -> Self {
        let mut header = vec![0xc0, 0x01];
        header.extend(port.to_be_bytes());
        header.extend((8 + self.bytes.len() as u16).to_be_bytes());
        header.extend([0; 2]);
        self.behind(&header, 0, 17)
    }

    /// This Ethernet frame in VXLAN and UDP.
    #[must_use]
    pub fn vxlan(&self, vni: u32) -> Self {
        let [_, a, b, c] = vni.to_be_bytes();
        self.behind(&[8, 0, 0, 0, a, b, c, 0], 0, 0).udp(4789)
    }

    /// In VXLAN with the generic protocol extension and UDP.
    #[must_use]
    pub fn vxlan_gpe(&self, vni: u32) -> Self {
        let [_, a, b, c] = vni.to_be_bytes();
        let next = match self.ether_type {
            0x0800 => 1,
            0x86dd => 2,
            _ => 3,
        };
        self.behind(&[0x0c, 0, 0, next, a, b, c, 0], 0, 0).udp(4790)
    }

    /// In Geneve with these options (a multiple of four bytes) and UDP.
    #[must_use]
    pub fn geneve(&self, vni: u32, options: &[u8]) -> Self {
        let ([_, a, b, c], [high, low]) = (vni.to_be_bytes(), self.ether_type.to_be_bytes());
        let words = (options.len() / 4) as u8;
        let header = [&[words, 0, high, low, a, b, c, 0], options].concat();
        self.behind(&header, 0, 0).udp(6081)
    }

    /// In GTP-U and UDP, with these extension headers (a multiple of four bytes, type of the first in front).
    #[must_use]
    pub fn gtp_u(&self, endpoint: u32, extensions: Option<(u8, &[u8])>) -> Self {
        let optional = match extensions {
            None => Vec::new(),
            Some((first, headers)) => [&[0, 0, 0, first], headers].concat(),
        };
        let mut header = vec![if extensions.is_some() { 0x34 } else { 0x30 }, 255];
        header.extend(((optional.len() + self.bytes.len()) as u16).to_be_bytes());
        header.extend(endpoint.to_be_bytes());
        header.extend(optional);
        self.behind(&header, 0, 0).udp(2152)
    }

    /// This PPP packet in L2TP with all optional fields, and UDP.
    #[must_use]
    pub fn l2tp(&self, tunnel: u16, session: u16) -> Self {
        let mut header = vec![0x4a, 0x02];
        header.extend((16 + self.bytes.len() as u16).to_be_bytes());
        header.extend(tunnel.to_be_bytes());
        header.extend(session.to_be_bytes());
        header.extend([0, 1, 0, 1, 0, 2, 0, 0]);
        self.behind(&header, 0, 0).udp(1701)
    }

    /// In GRE, with a key, and then with checksum and sequence number too.
    #[must_use]
    pub fn gre(&self, key: Option<u32>) -> Self {
        let mut header = vec![if key.is_some() { 0xb0 } else { 0 }, 0];
        header.extend(self.ether_type.to_be_bytes());
        if let Some(key) = key {
            header.extend([0; 4]);
            header.extend(key.to_be_bytes());
            header.extend([0, 0, 0, 1]);
        }
        self.behind(&header, 0, 47)
    }

    /// This PPP packet in GRE as PPTP has it.
    #[must_use]
    pub fn pptp(&self, call: u16) -> Self {
        let mut header = vec![0x30, 0x81, 0x88, 0x0b];
        header.extend((self.bytes.len() as u16).to_be_bytes());
        header.extend(call.to_be_bytes());
        header.extend([0, 0, 0, 1, 0, 0, 0, 1]);
        self.behind(&header, 0, 47)
    }

    /// This Ethernet frame mirrored by ERSPAN of type 1, 2 or 3, in GRE.
    #[must_use]
    pub fn erspan(&self, kind: u8, session: u16) -> Self {
        let [high, low] = session.to_be_bytes();
        let mut header = vec![if kind == 1 { 0 } else { 0x10 }, 0];
        header.extend(if kind == 3 { [0x22, 0xeb] } else { [0x88, 0xbe] });
        match kind {
            1 => {}
            2 => header.extend([0, 0, 0, 1, 0x10, 0, high, low, 0, 0, 0, 0]),
            _ => header.extend([0, 0, 0, 1, 0x20, 0, high, low, 0, 0, 0, 0, 0, 0, 0, 0]),
        }
        self.behind(&header, 0, 47)
    }
}
