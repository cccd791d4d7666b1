"""What a sender's kernel sends again, as that kernel counts it: two hosts, one cable, and losses made by nftables.

    ca-sender (10.7.0.1) ── ca-receiver (10.7.0.2)

Four phases, each with a port of its own on the receiver:

    9001 `bulk`      one transfer, 1 % of what arrives is lost
    9002 `messages`  one connection, one short message after the other, 8 % lost: tails are lost, too
    9003 `short`     connections of a few segments, 12 % lost: SYNs and FINs as well
    9004 `deaf`      one transfer during which no acknowledgement is sent for a while: what is sent again had arrived

Losses happen behind the sender's tcpdump, in the receiver's kernel; so the capture has all that was sent. The truth is
the sender's /proc/net/snmp and /proc/net/netstat (what `nstat` shows) before and after each phase, and TCP_INFO of each
socket once the receiver has closed. In `deaf` the receiver's kernel drops its own acknowledgements.

Packets are cut behind the headers: the payload is zeros.
"""

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

NAME = "retransmissions"
WHAT = "a sender whose segments are lost on their way: fast retransmissions, timeouts, tail probes and spurious ones"
NAMESPACES = {"sender": "ca-sender", "receiver": "ca-receiver"}
ADDRESSES = {"sender": "10.7.0.1", "receiver": "10.7.0.2"}
SNAP_LENGTH = 96
EPOCH_NS = 1_715_688_000 * 10**9  # 2024-05-14 12:00:00 UTC
SEGMENT = 1448
TOTAL_RETRANS_AT = 100  # of struct tcp_info, linux/tcp.h

# phase: (port, lost per mille, connections, messages of each, bytes of a message, seconds between messages)
PHASES = {
    "bulk": (9001, 10, 1, 60, 40 * SEGMENT, 0.002),
    "messages": (9002, 80, 1, 80, 3 * SEGMENT, 0.25),
    "short": (9003, 120, 40, 1, 4 * SEGMENT, 0),
    "deaf": (9004, 0, 1, 60, 4 * SEGMENT, 0.02),
}
DEAF_S = (0.3, 0.75)

# As `nstat` names them.
COUNTERS = (
    "TcpRetransSegs",
    "TcpExtTCPFastRetrans",
    "TcpExtTCPSlowStartRetrans",
    "TcpExtTCPTimeouts",
    "TcpExtTCPLossProbes",
    "TcpExtTCPLossProbeRecovery",
    "TcpExtTCPSynRetrans",
    "TcpExtTCPSpuriousRTOs",
    "TcpExtTCPDSACKRecv",
    "TcpExtTCPDSACKOfoRecv",
    "TcpExtTCPLostRetransmit",
)


