"""The same few client ports are used again and again, through the NAT to the same pod.

Four-tuples name nothing here: ISNs and time do. Some uses follow at once, where the server had closed or the client had
reset; others come a good second after the client closed, while the last use is still in TIME-WAIT.
"""

import random

from plan import Connection, Network, Scenario, ask
from topology import NodeSettings

NAME = "port-reuse"
WHAT = "100 connections from 10 client ports, each used 10 times over in one capture"

PORTS = range(45010, 45020)
USES = 10
# Linux takes a port out of TIME-WAIT for a new connection to the same peer after a second.
AFTER_CLOSE_S = 1.3
AFTER_OTHERS_S = 0.15


def scenario():
    rng = random.Random(14)
    connections = [one for number, port in enumerate(PORTS) for one in _uses(rng, port, 0.05 * number)]
    end_s = max(one.start for one in connections) + 2
    return Scenario(
        name=NAME,
        what=WHAT,
        connections=connections,
        end_s=end_s,
        network=ReusingNetwork(NodeSettings()),
        clock_offset_ns={"client": 0, "pod": 512_000_000},
        epoch_ns=1_716_627_600 * 10**9,
    )


def _uses(rng, port, start):
    for _ in range(USES):
        ending = rng.choice(["server closes", "client closes", "client resets"])
        steps = [ask("status", rng.randrange(150, 900), server_closes=ending == "server closes")]
        if ending == "server closes":
            steps.append(["await_end", None])
        if ending == "client resets":
            steps.append(["reset", None])
        yield Connection(f"reused-port, {ending}", start, steps, port=port, reuses_port=True)
        start += AFTER_CLOSE_S if ending == "client closes" else AFTER_OTHERS_S


class ReusingNetwork(Network):
    def build(self):
        super().build()
        self.sysctl("client", "net.ipv4.tcp_tw_reuse=1")
