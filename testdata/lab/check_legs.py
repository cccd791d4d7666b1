"""Compares the legs in truth.json with what tshark sees. Only a check: truth is never made from packets."""

import subprocess
from collections import Counter

from topology import endpoint

FIELDS = ["ip.src", "ipv6.src", "tcp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", "tcp.seq_raw", "tcp.flags"]
SYN, ACK = 0x02, 0x10
# Moments of programs and of packets differ by no more than this.
NEAR_NS = 20_000_000


def check_legs(folder, truth):
    """What is wrong: legs without their SYN or with more copies than told, and packets of no leg."""
    return [fault for point in truth["points"] for fault in _check_point(folder, truth, point)]


def _check_point(folder, truth, point):
    told = truth["points"][point]
    syns, pairs = _read(folder / told["file"])
    known = set()
    for one in truth["connections"]:
        lost = [packet["seq"] for packet in one.get("capture_lost", ()) if packet["point"] == point]
        for leg in (leg for leg in one["legs"] if leg["point"] == point):
            ends = (leg["orig"], leg["resp"])
            known |= {ends, ends[::-1]}
            for sender, isn, flag in (("orig", leg["orig_isn"], 0), ("resp", leg["resp_isn"], ACK)):
                if told.get("direction", "both") not in ("both", sender) or isn in lost or not _in_window(one, told):
                    continue
                found = syns[(*(ends if sender == "orig" else ends[::-1]), isn, flag)]
                # A SYN may have been sent again.
                if found == 0 or found % leg["copies"]:
                    yield f"{point}: {found} copies of the {sender}'s SYN of {ends}, expected {leg['copies']}"
    if strange := pairs - known:
        yield f"{point}: packets of no leg: {list(strange)[:3]}"


def _in_window(one, told):
    """Whether the connection was opened while the capture ran."""
    if "window_ns" not in told or not one["client_ns"]:
        return True
    since, until = told["window_ns"]
    return since + NEAR_NS < one["client_ns"]["connecting"] and one["client_ns"]["connected"] < until - NEAR_NS


def _read(path):
    """(how often each (from, to, sequence number, ACK flag) of a SYN is there, all (from, to))."""
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp", "-T", "fields", "-E", "aggregator=,"]
    command += [part for field in FIELDS for part in ("-e", field)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    syns, pairs = Counter(), set()
    for line in listing.splitlines():
        # The innermost of each, where there is a tunnel.
        source, source6, sport, target, target6, dport, sequence, flags = (
            part.split(",")[-1] for part in line.split("\t")
        )
        ends = (endpoint(source or source6, sport), endpoint(target or target6, dport))
        pairs.add(ends)
        if int(flags, 16) & SYN:
            syns[(*ends, int(sequence), int(flags, 16) & ACK)] += 1
    return syns, pairs
