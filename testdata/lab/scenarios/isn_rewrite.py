"""A firewall behind the node shifts the sequence numbers of both directions by a random constant for each connection.

Sequence and acknowledgement numbers and SACK blocks change between client and pod, TCP timestamps and payload do not.
No Linux kernel does this: wire.py is the firewall.
"""

import random

from layouts import ProgrammedWire
from plan import Scenario
from traffic import crowd

NAME = "isn-rewrite"
WHAT = "80 connections through DNAT and a firewall that rewrites the ISNs of both ends"

END_S = 6.0


def scenario():
    rng = random.Random(29)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 80, 0.0, END_S - 1.5),
        end_s=END_S,
        network=ProgrammedWire("isn-rewrite"),
        clock_offset_ns={"client": 0, "node": 0, "pod": -12_000_000_000},
        epoch_ns=1_717_664_400 * 10**9,
    )
