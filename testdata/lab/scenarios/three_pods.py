"""One Service, three pods, a capture at each with a clock of its own: every connection is in two of four files."""

import random

from layouts import ThreePods
from plan import Scenario
from traffic import crowd

NAME = "three-pods"
WHAT = "150 connections to one Service with three pods behind it, whose clocks are 3.2 s, -41 s and 1 h off"

END_S = 8.0


def scenario():
    rng = random.Random(12)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 150, 0.0, END_S - 1.5),
        end_s=END_S,
        network=ThreePods(),
        clock_offset_ns={
            "client": 0,
            "pod-1": 3_200_000_000,
            "pod-2": -41_000_000_000,
            "pod-3": 3_600_000_000_000,
        },
        epoch_ns=1_716_454_800 * 10**9,
    )
