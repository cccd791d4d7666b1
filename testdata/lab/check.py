#!/usr/bin/env python3
"""Compares finished captures with truth.json by means of tshark. Only a check: truth is never made from packets.

    python3 testdata/lab/check.py [FOLDER...]
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from check_legs import check_legs

FIELDS = [
    "frame.number",
    "frame.time_epoch",
    "ip.src",
    "tcp.srcport",
    "ip.dst",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.flags",
    "tcp.options.timestamp.tsval",
    "tcp.options.timestamp.tsecr",
    "tcp.checksum.status",
    "tcp.stream",
]
SYN, ACK = 0x02, 0x10
CLIENT, POD = "10.1.0.2", "10.1.9.7"
BAD_CHECKSUM = "0"
STRAY_FINDINGS = {"nat-expired-server-spoke", "nat-expired-half-closed", "conntrack-invalid-reply"}


class Capture:
    """One capture file as tshark reads it."""

    def __init__(self, path):
        command = ["tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-Y", "tcp", "-T", "fields"]
        command += [part for field in FIELDS for part in ("-e", field)]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.rows = [dict(zip(FIELDS, line.split("\t"))) for line in listing.splitlines()]
        for row in self.rows:
            row["from"] = f"{row['ip.src']}:{row['tcp.srcport']}"
            row["to"] = f"{row['ip.dst']}:{row['tcp.dstport']}"
            row["flags"] = int(row["tcp.flags"], 16)
            seconds, fraction = row["frame.time_epoch"].split(".")
            row["at_ns"] = int(seconds) * 10**9 + int(fraction)

    def summary(self):
        streams = len({row["tcp.stream"] for row in self.rows})
        return f"{len(self.rows)} TCP packets, {streams} streams"

    def bad_checksums(self):
        return [row["frame.number"] for row in self.rows if row["tcp.checksum.status"] == BAD_CHECKSUM]

    def bad_timestamps(self, host):
        """Frames sent here by a host whose TSval goes backwards, or whose TSecr no packet to the host has carried.

        Only at the sender's own point: on the way, two processors may reorder packets.
        """
        latest, heard, bad = {}, defaultdict(set), []
        for row in self.rows:
            if not row["tcp.options.timestamp.tsval"]:
                continue
            value, echo = int(row["tcp.options.timestamp.tsval"]), int(row["tcp.options.timestamp.tsecr"])
            port = _client_port(row)
            if row["ip.src"] != host:
                heard[port].add(value)
                continue
            backwards = (value - latest.get(port, value)) % 2**32 >= 2**31
            if backwards or (row["flags"] & ACK and echo not in heard[port]):
                bad.append(row["frame.number"])
            latest[port] = value
        return bad

    def isns(self, acknowledging):
        """{(from, to): sequence number} of SYN or SYN-ACK segments."""
        wanted = SYN | (ACK if acknowledging else 0)
        return {
            (row["from"], row["to"]): int(row["tcp.seq_raw"])
            for row in self.rows
            if row["flags"] & (SYN | ACK) == wanted
        }

    def idle(self):
        """{client port: the longest time without a packet}, as seen at this point."""
        last, longest = {}, defaultdict(int)
        for row in self.rows:
            port = _client_port(row)
            longest[port] = max(longest[port], row["at_ns"] - last.get(port, row["at_ns"]))
            last[port] = row["at_ns"]
        return longest

    def untranslated(self):
        return {_client_port(row) for row in self.rows if POD in (row["ip.src"], row["ip.dst"])}


def _client_port(row):
    return int(row["tcp.srcport"] if row["ip.src"] == CLIENT else row["tcp.dstport"])


def check(folder):
    """Prints what it finds; returns what is wrong."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    if not truth["timeline"]["stretched"] and not any(one["finding"] for one in truth["connections"]):
        print(f"{truth['scenario']}: {len(truth['connections'])} connections and their legs")
        return check_legs(folder, truth)
    captures = {point: Capture(folder / told["file"]) for point, told in truth["points"].items()}
    connections = truth["connections"]
    wrong = []
    print(f"{truth['scenario']}: {len(connections)} connections")
    for point, capture in captures.items():
        print(f"  {point}: {capture.summary()}")
        wrong += [f"{point}: bad checksum in frame {number}" for number in capture.bad_checksums()]
    for point, host in (("client", CLIENT), ("pod", POD)):
        bad = captures[point].bad_timestamps(host)
        wrong += [f"{point}: bad TCP timestamp in frame {number}" for number in bad]
    for point in ("client", "pod"):
        syns, syn_acks = captures[point].isns(False), captures[point].isns(True)
        for one in connections:
            orig, resp = one[f"orig_{point}"], one[f"resp_{point}"]
            if (syns.get((orig, resp)), syn_acks.get((resp, orig))) != (one["orig_isn"], one["resp_isn"]):
                wrong.append(f"{point}: ISNs of {orig} are not those in truth")
    broken = {_port(one) for one in connections if one["finding"] in STRAY_FINDINGS}
    if captures["client"].untranslated() != broken:
        wrong.append(f"untranslated packets at the client: {captures['client'].untranslated()}, expected {broken}")
    wrong += _check_idle(truth, captures["client"].idle())
    outcomes = defaultdict(int)
    for one in connections:
        outcomes[one["outcome"], one["finding"], *one["also"]] += 1
    for outcome, count in sorted(outcomes.items(), key=str):
        print(f"  {count} × {outcome}")
    return wrong


def _check_idle(truth, idle):
    """Sessions must have died above the timeout that truth tells, and lived below it."""
    findings = {"nat-expired-server-spoke", "nat-expired-client-spoke", "idle-silent-drop"}
    dead = [idle[_port(one)] for one in truth["connections"] if one["finding"] in findings]
    half_closed = [idle[_port(one)] for one in truth["connections"] if one["finding"] == "nat-expired-half-closed"]
    alive = [idle[_port(one)] for one in truth["connections"] if one["outcome"] in ("ok", "slow")]
    print(f"  longest idle time that lived {max(alive) / 1e9:.3f} s, shortest that did not", end=" ")
    print(f"{min(dead) / 1e9:.3f} s" if dead else "-")
    timeout, half_closed_timeout = truth["timeouts"]["established_ns"], truth["timeouts"]["close_wait_ns"]
    if half_closed and not half_closed_timeout < min(half_closed) <= max(half_closed) < timeout:
        return [f"half-closed connections were idle for {[length / 1e9 for length in half_closed]} s"]
    if max(alive) >= timeout or (dead and min(dead) <= timeout):
        return [f"idle times contradict the timeout of {timeout / 1e9} s"]
    return []


def _port(connection):
    return int(connection["orig_client"].rsplit(":", 1)[1])


def main():
    testdata = Path(__file__).resolve().parent.parent
    folders = [Path(name) for name in sys.argv[1:]] or sorted(path.parent for path in testdata.glob("*/client.pcap.gz"))
    wrong = [f"{folder.name}: {what}" for folder in folders for what in check(folder)]
    if wrong:
        sys.exit(f"{len(wrong)} faults:\n" + "\n".join(wrong[:50]))
    print("all is well")


if __name__ == "__main__":
    main()
