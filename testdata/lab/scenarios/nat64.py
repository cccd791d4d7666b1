"""An IPv6 client and an IPv4 pod, with a NAT64 in between: nothing of any endpoint is left but the pod's port.

No Linux kernel does this: wire.py is the NAT64.
"""

import random

from layouts import Nat64
from plan import Scenario
from traffic import crowd

NAME = "nat64"
WHAT = "100 connections from IPv6 to IPv4 through NAT64"

END_S = 6.0


def scenario():
    rng = random.Random(33)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 100, 0.0, END_S - 1.5),
        end_s=END_S,
        network=Nat64(),
        clock_offset_ns={"client": 0, "pod": 1_100_000_000},
        epoch_ns=1_718_010_000 * 10**9,
    )
