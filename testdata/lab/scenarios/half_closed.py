"""The client half-closes after its request, and the NAT forgets half-closed sessions early.

With the client's FIN the session moves to CLOSE_WAIT, which lives one minute instead of fifteen. An answer after
that leaves untranslated and is reset; the client stays in FIN-WAIT-2. Around it: half-closed connections whose
answer comes in time, and open ones that are silent for longer than that minute and get their answer.
"""

import random

from plan import Connection, Expected, Scenario, Stretch, ask, half_close
from topology import NodeSettings
from traffic import bursts, crowd

NAME = "half-closed"
WHAT = "4 of 300 clients half-close and are answered after the NAT's CLOSE_WAIT timeout of 60 s: stuck in FIN-WAIT-2"

QUIET_FROM_S = 5.0
QUIET_UNTIL_S = 14.0
END_S = 19.0
FACTOR = 60
HUNG = Expected("hung", "nat-expired-half-closed", ("slow-server",), "orig")
SLOW = Expected("slow", also=("slow-server",))


def scenario():
    rng = random.Random(4)
    connections = [*_too_late(), *_in_time(rng), *_open_and_silent()]
    connections += bursts(rng, [QUIET_FROM_S + 0.5 * beat for beat in range(1, 17)], 3)
    connections += crowd(rng, 60, QUIET_UNTIL_S + 0.2, END_S - 1.5)
    connections += crowd(rng, 300 - len(connections), 0.0, QUIET_FROM_S - 1)
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=END_S,
        node=NodeSettings(established_s=15, close_wait_s=1),
        clock_offset_ns={"client": 0, "pod": -400_000_000},
        epoch_ns=1_715_936_400 * 10**9,
        stretch=Stretch(QUIET_FROM_S, QUIET_UNTIL_S, FACTOR),
    )


def _too_late():
    for number, think_s in enumerate([2.7, 3.3, 4.1, 5.2]):
        start = QUIET_FROM_S + 0.5 * (1 + number)
        steps = [half_close("export", 500 + 900 * number, upload=700, think_s=think_s)]
        yield Connection("half-close", start, steps, expected=HUNG)


def _in_time(rng):
    for _ in range(20):
        start = rng.uniform(0.0, QUIET_FROM_S - 1)
        yield Connection("half-close", start, [half_close("export", 900, upload=700, think_s=rng.uniform(0, 0.05))])
    for number in range(4):
        start = QUIET_FROM_S + 0.5 * (1 + number)
        steps = [half_close("export", 800, upload=700, think_s=0.55 + 0.04 * number)]
        yield Connection("half-close", start, steps, expected=SLOW)


def _open_and_silent():
    for number in range(8):
        start = QUIET_FROM_S + 0.5 * (1 + number % 4)
        yield Connection("slow-answer", start, [ask("report", 700, think_s=2.5 + 0.4 * number)], expected=SLOW)
