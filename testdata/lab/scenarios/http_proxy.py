"""A proxy that rewrites HTTP headers and shares its connections to the pod between clients.

Not even the streams are the same on its two sides: only times and sizes are left to match by.
"""

import random

from layouts import Proxied
from plan import Scenario
from traffic import crowd

NAME = "http-proxy"
WHAT = "70 connections that an HTTP proxy ends: headers are rewritten, its connections to the pod are shared"

END_S = 6.0


def scenario():
    rng = random.Random(32)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 70, 0.0, END_S - 1.5),
        end_s=END_S,
        network=Proxied("http"),
        clock_offset_ns={"client": 0, "proxy": -5_500_000, "pod": 77_000_000_000},
        epoch_ns=1_717_923_600 * 10**9,
    )
