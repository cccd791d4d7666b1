"""A cable with a program in it, run in a namespace between two others: what comes in on one side leaves on the other.

Arguments: what the program does to it, and the file for its record.

delay        later, by a time that differs by direction and from packet to packet; order stays
isn-rewrite  with other sequence numbers, as firewalls do that do not trust the ends' ISNs: each connection and each
             direction is shifted by a random constant of its own, in sequence and acknowledgement numbers and SACK
nat64        from IPv6 to IPv4 and back (RFC 6146, 7915), as far as TCP without fragments needs it
meddle       some twice, some late, some changed, some that nobody sent (see meddle.py)

Prints "ready" when it listens. When its standard input ends it writes the record and exits.
"""

import heapq
import json
import random
import select
import socket
import sys
import time

import meddle
import nat64
import tcp_header
from passing import ETHERNET, LEFT, RIGHT, AtOnce

ETH_P_ALL = 3
# The usual time on the cable and how much more it may be, in seconds; LEFT is what comes in on the left.
DELAY_S = {LEFT: (0.020, 0.004), RIGHT: (0.002, 0.001)}


class Delay(AtOnce):
    """Holds frames back."""

    def __init__(self):
        self._rng = random.Random(25)
        self._last = {LEFT: 0.0, RIGHT: 0.0}

    def pass_on(self, frame, side, now):
        usual, more = DELAY_S[side]
        self._last[side] = max(self._last[side], now + usual + self._rng.random() * more)
        return [(self._last[side], frame)]

    def record(self, held_ns):
        return {side: [min(times), max(times)] for side, times in held_ns.items()}


class RewriteIsns(AtOnce):
    """Shifts sequence numbers by connection and direction. The originator is on the left."""

    def __init__(self):
        self._rng = random.Random(26)
        self._shifts = {}  # (originator's address and port, responder's) -> {side: what is added to its numbers}

    def change(self, frame, side):
        tcp = tcp_header.Tcp.find(frame, ETHERNET)
        if tcp is None:
            return frame
        ends = (tcp.source, tcp.destination) if side == LEFT else (tcp.destination, tcp.source)
        if tcp.is_syn and side == LEFT and self._is_new(ends, tcp):
            shifts = {each: self._rng.randrange(1 << 32) for each in (LEFT, RIGHT)}
            self._shifts[ends] = (tcp.sequence, shifts)
        _, shifts = self._shifts[ends]
        other = RIGHT if side == LEFT else LEFT
        tcp.shift(sequence=shifts[side], acknowledgement=-shifts[other])
        return tcp.frame

    def _is_new(self, ends, tcp):
        return ends not in self._shifts or self._shifts[ends][0] != tcp.sequence


class TranslateAddresses(AtOnce):
    def __init__(self):
        self._translator = nat64.Translator()

    def change(self, frame, side):
        return self._translator.to_ipv4(frame) if side == LEFT else self._translator.to_ipv6(frame)


PROGRAMS = {"delay": Delay, "isn-rewrite": RewriteIsns, "nat64": TranslateAddresses, "meddle": meddle.Meddle}


def main(name, record):
    program = PROGRAMS[name]()
    wires = {side: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) for side in (LEFT, RIGHT)}
    for side, wire in wires.items():
        wire.bind((side, 0))
    waiting, number, held_ns = [], 0, {LEFT: [], RIGHT: []}
    print("ready", flush=True)
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([*wires.values(), sys.stdin], [], [], patience)
        if sys.stdin in ready:
            break
        for side, wire in wires.items():
            if wire not in ready:
                continue
            frame, (_, _, direction, *_) = wire.recvfrom(65536)
            if direction == socket.PACKET_OUTGOING:
                continue
            now = time.monotonic()
            for due, leaving in program.pass_on(bytearray(frame), side, now):
                heapq.heappush(waiting, (due, number := number + 1, now, side, leaving))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, came, side, frame = heapq.heappop(waiting)
            held_ns[side].append(round((time.monotonic() - came) * 1e9))
            program.sends(frame, side)
            wires[RIGHT if side == LEFT else LEFT].send(frame)
    with open(record, "w", encoding="utf-8") as out:
        json.dump(program.record(held_ns), out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
