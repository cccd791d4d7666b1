"""What the kernel itself says about sockets and sessions. None of it comes from captured packets."""

import re
import subprocess
from collections import defaultdict

from topology import endpoint, inside

_EVENT = re.compile(r"\[(\d+)\.(\d+)\s*\]\s+\[\s*(\w+)\]\s+(.*)")
# Both tuples of a session: as its originator sent, and as the answers come.
_TUPLE = re.compile(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)")


class SessionEvents:
    """Context manager over `conntrack -E` on the translating host."""

    def __init__(self, host, log):
        self._host = host
        self._log = log
        self._process = None

    def __enter__(self):
        command = ["conntrack", "-E", "-p", "tcp", "-o", "timestamp,id", "--buffer-size", str(8 << 20)]
        self._out = open(self._log, "w", encoding="utf-8")
        self._process = subprocess.Popen(inside(self._host, *command), stdout=self._out, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        self._out.close()

    def by_tuple(self):
        """{(from, to): [(time in ns, event, what conntrack printed), …]} for either tuple of a session.

        A session picked up from a stray reply has the server as its originator.
        """
        events = defaultdict(list)
        for line in self._log.read_text(encoding="utf-8").splitlines():
            found = _EVENT.match(line.strip())
            if not found:
                continue
            seconds, fraction, event, session = found.groups()
            at_ns = int(seconds) * 10**9 + int(fraction.ljust(9, "0"))
            words = " ".join(session.split())
            for ends in tuples(words):
                events[ends].append((at_ns, event, words))
        return events


def tuples(session):
    """((from, to) of the originator, (from, to) of the answers) in what conntrack printed."""
    return [
        (endpoint(source, source_port), endpoint(target, target_port))
        for source, target, source_port, target_port in _TUPLE.findall(session)
    ]


def sockets(host):
    """{"local -> peer": ss state} of the TCP sockets of a host; TIME-WAIT is no socket any more."""
    command = inside(host, "ss", "-tanoiOH")
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {}
    for line in listing.splitlines():
        state, _, _, local, peer, *_ = line.split()
        if state not in ("LISTEN", "TIME-WAIT"):
            found[f"{local} -> {peer}"] = {"state": state, "line": " ".join(line.split())}
    return found
