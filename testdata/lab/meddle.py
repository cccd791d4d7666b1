"""A cable that sends some packets twice, some late, some with other bytes, and some that nobody has sent.

The client is on the left. Everything that it does is written down, by connection.
"""

import random
from collections import defaultdict
from itertools import count

from passing import ETHERNET, LEFT, RIGHT, AtOnce
from tcp_header import Tcp
from topology import endpoint

TWICE, LATE, CHANGED, FORGED = 0.04, 0.05, 0.04, 0.02
TWICE_AFTER_S, LATE_BY_S = 0.002, 0.004
# Words of the server's text, in the middle of an answer: no length changes.
WORD, OTHER_WORD = b"warehouse", b"WAREHOUSE"
# The largest segment that either end is told of, smaller than what the other said.
LARGEST_SEGMENT = 1360
# A forged reset is so far above the window that the client does not care.
ABOVE_THE_WINDOW = 1 << 28


class Meddle(AtOnce):
    def __init__(self):
        self._rng = random.Random(32)
        self._number = count()
        self._numbers = {}  # id of a frame that waits -> (frame, its number in order of arrival)
        self._latest = defaultdict(lambda: -1)  # (from, to) -> the highest number that has left
        self._deeds = []

    def pass_on(self, frame, side, now):
        tcp = Tcp.find(frame, ETHERNET)
        if tcp is None:
            return [(now, frame)]
        if tcp.is_syn:
            tcp.limit_segments(LARGEST_SEGMENT)
            return [(now, self._in_line(frame))]
        leaving = []
        if side == RIGHT and tcp.payload() and self._rng.random() < CHANGED and tcp.replace(WORD, OTHER_WORD):
            self._note("changed", tcp)
        late = LATE_BY_S if self._rng.random() < LATE else 0
        leaving.append((now + late, self._in_line(frame)))
        if self._rng.random() < TWICE:
            # Behind the first copy, which makes it no overtaken packet.
            leaving.append((now + late + TWICE_AFTER_S, bytearray(frame)))
            self._note("duplicated", tcp)
        if side == RIGHT and self._rng.random() < FORGED:
            forged = Tcp.find(bytearray(frame), ETHERNET)
            forged.make_reset(ABOVE_THE_WINDOW)
            leaving.append((now, forged.frame))
            self._note("injected", forged)
        return leaving

    def sends(self, frame, side):
        _, number = self._numbers.pop(id(frame), (None, None))
        if number is None:
            return
        tcp = Tcp.find(frame, ETHERNET)
        flow = (tcp.source, tcp.destination)
        if number < self._latest[flow]:
            self._note("overtaken", tcp)
        self._latest[flow] = max(self._latest[flow], number)

    def record(self, held_ns):
        return self._deeds

    def _in_line(self, frame):
        self._numbers[id(frame)] = (frame, next(self._number))
        return frame

    def _note(self, deed, tcp):
        self._deeds.append({
            "deed": deed,
            "from": endpoint(*tcp.source_text()),
            "to": endpoint(*tcp.destination_text()),
            "segment": [tcp.sequence, len(tcp.payload())],
        })
