"""What a scenario asks for: connections, their steps, and the outcome that the witnesses must confirm.

Times are seconds of the plan's own clock, which starts when the client program says "go".
"""

import random
from dataclasses import dataclass, field

from topology import Network, NodeSettings, Wiring

EPHEMERAL_PORTS = range(32768, 61000)


@dataclass
class Expected:
    """What the scenario was built to do to a connection. The run fails when the sockets tell otherwise."""

    outcome: str = "ok"  # ok, slow, hung, reset, aborted
    finding: str | None = None
    also: tuple = ()
    hung_side: str = "none"


@dataclass
class Connection:
    kind: str
    start: float
    steps: list
    port: int | None = None
    keepalive_s: int | None = None
    gives_up_by: str = "close"
    # Whether other connections of the scenario have the same port, earlier or later.
    reuses_port: bool = False
    expected: Expected = field(default_factory=Expected)


@dataclass
class Stretch:
    """The quiet gaps between plan times `since` and `until` grow so that the section becomes `factor` times as long.

    With `exact` = (port, seconds) they grow instead so that the server's longest silence on that connection becomes
    exactly so long; `factor` must be about right all the same, as the timeouts are multiplied by it.
    """

    since: float
    until: float
    factor: int
    exact: tuple | None = None


@dataclass
class ClockPiece:
    """From plan time `since` on a clock is `offset_ns` ahead of the client's and gains `ppm` microseconds a second."""

    since: float
    offset_ns: int
    ppm: int = 0


@dataclass
class Scenario:
    name: str
    what: str
    connections: list
    end_s: float
    # Per point, relative to the client's clock: an offset in ns, or a list of ClockPiece.
    clock_offset_ns: dict
    # The client's clock at plan time zero, or at the moment when the connection from port `epoch_at_port` is opened.
    epoch_ns: int
    node: NodeSettings = field(default_factory=NodeSettings)
    network: Wiring | None = None
    epoch_at_port: int | None = None
    stretch: Stretch | None = None
    # Ports of connections into whose download a segment above the window is thrown (see inject.py).
    inject_ports: list = field(default_factory=list)
    # Per point, plan times between which its capture ran; elsewhere from before the first packet to after the last.
    windows: dict = field(default_factory=dict)
    # Per point, (share, seed) of the records that its capture lost.
    capture_loss: dict = field(default_factory=dict)

    def __post_init__(self):
        """Gives every connection a port of its own, unless it asked for one."""
        self.network = self.network or Network(self.node)
        taken = {one.port for one in self.connections}
        free = [port for port in EPHEMERAL_PORTS if port not in taken]
        random.Random(self.name).shuffle(free)
        for one in self.connections:
            one.port = one.port or free.pop()

    def points(self):
        return list(self.clock_offset_ns)

    def for_client(self):
        """The plan as client.py reads it."""
        return {
            "service": list(self.network.service),
            "end_s": self.end_s,
            "connections": [
                {
                    "id": number,
                    "start": one.start,
                    "steps": one.steps,
                    "port": one.port,
                    "keepalive_s": one.keepalive_s,
                    "gives_up_by": one.gives_up_by,
                    "reuses_port": one.reuses_port,
                }
                for number, one in enumerate(self.connections)
            ],
        }


def request(name, answer=400, **how):
    """One request: what is sent, how the server is to answer, and how long the client will wait."""
    usual = {
        "upload": 0,
        "think_s": 0,
        "chunks": 1,
        "chunk_gap_s": 0,
        "server_closes": False,
        "receipts": False,
        "patience_s": None,
    }
    unknown = set(how) - set(usual)
    if unknown:
        raise TypeError(f"request has no {unknown}")
    return {"name": name, "answer": answer, **usual, **how}


def ask(name, answer=400, **how):
    """The step: send one request and read its answer."""
    return ["requests", [request(name, answer, **how)]]


def half_close(name, answer=400, **how):
    """The step: send one request, shut down the sending side, and wait for the answer."""
    return ["send_and_half_close", request(name, answer, **how)]


def pause(seconds):
    return ["pause", seconds]


def until(moment):
    return ["until", moment]
