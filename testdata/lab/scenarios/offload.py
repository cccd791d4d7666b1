"""The pod's network card cuts and joins segments (TSO, GRO), the client's does not.

The pod's capture has few large segments with unfinished checksums where the client's has many small ones: segments
differ, bytes do not.
"""

import random

from layouts import Offloading
from plan import Scenario
from traffic import crowd

NAME = "offload"
WHAT = "60 connections, mostly downloads and uploads, with TSO and GRO at the pod only"

END_S = 6.0
MIX = {"small-get": 30, "pipelined": 10, "large-upload": 25, "download": 35}


def scenario():
    rng = random.Random(23)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 60, 0.0, END_S - 1.5, MIX),
        end_s=END_S,
        network=Offloading(),
        clock_offset_ns={"client": 0, "pod": 870_000_000},
        epoch_ns=1_717_405_200 * 10**9,
    )
