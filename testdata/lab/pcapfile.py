"""Classic pcap files with nanoseconds, and the few header fields that the lab has to change in them."""

import gzip
import socket
import struct
from dataclasses import dataclass

MAGIC_NANOSECONDS = 0xA1B23C4D
FILE_HEADER = struct.Struct("<IHHiIII")
RECORD_HEADER = struct.Struct("<IIII")
ETHERNET, LINUX_SLL2 = 1, 276
# Link-layer type: (header length, where the EtherType lies in it).
LINK_LAYERS = {ETHERNET: (14, 12), LINUX_SLL2: (20, 0)}
ETHERTYPE_IPV4, PROTOCOL_TCP = 0x0800, 6
OPTION_END, OPTION_NOP, OPTION_TIMESTAMPS = 0, 1, 8


@dataclass
class Packet:
    time_ns: int
    original_length: int
    data: bytearray


def read(path):
    """(link-layer type, packets) of a file written by tcpdump on this machine."""
    raw = path.read_bytes()
    magic, *_, link_type = FILE_HEADER.unpack_from(raw)
    if magic != MAGIC_NANOSECONDS:
        raise ValueError(f"{path}: not a little-endian nanosecond pcap file")
    packets, at = [], FILE_HEADER.size
    while at < len(raw):
        seconds, nanoseconds, kept, original = RECORD_HEADER.unpack_from(raw, at)
        at += RECORD_HEADER.size
        packets.append(Packet(seconds * 10**9 + nanoseconds, original, bytearray(raw[at : at + kept])))
        at += kept
    return link_type, packets


def write_compressed(path, link_type, packets):
    """The same bytes for the same packets: no file name and no time in the gzip header."""
    with open(path, "wb") as raw, gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as out:
        out.write(FILE_HEADER.pack(MAGIC_NANOSECONDS, 2, 4, 0, 0, 262144, link_type))
        for packet in packets:
            seconds, nanoseconds = divmod(packet.time_ns, 10**9)
            out.write(RECORD_HEADER.pack(seconds, nanoseconds, len(packet.data), packet.original_length))
            out.write(packet.data)


def tcp_segment(link_type, data):
    """(from, to, sequence number, payload bytes, flags) of TCP over IPv4, else None."""
    link_length, ethertype_at = LINK_LAYERS[link_type]
    if struct.unpack_from("!H", data, ethertype_at)[0] != ETHERTYPE_IPV4 or data[link_length + 9] != PROTOCOL_TCP:
        return None
    tcp_at = link_length + (data[link_length] & 0x0F) * 4
    end = link_length + struct.unpack_from("!H", data, link_length + 2)[0]
    source, target = (socket.inet_ntoa(data[link_length + at : link_length + at + 4]) for at in (12, 16))
    sport, dport, sequence = struct.unpack_from("!HHI", data, tcp_at)
    payload = end - tcp_at - (data[tcp_at + 12] >> 4) * 4
    return f"{source}:{sport}", f"{target}:{dport}", sequence, payload, data[tcp_at + 13]


class TcpTimestamps:
    """The TCP timestamps option of one captured packet, to be read and changed in place."""

    def __init__(self, data, source, destination, tcp_at, option_at):
        self._data = data
        self._tcp_at = tcp_at
        self._option_at = option_at
        self.source = source  # (address, port)
        self.destination = destination
        self.value, self.echo = struct.unpack_from("!II", data, option_at + 2)
        self.has_ack = bool(data[tcp_at + 13] & 0x10)

    @classmethod
    def find(cls, link_type, data):
        """The option, or None when the packet is not TCP over IPv4 or does not carry it."""
        link_length, ethertype_at = LINK_LAYERS[link_type]
        if len(data) < link_length + 20 or struct.unpack_from("!H", data, ethertype_at)[0] != ETHERTYPE_IPV4:
            return None
        if data[link_length + 9] != PROTOCOL_TCP:
            return None
        tcp_at = link_length + (data[link_length] & 0x0F) * 4
        end = tcp_at + (data[tcp_at + 12] >> 4) * 4
        at = tcp_at + 20
        while at < end and data[at] != OPTION_END:
            if data[at] == OPTION_NOP:
                at += 1
                continue
            if data[at] == OPTION_TIMESTAMPS:
                ports = struct.unpack_from("!HH", data, tcp_at)
                source = (bytes(data[link_length + 12 : link_length + 16]), ports[0])
                destination = (bytes(data[link_length + 16 : link_length + 20]), ports[1])
                return cls(data, source, destination, tcp_at, at)
            at += data[at + 1]
        return None

    def replace(self, value, echo):
        """Writes both numbers and carries the difference into the TCP checksum (RFC 1624)."""
        at = self._option_at + 2
        if (at - self._tcp_at) % 2:
            raise ValueError("timestamps option at an odd offset")
        checksum_at = self._tcp_at + 16
        total = ~struct.unpack_from("!H", self._data, checksum_at)[0] & 0xFFFF
        total += sum(~word & 0xFFFF for word in struct.unpack_from("!4H", self._data, at))
        struct.pack_into("!II", self._data, at, value, echo)
        total += sum(struct.unpack_from("!4H", self._data, at))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        struct.pack_into("!H", self._data, checksum_at, ~total & 0xFFFF)
