"""Client and pod on two nodes with a VXLAN overlay between them, as flannel and Calico build it.

The first node's capture on all devices has each packet as the pod's cable had it, inside on the overlay device, and
outside in UDP; the capture on its network card has the outside only. The Service is translated on the first node.
"""

import random

from layouts import Overlay
from plan import Scenario
from traffic import crowd

NAME = "vxlan"
WHAT = "60 connections through DNAT and a VXLAN overlay between two nodes"

END_S = 6.0


def scenario():
    rng = random.Random(20)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=crowd(rng, 60, 0.0, END_S - 1.5),
        end_s=END_S,
        network=Overlay(),
        clock_offset_ns={"client": 0, "node": 60_000_000, "card": 60_000_000, "pod": -5_000_000},
        epoch_ns=1_717_146_000 * 10**9,
    )
