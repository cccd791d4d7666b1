"""The TCP header of an IPv4 packet in a frame, to be read and changed in place."""

import struct

ETHERTYPE_IPV4, PROTOCOL_TCP = 0x0800, 6
SYN, ACK = 0x02, 0x10
OPTION_END, OPTION_NOP, OPTION_SACK = 0, 1, 5
MODULUS = 1 << 32


class Tcp:
    def __init__(self, frame, ip_at):
        self.frame = frame
        self._ip_at = ip_at
        self._at = ip_at + (frame[ip_at] & 0x0F) * 4
        self._end = ip_at + struct.unpack_from("!H", frame, ip_at + 2)[0]
        ports = struct.unpack_from("!HH", frame, self._at)
        self.source = (bytes(frame[ip_at + 12 : ip_at + 16]), ports[0])
        self.destination = (bytes(frame[ip_at + 16 : ip_at + 20]), ports[1])
        self.sequence = struct.unpack_from("!I", frame, self._at + 4)[0]
        self.is_syn = bool(frame[self._at + 13] & SYN)

    @classmethod
    def find(cls, frame, ip_at):
        if struct.unpack_from("!H", frame, ip_at - 2)[0] != ETHERTYPE_IPV4 or frame[ip_at + 9] != PROTOCOL_TCP:
            return None
        return cls(frame, ip_at)

    def shift(self, sequence, acknowledgement):
        """Adds to the own numbers, and to those of the peer: acknowledgement and SACK. Makes the checksum right."""
        self._add(self._at + 4, sequence)
        if self.frame[self._at + 13] & ACK:
            self._add(self._at + 8, acknowledgement)
        for edge_at in self._sack_edges():
            self._add(edge_at, acknowledgement)
        struct.pack_into("!H", self.frame, self._at + 16, 0)
        addresses = bytes(self.frame[self._ip_at + 12 : self._ip_at + 20])
        segment = bytes(self.frame[self._at : self._end])
        struct.pack_into("!H", self.frame, self._at + 16, checksum(addresses, segment))

    def _add(self, at, what):
        value = struct.unpack_from("!I", self.frame, at)[0]
        struct.pack_into("!I", self.frame, at, (value + what) % MODULUS)

    def _sack_edges(self):
        at, end = self._at + 20, self._at + (self.frame[self._at + 12] >> 4) * 4
        while at < end and self.frame[at] != OPTION_END:
            if self.frame[at] == OPTION_NOP:
                at += 1
                continue
            length = self.frame[at + 1]
            if self.frame[at] == OPTION_SACK:
                yield from range(at + 2, at + length, 4)
            at += length


def checksum(addresses, segment):
    """Of a TCP segment whose checksum field is zero; both addresses as they are in the IP header."""
    data = addresses + struct.pack("!II", len(segment), PROTOCOL_TCP) + segment
    return internet_checksum(data)


def internet_checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
