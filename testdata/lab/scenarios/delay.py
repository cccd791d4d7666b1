"""The way to the pod takes 20 to 24 ms, the way back 2 to 3 ms: half a round trip is not the one-way delay.

This kernel has no netem: the delay is wire.py's, which keeps the order of packets.
"""

import random

from layouts import Delayed
from plan import Scenario
from traffic import crowd

NAME = "delay"
WHAT = "90 connections over a path that takes 20 to 24 ms one way and 2 to 3 ms the other"

END_S = 8.0


def scenario():
    rng = random.Random(30)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 90, 0.0, END_S - 1.5),
        end_s=END_S,
        network=Delayed(),
        clock_offset_ns={"client": 0, "pod": 31_000_000},
        epoch_ns=1_717_750_800 * 10**9,
    )
