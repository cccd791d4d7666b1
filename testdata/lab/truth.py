"""truth.json: what really happened to every connection, told by programs, sockets and conntrack, never by packets.

Each connection's outcome is worked out from the witnesses and compared with what the scenario meant to do. A
difference fails the run: either the lab did not work, or the scenario claims something untrue.
"""

from collections import defaultdict

from topology import POD_IP, POD_PORT, SERVICE_IP, SERVICE_PORT

SCHEMA = "crosscap-truth/1"
# A server that thinks this long in lab time counts as slow.
SLOW_NS = 500_000_000


class Witnesses:
    """Everything heard about the connections, by connection number."""

    def __init__(self, client_record, server_events, client_sockets, server_sockets, sessions):
        self.client = {one["id"]: one for one in client_record["connections"]}
        self.server = defaultdict(list)
        for event in server_events:
            self.server[event["id"]].append(event)
        self._client_sockets = client_sockets
        self._server_sockets = server_sockets
        self._sessions = sessions

    def outcome(self, number):
        end = self.client[number]["end"]
        if end == "waiting":
            return "hung"
        if end == "gave up":
            return "aborted"
        if end == "ConnectionResetError":
            return "reset"
        if end != "finished":
            raise RuntimeError(f"connection {number} ended with {end}: {self.client[number]}")
        return "slow" if self.longest_thinking(number)[0] >= SLOW_NS else "ok"

    def longest_thinking(self, number):
        """(duration, from, to) of the server's longest time between a request and its answer."""
        longest, received = (0, 0, 0), None
        for event in self.server[number]:
            if event["event"] == "received":
                received = event["at_ns"]
            elif event["event"] == "answering":
                longest = max(longest, (event["at_ns"] - received, received, event["at_ns"]))
        return longest

    def server_ends(self, number):
        """The four-tuple as the server's socket has it: (peer, own), or two times None."""
        accepted = [event for event in self.server[number] if event["event"] == "accepted"]
        return (accepted[0]["peer"], accepted[0]["own"]) if accepted else (None, None)

    def client_socket(self, number):
        one = self.client[number]
        return self._client_sockets.get(f"{one['orig']} -> {one['resp']}")

    def server_socket(self, number):
        peer, own = self.server_ends(number)
        return self._server_sockets.get(f"{own} -> {peer}")

    def hung_side(self, number):
        orig = self.client[number]["end"] == "waiting" and self.client_socket(number) is not None
        resp = self.server_socket(number) is not None
        return {(True, True): "both", (True, False): "orig", (False, True): "resp"}.get((orig, resp), "none")

    def session_events(self, number):
        return self._sessions.get(int(self.client[number]["orig"].rsplit(":", 1)[1]), [])


def tell(scenario, witnesses, story, timeline):
    """The truth document. `story` maps lab time to the client's clock in the captures."""
    factor = scenario.stretch.factor if scenario.stretch else 1
    document = {
        "schema": SCHEMA,
        "scenario": scenario.name,
        "command": f"python3 testdata/lab/lab.py {scenario.name}",
        "what": scenario.what,
        "points": {
            point: {"file": f"{point}.pcap.gz", "clock_offset_ns": offset}
            for point, offset in scenario.clock_offset_ns.items()
        },
        "nat": {
            "kind": "dnat",
            "service": f"{SERVICE_IP}:{SERVICE_PORT}",
            "backends": [f"{POD_IP}:{POD_PORT}"],
        },
        "timeouts": {
            "established_ns": scenario.node.established_s * factor * 10**9,
            "close_wait_ns": scenario.node.close_wait_s * factor * 10**9,
        },
        "timeline": timeline,
        "connections": [],
    }
    problems = []
    for number, planned in enumerate(scenario.connections):
        told = _connection(number, planned, witnesses, story)
        wanted = (planned.expected.outcome, planned.expected.hung_side)
        if (told["outcome"], told["hung_side"]) != wanted:
            problems.append(f"connection {number} should be {wanted}: {told} {witnesses.server[number]}")
        document["connections"].append(told)
    if problems:
        raise RuntimeError(f"{len(problems)} connections are not what they should be:\n" + "\n".join(problems[:20]))
    return document


def _connection(number, planned, witnesses, story):
    client = witnesses.client[number]
    peer, own = witnesses.server_ends(number)
    client_socket, server_socket = witnesses.client_socket(number), witnesses.server_socket(number)
    told = {
        "orig_client": client["orig"],
        "resp_client": client["resp"],
        "orig_pod": peer,
        "resp_pod": own,
        "orig_isn": client["orig_isn"],
        "resp_isn": client["resp_isn"],
        "kind": planned.kind,
        "outcome": witnesses.outcome(number),
        "finding": planned.expected.finding,
        "also": list(planned.expected.also),
        "hung_side": witnesses.hung_side(number),
        "client_socket": client_socket and client_socket["state"],
        "server_socket": server_socket and server_socket["state"],
    }
    if planned.expected.finding or planned.expected.also:
        told["witnesses"] = _testimony(number, witnesses, story, client_socket, server_socket)
    return told


def _testimony(number, witnesses, story, client_socket, server_socket):
    """For the connections worth looking at: what each witness said, in the client's clock."""
    return {
        "server": [
            {key: value for key, value in event.items() if key not in ("id", "at_ns", "peer", "own")}
            | {"at_ns": story(event["at_ns"])}
            for event in witnesses.server[number]
        ],
        "conntrack": [
            {"at_ns": story(at_ns), "event": event, "session": session}
            for at_ns, event, session in witnesses.session_events(number)
        ],
        "client_ss": client_socket and client_socket["line"],
        "server_ss": server_socket and server_socket["line"],
    }