def run(folder):
    """Writes sender.pcap.gz and truth.json to a folder of the scenario's name."""
    import pcapfile  # the lab's; not there when this file runs as one of the two programs

    remove()
    try:
        with tempfile.TemporaryDirectory(prefix="crosscap-lab-") as scratch:
            raw = Path(scratch) / "sender.pcap"
            build()
            phases, connections = perform(raw)
            link_type, packets = pcapfile.read(raw)
    finally:
        remove()
    shift = EPOCH_NS - packets[0].time_ns
    for packet in packets:
        packet.time_ns += shift
    target = Path(folder) / NAME
    target.mkdir(parents=True, exist_ok=True)
    pcapfile.write_compressed(target / "sender.pcap.gz", link_type, packets)
    document = {
        "schema": "crosscap-truth/1",
        "scenario": NAME,
        "command": f"python3 testdata/lab/lab.py {NAME}",
        "what": WHAT,
        "points": {"sender": {"file": "sender.pcap.gz", "clock_offset_ns": 0}},
        "phases": phases,
        "connections": connections,
    }
    (target / "truth.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return target


def build():
    for namespace in NAMESPACES.values():
        command("ip", "netns", "add", namespace)
        command(*inside(namespace, "ip", "link", "set", "lo", "up"))
    near, far = NAMESPACES.values()
    command("ip", "link", "add", "eth0", "netns", near, "type", "veth", "peer", "name", "eth0", "netns", far)
    for host, namespace in NAMESPACES.items():
        offloads = [word for name in ("gso", "gro", "tso", "tx", "rx") for word in (name, "off")]
        command(*inside(namespace, "ethtool", "-K", "eth0", *offloads))
        command(*inside(namespace, "ip", "address", "add", f"{ADDRESSES[host]}/24", "dev", "eth0"))
        command(*inside(namespace, "ip", "link", "set", "eth0", "up"))
        # What one phase learns of the path is not to change the next one.
        command(*inside(namespace, "sysctl", "-q", "-w", "net.ipv4.tcp_no_metrics_save=1"))


def remove():
    for namespace in NAMESPACES.values():
        subprocess.run(["ip", "netns", "delete", namespace], stderr=subprocess.DEVNULL, check=False)


def perform(raw):
    """Returns what the kernel counted in each phase, and each connection."""
    dump = ["tcpdump", "-i", "eth0", "-n", "-U", "-s", str(SNAP_LENGTH), "-B", "65536", "-Z", "root"]
    dump += ["--time-stamp-precision=nano", "-w", str(raw), "tcp"]
    capture = subprocess.Popen(inside("ca-sender", *dump), stderr=subprocess.PIPE, text=True)
    while "listening on" not in (said := capture.stderr.readline()):
        if not said:
            raise RuntimeError("tcpdump did not start")
    receiver = program("receiver", "receive")
    phases, connections = {}, []
    try:
        if receiver.stdout.readline().strip() != "listening":
            raise RuntimeError("the receiver does not listen")
        for name, (port, lost, *how) in PHASES.items():
            before = counters()
            if lost:
                rule = f"tcp dport {port} numgen random mod 1000 < {lost} drop"
                drop("input", rule)
            sender = program("sender", "send", port, *how)
            if name == "deaf":
                time.sleep(DEAF_S[0])
                drop("output", f"tcp sport {port} drop")
                time.sleep(DEAF_S[1] - DEAF_S[0])
                forgive()
            told, _ = sender.communicate(timeout=300)
            if lost:
                forgive()
            after = counters()
            phases[name] = {"port": port} | {one: after[one] - before[one] for one in COUNTERS}
            connections += [{"kind": name, **one} for one in json.loads(told)]
    finally:
        receiver.kill()
        receiver.wait()
        time.sleep(0.5)
        capture.send_signal(signal.SIGINT)
        _, said = capture.communicate(timeout=30)
    dropped = re.search(r"(\d+) packets dropped by kernel", said)
    if dropped is None or int(dropped[1]) != 0:
        raise RuntimeError(f"tcpdump lost packets or failed: {said}")
    again = sum(one["retransmitted"] for one in connections)
    counted = sum(one["TcpRetransSegs"] for one in phases.values())
    if again != counted:
        raise RuntimeError(f"the sockets have sent {again} segments again, the kernel {counted}")
    return phases, connections


def counters():
    """The sender's counters, by the names of `nstat`."""
    listing = command(*inside("ca-sender", "cat", "/proc/net/snmp", "/proc/net/netstat")).splitlines()
    found = {}
    for names, values in zip(listing[::2], listing[1::2]):
        (prefix, *names), (_, *values) = names.split(), values.split()
        found |= {prefix.rstrip(":") + name: int(value) for name, value in zip(names, values)}
    return found


def drop(hook, rule):
    table = f"table ip loss {{ chain loss {{ type filter hook {hook} priority 0; {rule}; }}\n}}\n"
    command(*inside("ca-receiver", "nft", "-f", "-"), text=table)


def forgive():
    command(*inside("ca-receiver", "nft", "delete", "table", "ip", "loss"))


def inside(namespace, *words):
    return ["ip", "netns", "exec", namespace, *words]


def command(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def program(host, *arguments):
    words = inside(NAMESPACES[host], sys.executable, __file__, *map(str, arguments))
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def receive():
    """Takes what comes at the ports of all phases; closes a connection when the other end has."""
    servers = [socket.create_server((ADDRESSES["receiver"], port), backlog=128) for port, *_ in PHASES.values()]
    for server in servers:
        threading.Thread(target=accept, args=(server,)).start()
    print("listening", flush=True)


def accept(server):
    while True:
        threading.Thread(target=drain, args=(server.accept()[0],)).start()


def drain(sock):
    while sock.recv(1 << 16):
        pass
    sock.close()


def send(port, connections, messages, length, pause_s):
    """Sends, one connection after the other, and prints what each socket knows."""
    told = []
    for _ in range(int(connections)):
        sock = socket.create_connection((ADDRESSES["receiver"], int(port)))
        ends = {"orig_client": "%s:%d" % sock.getsockname(), "resp_client": "%s:%d" % sock.getpeername()}
        for _ in range(int(messages)):
            sock.sendall(bytes(int(length)))
            time.sleep(float(pause_s))
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        again = int.from_bytes(info[TOTAL_RETRANS_AT : TOTAL_RETRANS_AT + 4], sys.byteorder)
        told.append(ends | {"retransmitted": again})
        sock.close()
    print(json.dumps(told))


if __name__ == "__main__":
    {"send": send, "receive": receive}[sys.argv[1]](*sys.argv[2:])
