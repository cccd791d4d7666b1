"""Captures that start in the middle of connections through a node that translates both ends.

No SYN, another address and another port at the pod: sequence and acknowledgement numbers and TCP timestamps are all that
the two files have in common.
"""

import random

from layouts import Masquerade
from plan import Scenario
from scenarios.mid_stream import long_lived
from traffic import crowd

NAME = "mid-stream-masquerade"
WHAT = "60 of 90 connections through DNAT and SNAT are older than the captures, 20 of them only than the pod's"

CLIENT_FROM_S, POD_FROM_S, END_S = 2.0, 4.0, 12.0


def scenario():
    rng = random.Random(33)
    connections = [
        *long_lived(rng, 40, 0.2, CLIENT_FROM_S - 0.3),
        *long_lived(rng, 20, CLIENT_FROM_S + 0.3, POD_FROM_S - 0.3),
        *crowd(rng, 30, POD_FROM_S + 0.3, END_S - 1.5),
    ]
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        network=Masquerade(),
        windows={"client": (CLIENT_FROM_S, END_S + 60), "pod": (POD_FROM_S, END_S + 60)},
        clock_offset_ns={"client": 0, "pod": 950_000_000},
        epoch_ns=1_718_182_800 * 10**9,
    )
