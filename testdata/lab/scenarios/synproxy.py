"""A firewall behind the node answers SYNs with cookies of its own (SYNPROXY) and only then opens the pod's side.

The client's ISN survives; the server's, and its TCP timestamps, are shifted by a constant between client and pod.
"""

import random

from layouts import SynProxy
from plan import Scenario
from traffic import crowd

NAME = "synproxy"
WHAT = "80 connections through DNAT and the kernel's SYNPROXY: the server's numbers and timestamps are shifted"

END_S = 6.0


def scenario():
    rng = random.Random(28)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 80, 0.0, END_S - 1.5),
        end_s=END_S,
        network=SynProxy(),
        clock_offset_ns={"client": 0, "node": -20_000_000, "pod": 6_600_000_000},
        epoch_ns=1_717_578_000 * 10**9,
    )
