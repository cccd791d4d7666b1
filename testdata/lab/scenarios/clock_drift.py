"""The pod's clock gains 50 microseconds in every second: 2 ms over the captures, far more than a round trip."""

import random

from plan import ClockPiece, Scenario
from traffic import crowd

NAME = "clock-drift"
WHAT = "120 connections in 40 s, during which the pod's clock gains 50 ppm"

PPM = 50
END_S = 40.0


def scenario():
    rng = random.Random(22)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 120, 0.0, END_S - 1.5),
        end_s=END_S,
        clock_offset_ns={"client": 0, "pod": [ClockPiece(0, 150_000_000, PPM)]},
        epoch_ns=1_717_318_800 * 10**9,
    )
