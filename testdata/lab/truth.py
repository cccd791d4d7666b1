"""truth.json: what really happened to every connection, told by programs, sockets and conntrack, never by packets.

Each connection's outcome is worked out from the witnesses and compared with what the scenario meant to do. A
difference fails the run: either the lab did not work, or the scenario claims something untrue.
"""

from collections import defaultdict

import loss
from topology import POD_PORT, endpoint
from witness import tuples

SCHEMA = "crosscap-truth/1"
# A server that thinks this long in lab time counts as slow.
SLOW_NS = 500_000_000
# Nothing may begin or end this close to the edge of a capture window.
EDGE_NS = 30_000_000
# Parts of a server's event that other fields tell.
HELD_BACK = ("id", "at_ns", "peer", "own", "peer_isn", "own_isn")


class Witnesses:
    """Everything heard about the connections, by connection number."""

    # Per point: the lab moments between which its capture ran; the packets that it lost.
    windows = {}
    capture_lost = {}

    def __init__(self, client_record, server_events, sockets, sessions, losses, programs):
        self.client = {one["id"]: one for one in client_record["connections"]}
        self.server = defaultdict(list)
        self.host = {}  # which server accepted it
        for host, events in server_events.items():
            for event in events:
                self.server[event["id"]].append(event)
                if event["event"] == "accepted":
                    self.host[event["id"]] = host
        self._sockets = sockets
        self._sessions = sessions
        self.losses = losses
        self.programs = programs

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

    def server_says(self, number):
        """(peer, own, peer's ISN, own ISN) as the server's socket has it, or None each."""
        accepted = [event for event in self.server[number] if event["event"] == "accepted"]
        names = ("peer", "own", "peer_isn", "own_isn")
        return tuple(accepted[0][name] for name in names) if accepted else (None,) * 4

    def accepted(self):
        """{(peer, own, peer's ISN, own ISN)} of all that servers have accepted."""
        return {self.server_says(number) for number in self.host}

    def client_socket(self, number):
        one = self.client[number]
        return self._sockets["client"].get(f"{one['orig']} -> {one['resp']}")

    def server_socket(self, number):
        peer, own, *_ = self.server_says(number)
        return self._sockets[self.host[number]].get(f"{own} -> {peer}") if own else None

    def hung_side(self, number):
        orig = self.client[number]["end"] == "waiting" and self.client_socket(number) is not None
        resp = self.server_socket(number) is not None
        return {(True, True): "both", (True, False): "orig", (False, True): "resp"}.get((orig, resp), "none")

    def session_events(self, number):
        """What conntrack said of this connection; of several uses of one port, of this use."""
        one = self.client[number]
        peer, own, *_ = self.server_says(number)
        ends = (one["orig"], one["resp"])
        events = sorted({*self._sessions.get(ends, ()), *self._sessions.get((own, peer), ())})
        others = [other for other in self.client.values() if (other.get("orig"), other.get("resp")) == ends]
        if len(others) == 1:
            return events
        use = sorted(others, key=lambda other: other["connecting_ns"]).index(one)
        begins = [at for at, (_, event, _) in enumerate(events) if event == "NEW"] + [len(events)]
        return events[begins[use] : begins[use + 1]]

    def translation(self, number):
        """The ends as conntrack says that they leave the translator, from the session's two tuples."""
        for _, event, session in self.session_events(number):
            both = tuples(session)
            if event == "NEW" and both[0] == (self.client[number]["orig"], self.client[number]["resp"]):
                return (both[1][1], both[1][0])
        return None


