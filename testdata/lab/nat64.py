"""Stateful NAT64 (RFC 6146) with the header translation of RFC 7915, for TCP without fragments between two known hosts.

IPv6 clients call 64:ff9b::<IPv4 address>; the IPv4 side sees one address and a port of the translator's choice.
"""

import random
import socket
import struct

from tcp_header import PROTOCOL_TCP, checksum, internet_checksum

PREFIX = socket.inet_pton(socket.AF_INET6, "64:ff9b::")[:12]
POOL_ADDRESS = "10.1.9.1"
POOL_PORTS = range(20000, 30000)
CLIENT_MAC, POD_MAC, OWN_MAC = (f"02:00:00:00:00:0{number}" for number in (2, 7, 1))
ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD
ETHERNET, IPV4, IPV6 = 14, 20, 40
DONT_FRAGMENT = 0x4000


class Translator:
    def __init__(self):
        self._rng = random.Random(27)
        self._ports = {}  # (IPv6 address, port) -> pool port
        self._clients = {}  # pool port -> (IPv6 address, port)
        self._identification = 0

    def to_ipv4(self, frame):
        """The frame as the server is to get it, or None."""
        if struct.unpack_from("!H", frame, 12)[0] != ETHERTYPE_IPV6 or frame[ETHERNET + 6] != PROTOCOL_TCP:
            return None
        source, destination = (bytes(frame[ETHERNET + at : ETHERNET + at + 16]) for at in (8, 24))
        if destination[:12] != PREFIX:
            return None
        size, hops = struct.unpack_from("!HxB", frame, ETHERNET + 4)
        segment = bytearray(frame[ETHERNET + IPV6 : ETHERNET + IPV6 + size])
        struct.pack_into("!H", segment, 0, self._port((source, struct.unpack_from("!H", segment)[0])))
        addresses = socket.inet_aton(POOL_ADDRESS) + destination[12:]
        self._identification = (self._identification + 1) % 65536
        header = bytearray(
            struct.pack(
                *("!BBHHHBBH", 0x45, 0, IPV4 + len(segment), self._identification),
                *(DONT_FRAGMENT, hops - 1, PROTOCOL_TCP, 0),
            )
            + addresses
        )
        struct.pack_into("!H", header, 10, internet_checksum(bytes(header)))
        return _ethernet(POD_MAC, ETHERTYPE_IPV4) + bytes(header) + _summed(addresses, segment)

    def to_ipv6(self, frame):
        """The frame as the client is to get it, or None."""
        if struct.unpack_from("!H", frame, 12)[0] != ETHERTYPE_IPV4 or frame[ETHERNET + 9] != PROTOCOL_TCP:
            return None
        total, hops = struct.unpack_from("!H4xB", frame, ETHERNET + 2)
        segment = bytearray(frame[ETHERNET + IPV4 : ETHERNET + total])
        client = self._clients.get(struct.unpack_from("!H", segment, 2)[0])
        if client is None:
            return None
        struct.pack_into("!H", segment, 2, client[1])
        addresses = PREFIX + bytes(frame[ETHERNET + 12 : ETHERNET + 16]) + client[0]
        header = struct.pack("!IHBB", 6 << 28, len(segment), PROTOCOL_TCP, hops - 1) + addresses
        return _ethernet(CLIENT_MAC, ETHERTYPE_IPV6) + header + _summed(addresses, segment)

    def _port(self, client):
        if client not in self._ports:
            port = self._rng.choice([port for port in POOL_PORTS if port not in self._clients])
            self._ports[client], self._clients[port] = port, client
        return self._ports[client]


def _ethernet(target, ethertype):
    target, own = (bytes.fromhex(mac.replace(":", "")) for mac in (target, OWN_MAC))
    return target + own + struct.pack("!H", ethertype)


def _summed(addresses, segment):
    struct.pack_into("!H", segment, 16, 0)
    struct.pack_into("!H", segment, 16, checksum(addresses, bytes(segment)))
    return bytes(segment)
