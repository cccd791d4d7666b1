"""The network loses nothing; the pod's capture does, as with a ring that is too small: runs of packets are missing."""

import random

from plan import Scenario
from traffic import crowd

NAME = "capture-loss"
WHAT = "120 connections without any loss, of which the pod's capture is missing some 4 % of the packets"

END_S = 8.0


def scenario():
    rng = random.Random(24)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 120, 0.0, END_S - 1.5),
        end_s=END_S,
        capture_loss={"pod": (0.04, 24)},
        clock_offset_ns={"client": 0, "pod": -444_000_000},
        epoch_ns=1_717_491_600 * 10**9,
    )
