"""Between client and node, packets are sent twice, overtake each other, change, or come from nowhere.

All checksums are right, and none of it breaks a connection: the changed word is in the middle of an answer, and the
forged resets are far above the window. The segment sizes that the ends offer each other are lowered on the way, as
tunnels have it done (MSS clamping). wire.py does all this, and says to which packets.
"""

import random

from layouts import Meddled
from plan import Scenario
from traffic import crowd

NAME = "meddling"
WHAT = "110 connections, of whose packets some are duplicated, overtaken, changed or forged on the way, each one told"

END_S = 8.0
MIX = {"small-get": 30, "several-requests": 15, "pipelined": 15, "upload": 15, "chunked": 15, "download": 10}


def scenario():
    rng = random.Random(34)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 110, 0.0, END_S - 1.5, MIX),
        end_s=END_S,
        network=Meddled(),
        clock_offset_ns={"client": 0, "pod": -17_000_000},
        epoch_ns=1_718_096_400 * 10**9,
    )
