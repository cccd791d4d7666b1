"""Networks of the lab: namespaces, cables, kernel NAT. `Network` is the plain one; layouts.py has the others.

    cc-client (10.1.0.2) ── cc-node (nftables DNAT) ── cc-pod (10.1.9.7)

The node translates the Service address 10.96.0.10:80 to 10.1.9.7:8080, as kube-proxy's rules do. A packet that the
node does not translate is still routed, both ways: that is what lets a stray reply reach the client.
"""

import subprocess
from dataclasses import dataclass

CLIENT_IP = "10.1.0.2"
POD_IP = "10.1.9.7"
POD_PORT = 8080
SERVICE_IP = "10.96.0.10"
SERVICE_PORT = 80

NAMESPACE_PREFIX = "cc-"

# Captured packets have to be the packets of the wire: no segmentation by the "card", no checksums left to it.
OFFLOADS_OFF = ["gso", "off", "gro", "off", "tso", "off", "tx", "off", "rx", "off"]


@dataclass
class NodeSettings:
    """What the node forgets, and what it does with packets that it has no session for."""

    established_s: int = 86400
    close_wait_s: int = 3600
    # Whether a session may be picked up in the middle of a connection, as conntrack does by itself.
    loose: bool = True
    # IPVS has every Service address on a local device, so the node's own TCP answers what IPVS does not take.
    service_is_local: bool = False
    # A stateful firewall drops what belongs to no session.
    drop_invalid: bool = False


@dataclass
class Tap:
    """Where tcpdump listens for one point. `any` sees a packet on every device that it passes."""

    host: str
    device: str = "eth0"
    # What tcpdump was told to keep, and whose packets that are: `orig` or `resp`.
    filter: str = ""
    direction: str = "both"
    # For the table in testdata/README.md, where the point's name does not say it.
    at: str = ""
    # What the point sees of a connection, from client to server: (ends as at `client` or `server`, ISNs as at one of
    # them, copies of each packet). None: what a point on such a host usually sees.
    sights: list | None = None


@dataclass
class Program:
    """A program of the lab that stands in the way of the packets; it says "ready", and may leave a record."""

    host: str
    script: str
    arguments: tuple = ()
    leaves_record: bool = False


class Wiring:
    """Context manager: builds namespaces and what connects them, and removes them whatever happens inside."""

    hosts = ()
    service = (SERVICE_IP, SERVICE_PORT)
    servers = {"pod": POD_IP}  # host -> address that the clients' requests reach
    taps = {}  # point -> Tap
    nat_kind = "dnat"
    # The host whose conntrack translates, or None.
    translator = "node"
    ipv6 = False
    settings = NodeSettings()
    programs = ()

    def build(self):
        """Cables and rules, once the hosts are there."""
        raise NotImplementedError

    def losses(self):
        """What the network dropped, as loss.counted() has it; None where it was not counted."""
        return None

    def more_truth(self, witnesses):
        """Fields of the whole that only this network knows."""
        return {}

    def complete(self, document, witnesses):
        """Adds to the connections what only this network knows."""

    def __enter__(self):
        self._remove()
        try:
            for host in self.hosts:
                _run("ip", "netns", "add", namespace(host))
                if self.ipv6:
                    # Nobody else can have the addresses, and the wait for that would cost the first SYN.
                    self.sysctl(host, "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
                else:
                    self.sysctl(host, "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
                self.run(host, "ip", "link", "set", "lo", "up")
            self.build()
            for server in self.servers:
                self.sysctl(server, "net.core.somaxconn=4096")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._remove()

    def cable(self, one, other, offloads=OFFLOADS_OFF):
        """One veth pair between two ends, each (host, device, address with prefix length or None)."""
        (host, device, _), (far_host, far_device, _) = one, other
        _run(
            *["ip", "link", "add", device, "netns", namespace(host), "type", "veth"],
            *["peer", "name", far_device, "netns", namespace(far_host)],
        )
        for where, what, address in (one, other):
            if address:
                self.address(where, what, address)
            if offloads:
                self.run(where, "ethtool", "-K", what, *offloads)
            self.run(where, "ip", "link", "set", what, "up")

    def uplink(self, host, address, router, gateway, length=24):
        """The cable from a host to its router, which is the host's way to everywhere."""
        self.cable((host, "eth0", f"{address}/{length}"), (router, f"to-{host}", f"{gateway}/{length}"))
        self.route(host, "default", gateway)

    def address(self, host, device, address):
        more = ["nodad"] if ":" in address else []
        self.run(host, "ip", "address", "add", address, "dev", device, *more)

    def route(self, host, target, gateway):
        self.run(host, "ip", "route", "add", target, "via", gateway)

    def forwards(self, *hosts):
        for host in hosts:
            self.sysctl(host, f"net.{'ipv6.conf.all.forwarding' if self.ipv6 else 'ipv4.ip_forward'}=1")

    def rules(self, host, text):
        _run(*inside(host, "nft", "-f", "-"), text=text)

    def run(self, host, *command):
        _run(*inside(host, *command))

    def sysctl(self, host, *assignments):
        for assignment in assignments:
            self.run(host, "sysctl", "-q", "-w", assignment)

    @staticmethod
    def _remove():
        listing = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
        for line in listing.splitlines():
            if (name := line.split()[0]).startswith(NAMESPACE_PREFIX):
                _run("ip", "netns", "delete", name)


class Network(Wiring):
    """Three hosts in a row, DNAT on the middle one."""

    hosts = ("client", "node", "pod")
    # The node sees every packet twice: as it came and as it left.
    taps = {"client": Tap("client"), "node": Tap("node", "any"), "pod": Tap("pod")}

    def __init__(self, settings=None):
        self.settings = settings or NodeSettings()

    def build(self):
        self.uplink("client", CLIENT_IP, "node", "10.1.0.1")
        self.uplink("pod", POD_IP, "node", "10.1.9.1")
        self.forwards("node")
        self._translate()

    def _translate(self):
        settings = self.settings
        if settings.service_is_local:
            self.run("node", "ip", "address", "add", f"{SERVICE_IP}/32", "dev", "lo")
        drop = "ct state invalid counter drop" if settings.drop_invalid else ""
        self.rules("node", f"""
            table ip service {{
                chain firewall {{
                    type filter hook prerouting priority mangle; policy accept;
                    {drop}
                }}
                chain translate {{
                    type nat hook prerouting priority dstnat; policy accept;
                    ip daddr {SERVICE_IP} tcp dport {SERVICE_PORT} counter dnat to {POD_IP}:{POD_PORT}
                }}
            }}""")
        # These exist only once the rules above have brought connection tracking into the namespace.
        self.sysctl(
            "node",
            f"net.netfilter.nf_conntrack_tcp_timeout_established={settings.established_s}",
            f"net.netfilter.nf_conntrack_tcp_timeout_close_wait={settings.close_wait_s}",
            f"net.netfilter.nf_conntrack_tcp_loose={int(settings.loose)}",
            "net.netfilter.nf_conntrack_tcp_be_liberal=0",
        )


def namespace(host):
    return NAMESPACE_PREFIX + host


def inside(host, *command):
    """The command line that runs `command` in the namespace of a host (client, node, pod, …)."""
    return ["ip", "netns", "exec", namespace(host), *command]


def endpoint(address, port):
    """`10.1.0.2:40422`, `[fd00::2]:40422`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
