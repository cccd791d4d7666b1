"""The client's capture has both directions; the pod's has only what the pod sent, the uplink's only what reached it.

As mirror ports and asymmetric routes show it. Each direction alone bounds a clock from one side at most.
"""

import random

from layouts import OneWay
from plan import Scenario
from traffic import crowd

NAME = "one-way"
WHAT = "100 connections of which two captures have one direction only"

END_S = 7.0


def scenario():
    rng = random.Random(17)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 100, 0.0, END_S - 1.5),
        end_s=END_S,
        network=OneWay(),
        clock_offset_ns={"client": 0, "to-pod": 90_000_000, "from-pod": -640_000_000},
        epoch_ns=1_716_886_800 * 10**9,
    )
