"""Throws one segment above the window into busy downloads, run in the pod's namespace.

Arguments: the client ports to hit. For each, it waits until the server's real socket has sent some data segments,
takes the last as its template, moves the sequence number above the window, and sends the copy right behind it. The
node's conntrack finds the copy INVALID and forwards it without translation; its acknowledgement number is the
server's true one, so the reset that it provokes is taken by the server's socket.

When a segment of the client's arrives in between, the reset's sequence number is not exactly what the server expects
any more, and the server ignores it (RFC 5961). The download then goes on and is hit again after as many segments.
"""

import socket
import struct
import sys

DEVICE = "eth0"
ETH_P_ALL = 3
SERVER_PORT = 8080
SEGMENTS_BETWEEN_HITS = 12
# Far above any window that the client has offered, well below half of the sequence space.
ABOVE_THE_WINDOW = 64 << 20


def main(ports):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.bind((DEVICE, 0))
    segments_sent = dict.fromkeys(ports, 0)
    print("ready", flush=True)
    while True:
        frame, (_, _, direction, *_) = wire.recvfrom(65536)
        port = _carries_data_to(frame) if direction == socket.PACKET_OUTGOING else None
        if port not in segments_sent:
            continue
        segments_sent[port] += 1
        if segments_sent[port] % SEGMENTS_BETWEEN_HITS == 0:
            wire.send(above_the_window(frame))


def _carries_data_to(frame):
    """The client's port, when the frame is one of the server's segments with payload."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_TCP:
        return None
    total, tcp_at = struct.unpack_from("!H", frame, 16)[0], 14 + (frame[14] & 0x0F) * 4
    source, destination = struct.unpack_from("!HH", frame, tcp_at)
    payload = total - (tcp_at - 14) - (frame[tcp_at + 12] >> 4) * 4
    return destination if source == SERVER_PORT and payload > 0 else None


def above_the_window(frame):
    """The same segment with another sequence number and a right checksum."""
    copy = bytearray(frame)
    tcp_at = 14 + (copy[14] & 0x0F) * 4
    end = 14 + struct.unpack_from("!H", copy, 16)[0]
    sequence = struct.unpack_from("!I", copy, tcp_at + 4)[0]
    struct.pack_into("!I", copy, tcp_at + 4, (sequence + ABOVE_THE_WINDOW) & 0xFFFFFFFF)
    struct.pack_into("!H", copy, tcp_at + 16, 0)
    pseudo_header = bytes(copy[26:34]) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, end - tcp_at)
    struct.pack_into("!H", copy, tcp_at + 16, _checksum(pseudo_header + bytes(copy[tcp_at:end])))
    return bytes(copy[:end])


def _checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    main([int(port) for port in sys.argv[1:]])
