"""The NAT session expires, and it is the client that speaks next, as under IPVS.

The node has the Service address on a device of its own and makes no session from the middle of a connection, so the
client's next request goes to the node's own TCP, which knows nothing of it and answers RST from the Service address,
with an undiminished TTL. The pod never sees any of it: the server's socket stays established for ever.
"""

import random

from plan import Connection, Expected, Scenario, Stretch, ask, pause
from topology import NodeSettings
from traffic import bursts, crowd

NAME = "client-speaks-first"
WHAT = "5 of 330 idle connections outlive the NAT session; the client's next request is reset by its own node"

QUIET_FROM_S = 6.0
QUIET_UNTIL_S = 17.0
END_S = 22.0
FACTOR = 150
RESET = Expected("reset", "nat-expired-client-spoke", (), "resp")


def scenario():
    rng = random.Random(2)
    connections = [_reused(number, 6.9 + 0.5 * number, RESET) for number in range(5)]
    connections += [_reused(number, 2.0 + 0.25 * number, Expected()) for number in range(13)]
    connections += bursts(rng, [QUIET_FROM_S + 0.5 * beat for beat in range(1, 20)], 3)
    connections += crowd(rng, 185, 0.0, QUIET_FROM_S - 1)
    connections += crowd(rng, 70, QUIET_UNTIL_S + 0.2, END_S - 1.5)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        node=NodeSettings(established_s=6, close_wait_s=24, loose=False, service_is_local=True),
        clock_offset_ns={"client": 0, "node": 1_250_000_000, "pod": 3_600_000_000_000},
        epoch_ns=1_715_763_600 * 10**9,
        stretch=Stretch(QUIET_FROM_S, QUIET_UNTIL_S, FACTOR),
    )


def _reused(number, idle_s, expected):
    """A connection of a pool: used, idle, used again."""
    start = QUIET_FROM_S + 0.5 * (number % 6)
    steps = [ask("cart", 300), ask("cart", 280), pause(idle_s), ask("checkout", 500, upload=900)]
    return Connection("idle-reuse", start, steps, expected=expected)
