"""The server is slow and that is all: every answer arrives, within the NAT's timeout, and every connection ends well.

Thinking times of 3 to 30 s, some watched by the client's keep-alives, among fast requests.
"""

import random

from plan import Connection, Expected, Scenario, ask
from topology import NodeSettings
from traffic import crowd

NAME = "slow-server"
WHAT = "14 of 280 answers take the server 3 to 30 s and arrive; nothing else is wrong"

END_S = 36.0
KEEPALIVE_S = 4
SLOW = Expected("slow", "slow-server")


def scenario():
    rng = random.Random(8)
    connections = []
    for number, think_s in enumerate([3, 4, 5.5, 7, 9, 11, 12.5, 14, 16, 18, 21, 24, 27, 30]):
        steps = [ask("status"), ask("report", 400 + 300 * number, think_s=think_s), ask("status")]
        keepalive_s = KEEPALIVE_S if number % 3 == 2 else None
        connections.append(Connection("slow-answer", 1 + 0.2 * number, steps, keepalive_s=keepalive_s, expected=SLOW))
    connections += crowd(rng, 280 - len(connections), 0.0, END_S - 1.5)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        node=NodeSettings(),
        clock_offset_ns={"client": 0, "pod": 86_400_000_000_000},
        epoch_ns=1_716_282_000 * 10**9,
    )
