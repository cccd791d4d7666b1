"""Turns the lab's short time into the time of the story, the same way at every point.

A NAT session that lives 15 minutes lives 6 seconds in the lab. `Timeline` is the monotone function from lab time to
story time: inside clusters of packets it only shifts, so round trips stay what they were; in the designated section the
quiet gaps between clusters are multiplied. Timeouts, keep-alive intervals and silences all lie in such gaps and
grow by the same factor. TCP timestamps are moved with it, or they would betray the lab's clock.
"""

from bisect import bisect_right
from fractions import Fraction

import pcapfile

# A gap is quiet when no point saw a packet for this long. Above the 40 ms of a delayed ACK.
QUIET_NS = 80_000_000
# Both ends of a quiet gap keep their pace this long. A TCP timestamp tells its moment only to a millisecond or two, and
# has to fall into the part that is merely shifted.
MARGIN_NS = 5_000_000
MILLISECOND_NS = 1_000_000
WRAP = 1 << 32


class Timeline:
    """Piecewise linear: `__call__` maps lab nanoseconds to stretched lab nanoseconds."""

    def __init__(self, times, section, factor):
        self._factor = Fraction(factor)
        self._gaps = list(_quiet_gaps(times, section))
        self._starts = [start for start, _ in self._gaps]
        self._before = [0]  # time added by the gaps before each one
        for start, end in self._gaps:
            self._before.append(self._before[-1] + round((self._factor - 1) * (end - start)))

    def __call__(self, moment):
        return moment + self.added(moment)

    def added(self, moment):
        """How much later a moment is in the story than in the lab."""
        number = bisect_right(self._starts, moment)
        if number == 0:
            return 0
        start, end = self._gaps[number - 1]
        if moment >= end:
            return self._before[number]
        return self._before[number - 1] + round((self._factor - 1) * (moment - start))


def gap_factor(times, section, span, length_ns):
    """The factor for the section's quiet gaps that makes the time between two moments exactly `length_ns` long."""
    start, end = span
    quiet = sum(
        max(0, min(gap_end, end) - max(gap_start, start)) for gap_start, gap_end in _quiet_gaps(times, section)
    )
    return Fraction(length_ns - (end - start) + quiet, quiet)


def _quiet_gaps(times, section):
    """The quiet gaps, without their margins, as far as they lie in the section."""
    since, until = section
    for before, after in zip(times, times[1:]):
        if after - before <= QUIET_NS:
            continue
        start, end = max(before + MARGIN_NS, since), min(after - MARGIN_NS, until)
        if start < end:
            yield start, end


class TimestampClock:
    """When a host sent a TCP timestamp value, from the host's own packets of one connection.

    Linux counts milliseconds from a secret offset. A packet is captured just after it was stamped, so the packet with
    the least delay gives the offset.
    """

    def __init__(self):
        self._first = None
        self._offset_ns = None

    def learn(self, value, captured_ns):
        if self._first is None:
            self._first = value
        offset = self._since_first(value) * MILLISECOND_NS - captured_ns
        self._offset_ns = offset if self._offset_ns is None else max(self._offset_ns, offset)

    def sent_ns(self, value):
        return self._since_first(value) * MILLISECOND_NS - self._offset_ns

    def _since_first(self, value):
        """Signed distance, so that a counter that wraps does no harm."""
        return (value - self._first + WRAP // 2) % WRAP - WRAP // 2


class TimestampRewriter:
    """Moves TSval and TSecr of all packets to the story's time."""

    def __init__(self, timeline, client_ip):
        self._timeline = timeline
        self._client_ip = client_ip
        self._clocks = {}  # (client port, sent by the client) -> TimestampClock

    def learn(self, link_type, packets, from_client):
        """Takes the packets that one host sent, from the capture at that host."""
        for packet in packets:
            option = pcapfile.TcpTimestamps.find(link_type, packet.data)
            if option and (option.source[0] == self._client_ip) == from_client:
                self._clock(option).learn(option.value, packet.time_ns)

    def rewrite(self, link_type, packets):
        for packet in packets:
            option = pcapfile.TcpTimestamps.find(link_type, packet.data)
            if option is None:
                continue
            value = self._moved(self._clock(option), option.value)
            echo = self._moved(self._clock(option, peer=True), option.echo) if option.has_ack else option.echo
            option.replace(value, echo)

    def _moved(self, clock, value):
        added_ms = round(self._timeline.added(clock.sent_ns(value)) / MILLISECOND_NS)
        return (value + added_ms) % WRAP

    def _clock(self, option, peer=False):
        """NAT changes the server's address and port, never the client's: its port names the connection."""
        from_client = option.source[0] == self._client_ip
        port = option.source[1] if from_client else option.destination[1]
        return self._clocks.setdefault((port, from_client != peer), TimestampClock())
