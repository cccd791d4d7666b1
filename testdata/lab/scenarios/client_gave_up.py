"""The client's own patience ends before the answer comes; the network is innocent.

After 3 s without an answer some clients close (the server's late answer then gets RST, on the Service's tuple) and
some reset at once. The NAT session is intact throughout.
"""

import random

from plan import Connection, Expected, Scenario, ask
from topology import NodeSettings
from traffic import crowd

NAME = "client-gave-up"
WHAT = "9 of 260 clients give up after 3 s, 5 by closing and 4 by resetting, while the NAT still knows them"

END_S = 16.0
PATIENCE_S = 3.0
# One story: the slow answer is why they gave up, and is told with it.
GAVE_UP = Expected("aborted", "client-abort")


def scenario():
    rng = random.Random(7)
    connections = [_impatient(0.4 + 0.9 * number, "close", GAVE_UP) for number in range(5)]
    connections += [_impatient(0.8 + 0.9 * number, "reset", GAVE_UP) for number in range(4)]
    connections += crowd(rng, 260 - len(connections), 0.0, END_S - 1.5)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        node=NodeSettings(),
        clock_offset_ns={"client": 0, "pod": 0},
        epoch_ns=1_716_195_600 * 10**9,
    )


def _impatient(start, gives_up_by, expected):
    steps = [ask("status"), ask("report", 900, think_s=6.0 + start / 2, patience_s=PATIENCE_S)]
    return Connection("slow-answer", start, steps, gives_up_by=gives_up_by, expected=expected)
