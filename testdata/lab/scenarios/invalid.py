"""conntrack finds a segment of a busy download INVALID and lets it pass untranslated (kubernetes #74839).

The segment reaches the client from the pod's address, the client's kernel resets it, and that reset hits the
server's socket. The NAT session is untouched: the client's next receipt still reaches the pod, whose kernel answers
RST, translated as it should be. The offending segment is a copy of a real one with its sequence number above the
window, thrown in from the pod's namespace (inject.py). Around it: the same downloads unharmed.
"""

import random

from plan import Connection, Expected, Scenario, ask
from topology import NodeSettings
from traffic import crowd

NAME = "invalid"
WHAT = "3 of 240 connections lose a busy download to one segment that conntrack found INVALID and did not translate"

END_S = 14.0
HIT_PORTS = [41001, 41002, 41003]
RESET = Expected("reset", "conntrack-invalid-reply", (), "none")


def scenario():
    rng = random.Random(6)
    connections = [_busy_download(2.0 + 3.0 * number, port, RESET) for number, port in enumerate(HIT_PORTS)]
    connections += [_busy_download(0.5 + 1.2 * number, None, Expected()) for number in range(9)]
    connections += crowd(rng, 240 - len(connections), 0.0, END_S - 1.5)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        node=NodeSettings(),
        clock_offset_ns={"client": 0, "node": 840_000_000, "pod": -5_250_000_000},
        epoch_ns=1_716_109_200 * 10**9,
        inject_ports=HIT_PORTS,
    )


def _busy_download(start, port, expected):
    steps = [ask("stream", 60_000, chunks=50, chunk_gap_s=0.012, receipts=True)]
    return Connection("busy-download", start, steps, port=port, expected=expected)
