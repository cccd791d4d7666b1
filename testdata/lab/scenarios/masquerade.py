"""A node that translates both ends: the Service to a pod, and the client to an address and a port of the node's own.

Nothing of a client's endpoint is left at the pod; what stays are the numbers of TCP.
"""

import random

from layouts import Masquerade
from plan import Scenario
from traffic import crowd

NAME = "masquerade"
WHAT = "90 connections through DNAT and SNAT: at the pod the client has another address and another port"

END_S = 7.0


def scenario():
    rng = random.Random(11)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 90, 0.0, END_S - 1.5),
        end_s=END_S,
        network=Masquerade(),
        clock_offset_ns={"client": 0, "node": 12_345_678, "pod": -3_600_000_000_000},
        epoch_ns=1_716_368_400 * 10**9,
    )
