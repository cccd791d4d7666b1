"""The incident: the server thinks longer than the NAT remembers, and speaks first.

Four of more than 8,000 connections stay silent past the node's session timeout while the server computes. The
session expires, the late answer leaves the node untranslated, the client's kernel resets it, the server closes, and
the client waits for ever. Around them: the same silence kept alive by TCP keep-alive, slow answers within the
timeout, connections idle between two requests, and thousands of short ones before, during and after.
"""

import random
from datetime import datetime, timezone

from plan import Connection, Expected, Scenario, Stretch, ask, pause, until
from topology import NodeSettings
from traffic import bursts, crowd

NAME = "incident"
WHAT = "4 of 8,200 connections hang because the server answered after the NAT session had expired"

SHOWN_PORT = 40422
SHOWN_START_S = 1.0
DIALOGUE_S = 75.0
QUIET_FROM_S = SHOWN_START_S + DIALOGUE_S
SHOWN_SILENCE_S = 12.4
QUIET_UNTIL_S = QUIET_FROM_S + SHOWN_SILENCE_S
END_S = QUIET_UNTIL_S + 9
FACTOR = 150
SHOWN_SILENCE_STRETCHED_S = 1856
KEEPALIVE_S = 2

# (silence after the quiet section's start, its length, size of the answer): all longer than the timeout of 6 s.
OTHERS_HUNG = [(0.5, 8.1, 3500), (1.0, 9.6, 260), (1.5, 7.3, 1400)]
# Where a burst of short connections interrupts the quiet.
BEATS = [QUIET_FROM_S + 0.5 * beat for beat in range(1, 24)]
HANDSHAKE_NS = int(datetime(2024, 5, 14, 12, 3, 36, tzinfo=timezone.utc).timestamp()) * 10**9 + 200_000_000

HUNG = Expected("hung", "nat-expired-server-spoke", ("slow-server",), "orig")
SLOW = Expected("slow", also=("slow-server",))


def scenario():
    rng = random.Random(40422)
    connections = [_shown(), *_other_hung(), *_slow_in_time(), *_kept_alive(), *_idle_between()]
    connections += bursts(rng, BEATS, 24)
    connections += crowd(rng, 800, QUIET_UNTIL_S + 0.2, END_S - 1.5)
    connections += crowd(rng, 8200 - len(connections), 0.0, QUIET_FROM_S - 1.5)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        node=NodeSettings(established_s=6, close_wait_s=24),
        clock_offset_ns={"client": 0, "pod": -27_000_000_000},
        epoch_ns=HANDSHAKE_NS,
        epoch_at_port=SHOWN_PORT,
        stretch=Stretch(QUIET_FROM_S, QUIET_UNTIL_S, FACTOR, (SHOWN_PORT, SHOWN_SILENCE_STRETCHED_S)),
    )


def _shown():
    """75 s of questions and quick answers, then one question that takes half an hour."""
    steps = []
    for moment in range(0, int(DIALOGUE_S), 5):
        steps += [until(SHOWN_START_S + moment), ask("stock", 350 + moment)]
    steps += [until(QUIET_FROM_S), ask("yearly-report", 812, think_s=SHOWN_SILENCE_S)]
    return Connection("silent", SHOWN_START_S, steps, port=SHOWN_PORT, expected=HUNG)


def _other_hung():
    for after, silence, size in OTHERS_HUNG:
        start = QUIET_FROM_S + after
        yield Connection("silent", start, [ask("report", size, think_s=silence)], expected=HUNG)


def _slow_in_time():
    for number in range(14):
        silence = 2 + number * 0.22
        start = QUIET_FROM_S + 0.5 * (1 + number % 8)
        steps = [ask("statement", 300 + 100 * number, think_s=silence), ask("status", 200)]
        yield Connection("slow-answer", start, steps, expected=SLOW)


def _kept_alive():
    """Longer silences than the timeout, but never longer without a packet than the keep-alive interval."""
    for number in range(6):
        start = QUIET_FROM_S + 0.5 * number
        steps = [ask("report", 700, think_s=7.5 + 0.2 * number)]
        yield Connection("keep-alive", start, steps, keepalive_s=KEEPALIVE_S, expected=SLOW)
    for number in range(4):
        start = QUIET_FROM_S + 0.5 * number
        steps = [ask("status"), pause(7.7 + 0.3 * number), ask("status")]
        yield Connection("keep-alive", start, steps, keepalive_s=KEEPALIVE_S)


def _idle_between():
    """Idle connections that are used again before the timeout."""
    for number in range(12):
        start = QUIET_FROM_S + 0.5 * (1 + number % 6)
        steps = [ask("item", 500), pause(2.5 + 0.2 * number), ask("item", 600)]
        yield Connection("idle-reuse", start, steps)
