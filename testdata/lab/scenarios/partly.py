"""Captures that overlap only partly in time, and the connections before, in and after what they share."""

import random

from plan import Scenario
from scenarios.mid_stream import long_lived
from traffic import crowd

NAME = "partly"
WHAT = "120 connections, of which the client's capture has the first two thirds and the pod's the last two"

POD_FROM_S, CLIENT_UNTIL_S, END_S = 4.0, 8.0, 14.0


def scenario():
    rng = random.Random(16)
    connections = [
        *long_lived(rng, 15, 0.2, POD_FROM_S - 0.3),
        *long_lived(rng, 15, POD_FROM_S + 0.3, CLIENT_UNTIL_S - 1.0),
        *crowd(rng, 30, 0.0, POD_FROM_S - 1.0, MIX),
        *crowd(rng, 30, POD_FROM_S + 0.2, CLIENT_UNTIL_S - 1.0, MIX),
        *crowd(rng, 30, CLIENT_UNTIL_S + 0.2, END_S - 1.5, MIX),
    ]
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        windows={"client": (-60, CLIENT_UNTIL_S), "pod": (POD_FROM_S, END_S + 60)},
        clock_offset_ns={"client": 0, "pod": 2_222_000_000},
        epoch_ns=1_716_800_400 * 10**9,
    )


# Over in less than half a second, so that none of them straddles an edge.
MIX = {"small-get": 60, "pipelined": 15, "upload": 20, "download": 5}
