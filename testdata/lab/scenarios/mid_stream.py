"""Captures that start when half of the connections are long established: no SYN of those in either file.

The client's capture starts a second before the pod's: of some connections only the client's has the SYN.
"""

import random

from plan import Connection, Scenario, ask, pause
from traffic import crowd

NAME = "mid-stream"
WHAT = "60 of 100 connections are older than the captures, 20 of them only than the pod's: SYNs are missing"

CLIENT_FROM_S, POD_FROM_S, END_S = 2.0, 4.0, 12.0


def scenario():
    rng = random.Random(15)
    connections = [
        *long_lived(rng, 40, 0.2, CLIENT_FROM_S - 0.3),
        *long_lived(rng, 20, CLIENT_FROM_S + 0.3, POD_FROM_S - 0.3),
        *crowd(rng, 40, POD_FROM_S + 0.3, END_S - 1.5),
    ]
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        windows={"client": (CLIENT_FROM_S, END_S + 60), "pod": (POD_FROM_S, END_S + 60)},
        clock_offset_ns={"client": 0, "pod": -7_700_000_000},
        epoch_ns=1_716_714_000 * 10**9,
    )


def long_lived(rng, count, since, until):
    """Still asking, every second or so, after the captures have begun."""
    for _ in range(count):
        steps = []
        for _ in range(5):
            steps += [ask("poll", rng.randrange(150, 900)), pause(rng.uniform(0.8, 1.2))]
        yield Connection("long-lived", rng.uniform(since, until), steps)
