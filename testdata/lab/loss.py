"""What the network dropped, by nft counters; and what a capture lost, by the list of what was taken from it."""

import json
import subprocess
from collections import defaultdict

import pcapfile
from topology import endpoint, inside

IPV4_HEADER, TCP_WORD = 20, 4
# Each length of a TCP header has a set of its own, so that payload is what nft counted less headers. IPv4 only.
HEADER_WORDS = range(5, 16)
# Dropped segments are counted by where they begin in the stream. The sequence number travels in the packet mark:
# nft 1.0.6 cannot list sets whose key has a plain number in it.
KEY = "ip saddr . tcp sport . ip daddr . tcp dport . meta mark"
SEQUENCE_TO_MARK = "meta mark set @th,32,32"
DIRECTIONS = {"orig": "orig_to_resp", "resp": "resp_to_orig"}


def counting_chain():
    """nft rules: the chain `lost` counts a packet and drops it."""
    sets = [f"set lost_{words} {{ typeof {KEY}; flags dynamic; size 65535; counter; }}" for words in HEADER_WORDS]
    rules = [f"tcp doff {words} add @lost_{words} {{ {KEY} }}" for words in HEADER_WORDS]
    chain = ["chain lost {", SEQUENCE_TO_MARK, *rules, "counter name every drop", "}"]
    return "\n".join(["counter every { }", *sets, *chain])


def drop(match, per_mille):
    """nft rule: of the matching packets, so many of a thousand at random go to the chain `lost`."""
    return f"{match} numgen random mod 1000 < {per_mille} jump lost"


def counted(host, table):
    """[(from, to, sequence number, payload bytes, packets)] of what was dropped, as nft counted it."""
    command = inside(host, "nft", "-j", "list", "table", "ip", table)
    listing = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["nftables"]
    every = next(one["counter"] for one in listing if "counter" in one)
    found, total = [], [0, 0]
    for one in (one["set"] for one in listing if "set" in one):
        header = IPV4_HEADER + TCP_WORD * int(one["name"].removeprefix("lost_"))
        for element in (element["elem"] for element in one.get("elem", [])):
            packets, size = element["counter"]["packets"], element["counter"]["bytes"]
            source, sport, target, dport, sequence = element["val"]["concat"]
            segment = (int(sequence), size - packets * header, packets)
            found.append((endpoint(source, sport), endpoint(target, dport), *segment))
            total = [total[0] + packets, total[1] + size]
    if total != [every["packets"], every["bytes"]]:
        raise RuntimeError(f"nft dropped {every}, of which {total} are in the sets")
    return sorted(found)


def tell(document, lost):
    """Adds what was dropped to every connection, and the sums. The drops were behind the translation."""
    if lost is None:
        return
    by_ends = defaultdict(list)
    for source, target, *segment in lost:
        by_ends[source, target].append(segment)
    sums = {name: {"packets": 0, "bytes": 0} for name in DIRECTIONS.values()}
    for one in document["connections"]:
        one["lost"] = {}
        for sender, name in DIRECTIONS.items():
            ends = (one["orig_pod"], one["resp_pod"])
            segments = by_ends.pop(ends if sender == "orig" else ends[::-1], [])
            packets, size = sum(s[2] for s in segments), sum(s[1] for s in segments)
            one["lost"][name] = {"packets": packets, "bytes": size, "segments": segments}
            sums[name]["packets"] += packets
            sums[name]["bytes"] += size
    if by_ends:
        raise RuntimeError(f"dropped segments of no known connection: {list(by_ends)[:3]}")
    document["lost"] = sums


def tell_of_captures(document, capture_lost, captures):
    """Adds what captures lost, per point and per connection."""
    if not capture_lost:
        return
    by_ends = {}
    for one in document["connections"]:
        one["capture_lost"] = []
        for leg in one["legs"]:
            by_ends[leg["point"], leg["orig"], leg["resp"]] = (one, "orig")
            by_ends[leg["point"], leg["resp"], leg["orig"]] = (one, "resp")
    for point, lost in capture_lost.items():
        link_type, everything = captures[point]
        numbers = {id(packet): number for number, packet in enumerate(everything, 1)}
        for packet in lost:
            segment = pcapfile.tcp_segment(link_type, packet.data)
            if segment is None:
                continue
            source, target, sequence, payload, _ = segment
            one, sender = by_ends[point, source, target]
            told = {"point": point, "sender": sender, "seq": sequence, "bytes": payload}
            one["capture_lost"].append(told | {"frame_before": numbers[id(packet)]})
        document["points"][point]["capture_lost_packets"] = len(lost)
