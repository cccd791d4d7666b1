"""A proxy that ends TCP and passes bytes on as they are, one connection to the pod for each of the clients'.

Addresses, ports, sequence numbers and segments differ on its two sides; the streams are the same.
"""

import random

from layouts import Proxied
from plan import Scenario
from traffic import crowd

NAME = "tcp-proxy"
WHAT = "70 connections that a proxy ends and carries on byte by byte over 70 of its own"

END_S = 6.0


def scenario():
    rng = random.Random(31)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 70, 0.0, END_S - 1.5),
        end_s=END_S,
        network=Proxied("tcp"),
        clock_offset_ns={"client": 0, "proxy": 5_500_000, "pod": -900_000_000},
        epoch_ns=1_717_837_200 * 10**9,
    )
