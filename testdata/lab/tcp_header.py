"""The TCP header of an IPv4 packet in a frame, to be read and changed in place."""

import socket
import struct

ETHERTYPE_IPV4, PROTOCOL_TCP = 0x0800, 6
SYN, RST, ACK = 0x02, 0x04, 0x10
OPTION_END, OPTION_NOP, OPTION_MSS, OPTION_SACK = 0, 1, 2, 5
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

    def source_text(self):
        return socket.inet_ntoa(self.source[0]), self.source[1]

    def destination_text(self):
        return socket.inet_ntoa(self.destination[0]), self.destination[1]

    def payload(self):
        return bytes(self.frame[self._payload_at() : self._end])

    def replace(self, word, other):
        """Puts one word of the payload in the place of another of the same length; whether it was there."""
        at = self.frame.find(word, self._payload_at(), self._end)
        if at < 0:
            return False
        self.frame[at : at + len(word)] = other
        self._sum()
        return True

    def limit_segments(self, largest):
        """Lowers the maximum segment size option."""
        for kind, at, _ in self._options():
            if kind == OPTION_MSS and struct.unpack_from("!H", self.frame, at + 2)[0] > largest:
                struct.pack_into("!H", self.frame, at + 2, largest)
        self._sum()

    def make_reset(self, ahead):
        """Makes of the packet a reset without payload whose sequence number is so far ahead."""
        self._add(self._at + 4, ahead)
        self.sequence = struct.unpack_from("!I", self.frame, self._at + 4)[0]
        self.frame[self._at + 13] = RST | ACK
        self._end = self._payload_at()
        del self.frame[self._end :]
        struct.pack_into("!H", self.frame, self._ip_at + 2, self._end - self._ip_at)
        struct.pack_into("!H", self.frame, self._ip_at + 10, 0)
        header = bytes(self.frame[self._ip_at : self._at])
        struct.pack_into("!H", self.frame, self._ip_at + 10, internet_checksum(header))
        self._sum()

    def shift(self, sequence, acknowledgement):
        """Adds to the own numbers, and to those of the peer: acknowledgement and SACK. Makes the checksum right."""
        self._add(self._at + 4, sequence)
        if self.frame[self._at + 13] & ACK:
            self._add(self._at + 8, acknowledgement)
        for kind, at, length in self._options():
            for edge_at in range(at + 2, at + length, 4) if kind == OPTION_SACK else ():
                self._add(edge_at, acknowledgement)
        self._sum()

    def _sum(self):
        struct.pack_into("!H", self.frame, self._at + 16, 0)
        addresses = bytes(self.frame[self._ip_at + 12 : self._ip_at + 20])
        segment = bytes(self.frame[self._at : self._end])
        struct.pack_into("!H", self.frame, self._at + 16, checksum(addresses, segment))

    def _add(self, at, what):
        value = struct.unpack_from("!I", self.frame, at)[0]
        struct.pack_into("!I", self.frame, at, (value + what) % MODULUS)

    def _payload_at(self):
        return self._at + (self.frame[self._at + 12] >> 4) * 4

    def _options(self):
        """(kind, where it begins, length) of every option with a length."""
        at, end = self._at + 20, self._payload_at()
        while at < end and self.frame[at] != OPTION_END:
            if self.frame[at] == OPTION_NOP:
                at += 1
                continue
            yield self.frame[at], at, self.frame[at + 1]
            at += self.frame[at + 1]


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