def tell(scenario, witnesses, story, timeline, clocks, captures):
    """The truth document. `story` maps lab time to the client's clock in the captures."""
    factor = scenario.stretch.factor if scenario.stretch else 1
    network = scenario.network
    document = {
        "schema": SCHEMA,
        "scenario": scenario.name,
        "command": f"python3 testdata/lab/lab.py {scenario.name}",
        "what": scenario.what,
        "points": {point: _point(point, scenario, witnesses, story, clocks[point]) for point in scenario.points()},
        "nat": network.nat_kind
        and {
            "kind": network.nat_kind,
            "service": endpoint(*network.service),
            "backends": [endpoint(address, POD_PORT) for address in network.servers.values()],
        },
        "timeouts": {
            "established_ns": network.settings.established_s * factor * 10**9,
            "close_wait_ns": network.settings.close_wait_s * factor * 10**9,
        },
        "timeline": timeline,
        **network.more_truth(witnesses),
        "connections": [],
    }
    problems = []
    for number, planned in enumerate(scenario.connections):
        told = _connection(number, planned, witnesses, story)
        wanted = (planned.expected.outcome, planned.expected.hung_side)
        if (told["outcome"], told["hung_side"]) != wanted:
            problems.append(f"connection {number} should be {wanted}: {told} {witnesses.server[number]}")
        told["legs"] = _legs(number, scenario, witnesses)
        document["connections"].append(told)
    network.complete(document, witnesses)
    loss.tell(document, witnesses.losses)
    loss.tell_of_captures(document, witnesses.capture_lost, captures)
    if problems:
        raise RuntimeError(f"{len(problems)} connections are not what they should be:\n" + "\n".join(problems[:20]))
    return document


def _point(point, scenario, witnesses, story, clock):
    tap, pieces = scenario.network.taps[point], clock.told()
    told = {"file": f"{point}.pcap.gz", "clock_offset_ns": pieces[0]["offset_ns"], "clock": pieces}
    if point in witnesses.windows:
        told["window_ns"] = [story(moment) for moment in witnesses.windows[point]]
    if tap.filter:
        told |= {"filter": tap.filter, "direction": tap.direction}
    if tap.at:
        told["at"] = tap.at
    return told


def _legs(number, scenario, witnesses):
    """The legs of one connection, from client to server: at each point the ends, the ISNs and how many copies."""
    client = witnesses.client[number]
    at_client = (client["orig"], client["resp"], client["orig_isn"], client["resp_isn"])
    at_server = witnesses.server_says(number)
    translated = witnesses.translation(number)
    if scenario.network.translator and translated != at_server[:2]:
        raise RuntimeError(f"connection {number}: conntrack translates to {translated}, the server has {at_server}")
    legs = []
    for point in scenario.points():
        tap = scenario.network.taps[point]
        if tap.host in scenario.network.servers and tap.host != witnesses.host.get(number):
            continue
        if not _lives(client, witnesses.windows.get(point)):
            continue
        for ends, isns, copies in _usual_sights(tap, scenario.network) if tap.sights is None else tap.sights:
            leg = {"point": point, "copies": copies}
            leg["orig"], leg["resp"] = (at_client if ends == "client" else at_server)[:2]
            leg["orig_isn"], leg["resp_isn"] = (at_client if isns == "client" else at_server)[2:]
            legs.append(leg)
    return legs


def _usual_sights(tap, network):
    if tap.host == "client":
        return [("client", "client", 1)]
    if tap.host in network.servers:
        return [("server", "server", 1)]
    return [("client", "client", 1), ("server", "server", 1)]


def _lives(client, window):
    """Whether a connection has packets in a capture window. Fails where that is too close to tell from sockets."""
    if window is None:
        return True
    edges = (client["connecting_ns"], client["connected_ns"], client["closed_ns"])
    if any(abs(edge - moment) < EDGE_NS for edge in edges for moment in window):
        raise RuntimeError(f"connection {client['id']} begins or ends at the edge of a capture window")
    return client["connecting_ns"] < window[1] and client["closed_ns"] > window[0]


def _connection(number, planned, witnesses, story):
    client = witnesses.client[number]
    peer, own, *_ = witnesses.server_says(number)
    client_socket, server_socket = witnesses.client_socket(number), witnesses.server_socket(number)
    moments = ("connecting_ns", "connected_ns", "closed_ns")
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
        "client_ns": {name[:-3]: story(client[name]) for name in moments if name in client},
    }
    if planned.expected.finding or planned.expected.also:
        told["witnesses"] = _testimony(number, witnesses, story, client_socket, server_socket)
    return told


def _testimony(number, witnesses, story, client_socket, server_socket):
    """For the connections worth looking at: what each witness said, in the client's clock."""
    return {
        "server": [
            {key: value for key, value in event.items() if key not in HELD_BACK}
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
