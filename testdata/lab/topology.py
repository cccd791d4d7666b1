"""The network of the lab: three namespaces in a row, and kernel NAT on the middle one.

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

NAMESPACES = {"client": "cc-client", "node": "cc-node", "pod": "cc-pod"}
# Where tcpdump listens. The node sees every packet twice: as it came and as it left.
CAPTURE_DEVICE = {"client": "eth0", "node": "any", "pod": "eth0"}

# Captured packets have to be the packets of the wire: no segmentation by the "card", no checksums left to it.
OFFLOADS_OFF = ["gso", "off", "gro", "off", "tso", "off", "tx", "off", "rx", "off"]


@dataclass
class NodeSettings:
    """What the node forgets, and what it does with packets that it has no session for."""

    established_s: int = 86400
    close_wait_s: int = 3600
    # With loose pick-up, conntrack makes a new (untranslated) session out of a packet from the middle of a connection.
    loose: bool = True
    # IPVS keeps every Service address on a local device, so the node's own TCP answers what IPVS does not take.
    service_is_local: bool = False
    # A stateful firewall drops what belongs to no session.
    drop_invalid: bool = False


@dataclass
class Network:
    """Context manager: builds the namespaces, and removes them whatever happens inside."""

    settings: NodeSettings

    def __enter__(self):
        self._remove()
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._remove()

    def _build(self):
        for namespace in NAMESPACES.values():
            _run("ip", "netns", "add", namespace)
            self._sysctl_in(namespace, "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
            _run(*inside_namespace(namespace, "ip", "link", "set", "lo", "up"))
        self._cable("client", CLIENT_IP, "10.1.0.1")
        self._cable("pod", POD_IP, "10.1.9.1")
        self._sysctl_in(NAMESPACES["node"], "net.ipv4.ip_forward=1")
        self._sysctl_in(NAMESPACES["pod"], "net.core.somaxconn=4096")
        self._translate()

    def _cable(self, host, address, gateway):
        """One veth pair between a host and the node, the node being the host's way to everywhere."""
        namespace, node, far_end = NAMESPACES[host], NAMESPACES["node"], f"to-{host}"
        _run("ip", "link", "add", "eth0", "netns", namespace, "type", "veth", "peer", "name", far_end, "netns", node)
        for where, device, own in ((namespace, "eth0", address), (node, far_end, gateway)):
            _run(*inside_namespace(where, "ip", "address", "add", f"{own}/24", "dev", device))
            _run(*inside_namespace(where, "ethtool", "-K", device, *OFFLOADS_OFF))
            _run(*inside_namespace(where, "ip", "link", "set", device, "up"))
        _run(*inside_namespace(namespace, "ip", "route", "add", "default", "via", gateway))

    def _translate(self):
        settings, node = self.settings, NAMESPACES["node"]
        if settings.service_is_local:
            _run(*inside_namespace(node, "ip", "address", "add", f"{SERVICE_IP}/32", "dev", "lo"))
        drop = "ct state invalid counter drop" if settings.drop_invalid else ""
        rules = f"""
            table ip service {{
                chain firewall {{
                    type filter hook prerouting priority mangle; policy accept;
                    {drop}
                }}
                chain translate {{
                    type nat hook prerouting priority dstnat; policy accept;
                    ip daddr {SERVICE_IP} tcp dport {SERVICE_PORT} counter dnat to {POD_IP}:{POD_PORT}
                }}
            }}"""
        _run(*inside_namespace(node, "nft", "-f", "-"), text=rules)
        # These exist only once the rules above have brought connection tracking into the namespace.
        self._sysctl_in(
            node,
            f"net.netfilter.nf_conntrack_tcp_timeout_established={settings.established_s}",
            f"net.netfilter.nf_conntrack_tcp_timeout_close_wait={settings.close_wait_s}",
            f"net.netfilter.nf_conntrack_tcp_loose={int(settings.loose)}",
            "net.netfilter.nf_conntrack_tcp_be_liberal=0",
        )

    @staticmethod
    def _sysctl_in(namespace, *assignments):
        for assignment in assignments:
            _run(*inside_namespace(namespace, "sysctl", "-q", "-w", assignment))

    @staticmethod
    def _remove():
        for namespace in NAMESPACES.values():
            subprocess.run(["ip", "netns", "delete", namespace], stderr=subprocess.DEVNULL, check=False)


def inside(host, *command):
    """The command line that runs `command` in the namespace of a host (client, node, pod)."""
    return inside_namespace(NAMESPACES[host], *command)


def inside_namespace(namespace, *command):
    return ["ip", "netns", "exec", namespace, *command]


def _run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
