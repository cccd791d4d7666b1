"""Initial sequence numbers from the kernel itself, through the TCP_REPAIR socket options (tcp(7), CRIU)."""

import socket

TCP_REPAIR = 19
TCP_REPAIR_QUEUE = 20
TCP_QUEUE_SEQ = 21
RECEIVE_QUEUE, SEND_QUEUE = 1, 2
ON = 1
# Plain "off" would send a window probe, which nobody asked for and every capture would show.
OFF_WITHOUT_PROBE = -1


def initial_sequence_numbers(sock):
    """(own ISN, peer's ISN) of a connected socket that has neither sent nor received a byte."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, ON)
    try:
        return _next_sequence(sock, SEND_QUEUE), _next_sequence(sock, RECEIVE_QUEUE)
    finally:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, OFF_WITHOUT_PROBE)


def _next_sequence(sock, queue):
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
    following = sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ)
    return (following - 1) & 0xFFFFFFFF
