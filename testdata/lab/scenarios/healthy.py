"""Nothing is wrong here, though much looks unusual.

Connections that are idle for longer than the NAT's timeout, with keep-alives; idle ones used again before the
timeout; clients that reset instead of closing once they have the whole answer; either side closing first. No answer
takes longer than 300 ms.
"""

import random

from plan import Connection, Scenario, Stretch, ask, pause
from topology import NodeSettings
from traffic import bursts, crowd

NAME = "healthy"
WHAT = "2,500 connections without a fault: keep-alives over long idle times, idle reuse, resets after full answers"

QUIET_FROM_S = 14.0
QUIET_UNTIL_S = 26.0
END_S = 34.0
FACTOR = 150
KEEPALIVE_S = 2


def scenario():
    rng = random.Random(3)
    connections = [*_kept_alive(), *_idle_between(), *_reset_after_answer(rng)]
    connections += bursts(rng, [QUIET_FROM_S + 0.5 * beat for beat in range(1, 23)], 12)
    connections += crowd(rng, 700, QUIET_UNTIL_S + 0.2, END_S - 1.5)
    connections += crowd(rng, 2500 - len(connections), 0.0, QUIET_FROM_S - 1.5)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        node=NodeSettings(established_s=6, close_wait_s=24),
        clock_offset_ns={"client": 0, "pod": 2_500_000_000},
        epoch_ns=1_715_846_400 * 10**9,
        stretch=Stretch(QUIET_FROM_S, QUIET_UNTIL_S, FACTOR),
    )


def _kept_alive():
    for number in range(25):
        start = QUIET_FROM_S + 0.5 * (number % 6)
        steps = [ask("status"), pause(7.2 + 0.05 * number), ask("status", 300)]
        yield Connection("keep-alive", start, steps, keepalive_s=KEEPALIVE_S)


def _idle_between():
    for number in range(40):
        start = QUIET_FROM_S + 0.5 * (number % 10)
        steps = [ask("item", 500), pause(1.0 + 0.1 * number), ask("item", 600)]
        yield Connection("idle-reuse", start, steps)


def _reset_after_answer(rng):
    for number in range(120):
        start = rng.uniform(0.0, QUIET_FROM_S - 1.5) if number % 2 else rng.uniform(QUIET_UNTIL_S + 0.2, END_S - 1.5)
        yield Connection("reset-after-answer", start, [ask("status", 300), ["reset", None]])
