"""Initial sequence numbers from the kernel itself, through the TCP_REPAIR socket options (tcp(7), CRIU)."""

import socket
import struct

TCP_REPAIR = 19
TCP_REPAIR_QUEUE = 20
TCP_QUEUE_SEQ = 21
RECEIVE_QUEUE, SEND_QUEUE = 1, 2
ON = 1
# Where tcpi_bytes_received lies in struct tcp_info (linux/tcp.h).
BYTES_RECEIVED_AT = 128
# Plain "off" would send a window probe, which nobody asked for and every capture would show.
OFF_WITHOUT_PROBE = -1


def initial_sequence_numbers(sock):
    """(own ISN, peer's ISN) of a connected socket that has sent no byte and received no FIN."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, ON)
    try:
        while True:
            received = _bytes_received(sock)
            own, peers = _before_next(sock, SEND_QUEUE), _before_next(sock, RECEIVE_QUEUE)
            if received == _bytes_received(sock):
                return own, (peers - received) & 0xFFFFFFFF
    finally:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, OFF_WITHOUT_PROBE)


def _bytes_received(sock):
    """In order, by TCP_INFO."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_RECEIVED_AT + 8)
    return struct.unpack_from("=Q", info, BYTES_RECEIVED_AT)[0]


def _before_next(sock, queue):
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
    following = sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ)
    return (following - 1) & 0xFFFFFFFF
