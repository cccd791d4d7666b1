"""The network drops 3 % of the packets to the server and 5 % of those to the client, and counts each that it drops.

The node drops at random behind the translation. Everything is sent again until it arrives: no byte stays missing.
"""

import random

from layouts import Lossy
from plan import Scenario
from traffic import crowd

NAME = "loss"
WHAT = "100 connections, of whose packets the network drops 3 % to the server and 5 % to the client, each counted"

END_S = 26.0
MIX = {"small-get": 35, "several-requests": 15, "pipelined": 15, "upload": 20, "chunked": 8, "download": 7}


def scenario():
    rng = random.Random(13)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 100, 0.0, 8.0, MIX),
        end_s=END_S,
        network=Lossy(30, 50),
        clock_offset_ns={"client": 0, "pod": 1_250_000_000},
        epoch_ns=1_716_541_200 * 10**9,
    )
