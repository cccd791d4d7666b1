"""A node whose pods hang on bridges, captured on all devices: each packet four times, twice before NAT and twice after.

A copy with the same five-tuple and the same numbers is no retransmission.
"""

import random

from layouts import Bridged
from plan import Scenario
from traffic import crowd

NAME = "node-any"
WHAT = "70 connections between two bridges of one node: each packet four times in its capture, two of them translated"

END_S = 6.0


def scenario():
    rng = random.Random(19)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 70, 0.0, END_S - 1.5),
        end_s=END_S,
        network=Bridged(),
        clock_offset_ns={"client": 0, "node": 1_750_000_000, "pod": -1_750_000_000},
        epoch_ns=1_717_059_600 * 10**9,
    )
