//! Link-layer headers.

use super::Wire;

impl Wire {
    /// In an Ethernet frame (link type 1).
    #[must_use]
    pub fn ethernet(&self) -> Self {
        self.announced().behind(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], BRIDGED, 97)
    }

    /// In an Ethernet frame with a length in place of a type (IEEE 802.3).
    #[must_use]
    pub fn ethernet_with_length(&self) -> Self {
        Self { ether_type: self.bytes.len() as u16, ..self.clone() }.ethernet()
    }

    /// Behind its EtherType: the end of many headers, and a packet of none.
    #[must_use]
    pub fn announced(&self) -> Self {
        self.behind(&self.ether_type.to_be_bytes(), 0, 0)
    }

    /// In an 802.1Q tag.
    #[must_use]
    pub fn vlan(&self, id: u16) -> Self {
        self.tag(0x8100, &id.to_be_bytes())
    }

    /// Behind `tag` and its EtherType, and announced by `kind`.
    #[must_use]
    pub fn tag(&self, kind: u16, tag: &[u8]) -> Self {
        self.announced().behind(tag, kind, 0)
    }

    /// Under a stack of these labels, the outermost first.
    #[must_use]
    pub fn mpls(&self, labels: &[u32]) -> Self {
        let mut stack = Vec::new();
        for (i, label) in labels.iter().enumerate() {
            let bottom = u32::from(i + 1 == labels.len());
            stack.extend((label << 12 | bottom << 8 | 64).to_be_bytes());
        }
        self.behind(&stack, 0x8847, 137)
    }

    /// In PPP, without address and control (link type 9).
    #[must_use]
    pub fn ppp(&self) -> Self {
        let protocol: u16 = match self.ether_type {
            0x0800 => 0x21,
            0x86dd => 0x57,
            _ => 0x281,
        };
        self.behind(&protocol.to_be_bytes(), 0x880b, 0)
    }

    /// This PPP packet in a PPPoE session.
    #[must_use]
    pub fn pppoe(&self, session: u16) -> Self {
        let mut header = vec![0x11, 0];
        header.extend(session.to_be_bytes());
        header.extend((self.bytes.len() as u16).to_be_bytes());
        self.behind(&header, 0x8864, 0)
    }

    /// In 802.2 with SNAP: what many links carry (link type 100 as it is).
    #[must_use]
    pub fn snap(&self) -> Self {
        self.announced().behind(&[0xaa, 0xaa, 3, 0, 0, 0], 0, 0)
    }

    /// Linux cooked capture (link type 113).
    #[must_use]
    pub fn linux_sll(&self) -> Self {
        self.announced().behind(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], 0, 0)
    }

    /// Linux cooked capture version 2 (link type 276).
    #[must_use]
    pub fn linux_sll2(&self) -> Self {
        let [high, low] = self.ether_type.to_be_bytes();
        self.behind(&[high, low, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], 0, 0)
    }

    /// This 802.2 packet in an 802.11 data frame towards an access point (link type 105): with QoS where `qos` says so,
    /// between access points where `bridged`.
    #[must_use]
    pub fn wifi(&self, qos: bool, bridged: bool) -> Self {
        let mut header = vec![0x08 | u8::from(qos) << 7, if bridged { 3 } else { 1 }, 0, 0];
        for last in 1..=3 {
            header.extend([2, 0, 0, 0, 0, last]);
        }
        header.extend([0x10, 0]);
        header.extend(if bridged { &[2, 0, 0, 0, 0, 4][..] } else { &[] });
        header.extend(if qos { &[0, 0][..] } else { &[] });
        self.behind(&header, 0, 0)
    }
}

const BRIDGED: u16 = 0x6558;
