"""A stateful device forgets idle sessions and then silently drops what belongs to them, as cloud balancers do.

After 240 s of idleness the client sends its next request: no answer, no reset, only retransmissions with back-off,
and nothing of it reaches the pod. Both sockets stay established. Around it: busy connections, shorter idle times,
and keep-alives over long ones.
"""

import random

from plan import Connection, Expected, Scenario, Stretch, ask, pause, until
from topology import NodeSettings
from traffic import bursts, crowd

NAME = "silent-drop"
WHAT = "4 of 220 connections are idle for more than 240 s and from then on silently dropped between client and pod"

QUIET_FROM_S = 4.0
QUIET_UNTIL_S = 13.0
# Six retransmissions take 200 ms * (2^6 - 1), in real time.
END_S = QUIET_UNTIL_S + 17
FACTOR = 60
KEEPALIVE_S = 2
HUNG = Expected("hung", "idle-silent-drop", (), "both")


def scenario():
    rng = random.Random(5)
    connections = [*_idle_too_long(), *_idle_shorter(), *_kept_alive(), *_busy()]
    connections += bursts(rng, [QUIET_FROM_S + 0.5 * beat for beat in range(1, 18)], 2)
    connections += crowd(rng, 80, QUIET_UNTIL_S + 0.2, END_S - 1.5)
    connections += crowd(rng, 220 - len(connections), 0.0, QUIET_FROM_S - 1)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        node=NodeSettings(established_s=4, close_wait_s=60, loose=False, drop_invalid=True),
        clock_offset_ns={"client": 0, "node": -310_000_000, "pod": 71_000_000},
        epoch_ns=1_716_022_800 * 10**9,
        stretch=Stretch(QUIET_FROM_S, QUIET_UNTIL_S, FACTOR),
    )


def _idle_too_long():
    """All speak again just after the stretched section, so that their retransmissions keep the kernel's pace."""
    for number in range(4):
        start = QUIET_FROM_S + 0.5 * (1 + number)
        steps = [ask("cart"), ask("cart"), until(QUIET_UNTIL_S + 0.2 + 0.3 * number), ask("checkout", upload=800)]
        yield Connection("idle-reuse", start, steps, expected=HUNG)


def _idle_shorter():
    for number in range(10):
        start = QUIET_FROM_S + 0.5 * number
        yield Connection("idle-reuse", start, [ask("cart"), pause(1.2 + 0.2 * number), ask("checkout", upload=800)])


def _kept_alive():
    for number in range(3):
        start = QUIET_FROM_S + 0.5 * (1 + number)
        steps = [ask("cart"), pause(6.0 + 0.5 * number), ask("checkout", upload=800)]
        yield Connection("keep-alive", start, steps, keepalive_s=KEEPALIVE_S)


def _busy():
    """One request every half second, through the quiet section and beyond."""
    for _ in range(4):
        steps = [step for beat in range(1, 30) for step in (until(QUIET_FROM_S + 0.5 * beat), ask("poll", 180))]
        yield Connection("several-requests", QUIET_FROM_S, steps)
