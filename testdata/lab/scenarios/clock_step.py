"""In the middle of the captures somebody sets the pod's clock forward by 0.8 s."""

import random

from plan import ClockPiece, Scenario
from traffic import crowd

NAME = "clock-step"
WHAT = "120 connections, during which the pod's clock is set forward by 0.8 s"

STEP_AT_S, STEP_NS = 5.0, 800_000_000
OFFSET_NS = -2_300_000_000
END_S = 10.0


def scenario():
    rng = random.Random(21)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 120, 0.0, END_S - 1.5),
        end_s=END_S,
        clock_offset_ns={
            "client": 0,
            "pod": [ClockPiece(0, OFFSET_NS), ClockPiece(STEP_AT_S, OFFSET_NS + STEP_NS)],
        },
        epoch_ns=1_717_232_400 * 10**9,
    )
