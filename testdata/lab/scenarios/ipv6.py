"""The plain network with IPv6 addresses: DNAT of a Service address to a pod."""

import random

from layouts import IPv6
from plan import Scenario
from traffic import crowd

NAME = "ipv6"
WHAT = "100 connections over IPv6 through DNAT"

END_S = 7.0


def scenario():
    rng = random.Random(18)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 100, 0.0, END_S - 1.5),
        end_s=END_S,
        network=IPv6(),
        clock_offset_ns={"client": 0, "node": 4_400_000, "pod": 33_000_000_000},
        epoch_ns=1_716_973_200 * 10**9,
    )
