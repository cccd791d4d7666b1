"""Networks of the lab besides the plain one of topology.py, each as small as what it has to show allows."""

import loss
import meddle
import nat64
from topology import CLIENT_IP, OFFLOADS_OFF, POD_IP, POD_PORT, SERVICE_IP, SERVICE_PORT, Network, Program, Tap, Wiring


def service_nat(more="", target=f"{POD_IP}:{POD_PORT}", family="ip", service=SERVICE_IP):
    """nft rules: the Service, and what else is wanted."""
    return f"""
        table {family} service {{
            chain translate {{
                type nat hook prerouting priority dstnat; policy accept;
                {family} daddr {service} tcp dport {SERVICE_PORT} counter dnat to {target}
            }}
            {more}
        }}"""


class Masquerade(Network):
    """The plain network, whose node also hides the client behind its own address and a random port."""

    nat_kind = "dnat+snat"

    def _translate(self):
        self.rules("node", service_nat("""
            chain hide {
                type nat hook postrouting priority srcnat; policy accept;
                oifname "to-pod" counter masquerade fully-random
            }"""))


class ThreePods(Wiring):
    """One Service, three pods behind it, chosen at random as kube-proxy's rules do."""

    hosts = ("client", "node", "pod-1", "pod-2", "pod-3")
    servers = {"pod-1": "10.1.9.7", "pod-2": "10.1.10.8", "pod-3": "10.1.11.9"}
    taps = {
        "client": Tap("client"),
        **{pod: Tap(pod, at=f"at {pod}, which serves about a third of them") for pod in servers},
    }

    def build(self):
        self.uplink("client", CLIENT_IP, "node", "10.1.0.1")
        for pod, address in self.servers.items():
            self.uplink(pod, address, "node", address.rsplit(".", 1)[0] + ".1")
        self.forwards("node")
        choices = ", ".join(f"{number} : {address}" for number, address in enumerate(self.servers.values()))
        self.rules("node", service_nat(target=f"numgen random mod 3 map {{ {choices} }} : {POD_PORT}"))


class Lossy(Network):
    """The plain network, whose node drops packets at random between the two cables and counts them."""

    def __init__(self, orig_per_mille, resp_per_mille):
        super().__init__()
        self._per_mille = (orig_per_mille, resp_per_mille)

    def _translate(self):
        to_server, to_client = self._per_mille
        self.rules("node", service_nat(f"""
            {loss.counting_chain()}
            chain lossy {{
                type filter hook forward priority filter; policy accept;
                {loss.drop('iifname "to-client" meta l4proto tcp', to_server)}
                {loss.drop('iifname "to-pod" meta l4proto tcp', to_client)}
            }}"""))

    def losses(self):
        return loss.counted("node", "service")


class OneWay(Network):
    """The plain network; what goes to the pod is captured at one place, what it answers at another."""

    taps = {
        "client": Tap("client"),
        "to-pod": Tap(
            *("node", "to-pod", f"dst host {POD_IP}", "orig"),
            at="on the node's cable to the pod, only what goes to it",
            sights=[("server", "server", 1)],
        ),
        "from-pod": Tap(
            *("pod", "eth0", f"src host {POD_IP}", "resp"),
            at="at the pod, only what it sends",
            sights=[("server", "server", 1)],
        ),
    }


class IPv6(Wiring):
    """The plain network with IPv6."""

    hosts = ("client", "node", "pod")
    ipv6 = True
    service = ("fd00:96::a", SERVICE_PORT)
    servers = {"pod": "fd00:1:9::7"}
    taps = Network.taps

    def build(self):
        self.uplink("client", "fd00:1:0::2", "node", "fd00:1:0::1", 64)
        self.uplink("pod", self.servers["pod"], "node", "fd00:1:9::1", 64)
        self.forwards("node")
        backend = f"[{self.servers['pod']}]:{POD_PORT}"
        self.rules("node", service_nat(target=backend, family="ip6", service=self.service[0]))


class Bridged(Wiring):
    """One node, client and pod each on a bridge of it."""

    hosts = ("client", "node", "pod")
    taps = {
        "client": Tap("client"),
        "node": Tap(
            *("node", "any"),
            at="on the node, all devices: each packet on cable and bridge, before and after translation",
            sights=[("client", "client", 2), ("server", "server", 2)],
        ),
        "pod": Tap("pod"),
    }

    def build(self):
        # Else the bridge itself translates what comes in, and copies before and after differ by direction.
        self.sysctl("node", "net.bridge.bridge-nf-call-iptables=0")
        for host, address, gateway in (("client", CLIENT_IP, "10.1.0.1"), ("pod", POD_IP, "10.1.9.1")):
            bridge = f"br-{host}"
            self.run("node", "ip", "link", "add", bridge, "type", "bridge")
            self.address("node", bridge, f"{gateway}/24")
            self.run("node", "ip", "link", "set", bridge, "up")
            self.cable((host, "eth0", f"{address}/24"), ("node", f"to-{host}", None))
            self.run("node", "ip", "link", "set", f"to-{host}", "master", bridge)
            self.run("node", "ethtool", "-K", bridge, *OFFLOADS_OFF[:6], "tx", "off")
            self.route(host, "default", gateway)
        self.forwards("node")
        self.rules("node", service_nat())


class Overlay(Wiring):
    """Two nodes, one with the client and one with the pod, and VXLAN between them."""

    hosts = ("client", "node", "node-2", "pod")
    taps = {
        "client": Tap("client"),
        "node": Tap(
            *("node", "any"),
            at="on the client's node, all devices: each packet on the pod's cable, inside the overlay and outside",
            sights=[("client", "client", 1), ("server", "server", 2)],
        ),
        "card": Tap(
            *("node", "eth0"),
            at="on the network card of the client's node: each packet in VXLAN",
            sights=[("server", "server", 1)],
        ),
        "pod": Tap("pod"),
    }

    def build(self):
        self.uplink("client", CLIENT_IP, "node", "10.1.0.1")
        self.uplink("pod", POD_IP, "node-2", "10.1.9.1")
        self.cable(("node", "eth0", "192.168.7.1/24"), ("node-2", "eth0", "192.168.7.2/24"))
        for node, here, there, inside, far_inside, far_net in (
            ("node", "192.168.7.1", "192.168.7.2", "10.1.0.0", "10.1.9.0", "10.1.9.0/24"),
            ("node-2", "192.168.7.2", "192.168.7.1", "10.1.9.0", "10.1.0.0", "10.1.0.0/24"),
        ):
            self.run(
                *(node, "ip", "link", "add", "vxlan0", "type", "vxlan", "id", "1", "dstport", "4789"),
                *("local", here, "remote", there, "dev", "eth0"),
            )
            self.address(node, "vxlan0", f"{inside}/32")
            self.run(node, "ethtool", "-K", "vxlan0", *OFFLOADS_OFF)
            self.run(node, "ip", "link", "set", "vxlan0", "up")
            self.run(node, "ip", "route", "add", far_net, "via", far_inside, "dev", "vxlan0", "onlink")
        # Room for the outer headers, as overlays have it.
        for pod in ("client", "pod"):
            self.run(pod, "ip", "link", "set", "eth0", "mtu", "1450")
        self.forwards("node", "node-2")
        self.rules("node", service_nat())


class Offloading(Network):
    """The plain network; the pod and its end of the node's cable offload, the client's cable does not."""

    def build(self):
        self.uplink("client", CLIENT_IP, "node", "10.1.0.1")
        self.cable(("pod", "eth0", f"{POD_IP}/24"), ("node", "to-pod", "10.1.9.1/24"), offloads=None)
        for host, device in (("pod", "eth0"), ("node", "to-pod")):
            self.run(host, "ethtool", "-K", device, "tso", "on", "gso", "on", "gro", "on", "tx", "on")
        self.route("pod", "default", "10.1.9.1")
        self.forwards("node")
        self._translate()


class SynProxy(Wiring):
    """Behind the node a firewall answers SYNs itself and opens the pod's side only after the client's ACK."""

    hosts = ("client", "node", "firewall", "pod")
    taps = {
        "client": Tap("client"),
        "node": Tap(
            *("node", "any"),
            at="on the node before the firewall, all devices: each packet before and after translation",
            sights=[("client", "client", 1), ("server", "client", 1)],
        ),
        "pod": Tap("pod"),
    }

    def build(self):
        self.uplink("client", CLIENT_IP, "node", "10.1.0.1")
        self.uplink("node", "192.168.7.1", "firewall", "192.168.7.2")
        self.uplink("pod", POD_IP, "firewall", "10.1.9.1")
        self.route("firewall", "10.1.0.0/24", "192.168.7.1")
        self.forwards("node", "firewall")
        self.rules("node", service_nat())
        self.rules("firewall", f"""
            table ip guard {{
                chain unseen {{
                    type filter hook prerouting priority raw; policy accept;
                    ip daddr {POD_IP} tcp dport {POD_PORT} tcp flags & (fin|syn|rst|ack) == syn notrack
                }}
                chain answer {{
                    type filter hook forward priority filter; policy accept;
                    ip daddr {POD_IP} ct state invalid,untracked synproxy mss 1460 wscale 10 timestamp sack-perm
                    ct state invalid drop
                }}
            }}""")
        self.sysctl("firewall", "net.netfilter.nf_conntrack_tcp_loose=0")


class ProgrammedWire(Wiring):
    """The plain network with a program in the cable between node and pod (see wire.py)."""

    hosts = ("client", "node", "wire", "pod")
    taps = Network.taps

    def __init__(self, program):
        self.programs = (Program("wire", "wire.py", (program,), leaves_record=True),)
        # What changes numbers does so behind the node.
        self.taps = self.taps | {
            "node": Tap("node", "any", sights=[("client", "client", 1), ("server", "client", 1)]),
        }

    def build(self):
        self.uplink("client", CLIENT_IP, "node", "10.1.0.1")
        self.cable(("node", "to-pod", "10.1.9.1/24"), ("wire", "left", None))
        self.cable(("wire", "right", None), ("pod", "eth0", f"{POD_IP}/24"))
        self.route("pod", "default", "10.1.9.1")
        self.forwards("node")
        self.rules("node", service_nat())


class Delayed(ProgrammedWire):
    def __init__(self):
        super().__init__("delay")

    def more_truth(self, witnesses):
        held = witnesses.programs[0]
        return {"delay_ns": {"orig_to_resp": held["left"], "resp_to_orig": held["right"]}}


class Meddled(Wiring):
    """The plain network; in the client's cable is a program that meddles with packets (see meddle.py)."""

    hosts = ("client", "wire", "node", "pod")
    taps = {"client": Tap("client"), "pod": Tap("pod")}
    programs = (Program("wire", "wire.py", ("meddle",), leaves_record=True),)

    def build(self):
        self.cable(("client", "eth0", f"{CLIENT_IP}/24"), ("wire", "left", None))
        self.cable(("wire", "right", None), ("node", "to-client", "10.1.0.1/24"))
        self.route("client", "default", "10.1.0.1")
        self.uplink("pod", POD_IP, "node", "10.1.9.1")
        self.forwards("node")
        self.rules("node", service_nat())

    def more_truth(self, witnesses):
        return {"largest_segment": meddle.LARGEST_SEGMENT}

    def complete(self, document, witnesses):
        """Adds to each connection what was done to it."""
        by_ends = {}
        for one in document["connections"]:
            deeds = ("duplicated", "overtaken", "changed", "injected")
            one["meddled"] = {name: {deed: [] for deed in deeds} for name in ("orig_to_resp", "resp_to_orig")}
            ends = (one["orig_client"], one["resp_client"])
            by_ends[ends] = one["meddled"]["orig_to_resp"]
            by_ends[ends[::-1]] = one["meddled"]["resp_to_orig"]
        for deed in witnesses.programs[0]:
            by_ends[deed["from"], deed["to"]][deed["deed"]].append(deed["segment"])


class Nat64(Wiring):
    """An IPv6 client, a user-space NAT64 (the kernel has none), an IPv4 pod."""

    hosts = ("client", "wire", "pod")
    ipv6 = True
    service = ("64:ff9b::a01:907", POD_PORT)
    servers = {"pod": POD_IP}
    taps = {"client": Tap("client"), "pod": Tap("pod")}
    nat_kind = "nat64"
    translator = None
    programs = (Program("wire", "wire.py", ("nat64",), leaves_record=True),)

    def build(self):
        for host, side, address, gateway, own, length in (
            ("client", "left", "fd00:1::2", "fd00:1::1", nat64.CLIENT_MAC, 64),
            ("pod", "right", POD_IP, nat64.POOL_ADDRESS, nat64.POD_MAC, 24),
        ):
            self.cable((host, "eth0", f"{address}/{length}"), ("wire", side, None))
            self.run(host, "ip", "link", "set", "eth0", "address", own)
            self.run(host, "ip", "neighbour", "add", gateway, "lladdr", nat64.OWN_MAC, "dev", "eth0")
            self.route(host, "default", gateway)


class Proxied(Wiring):
    """A proxy on the host between client and pod: no address is translated, every connection ends there."""

    hosts = ("client", "proxy", "pod")
    service = ("10.1.0.1", SERVICE_PORT)
    taps = {
        "client": Tap("client"),
        "proxy": Tap("proxy", "any", at="at the proxy, both sides", sights=[("client", "client", 1)]),
        "pod": Tap("pod", sights=[]),
    }
    nat_kind = None
    translator = None

    def __init__(self, mode):
        self._mode = mode
        self.programs = (Program("proxy", "proxy.py", (mode, self.service[0], POD_IP), leaves_record=True),)

    def build(self):
        self.uplink("client", CLIENT_IP, "proxy", "10.1.0.1")
        self.uplink("pod", POD_IP, "proxy", "10.1.9.1")

    def more_truth(self, witnesses):
        return {"proxy": self._mode}

    def complete(self, document, witnesses):
        """Adds the proxy's own connections, and to the clients' connections which of those carried them on."""
        fronts = document["connections"]
        by_client = {one["orig_client"]: one for one in fronts}
        heard = witnesses.accepted()
        for one in fronts:
            one |= {"orig_pod": None, "resp_pod": None, "backs": []}
        for number, back in enumerate(witnesses.programs[0], len(fronts)):
            ends = (back["own"], back["peer"], back["own_isn"], back["peer_isn"])
            if ends not in heard:
                raise RuntimeError(f"the server knows nothing of {ends}")
            for front in back["fronts"]:
                by_client[front]["backs"].append(number)
            told = dict(zip(("orig", "resp", "orig_isn", "resp_isn"), ends))
            document["connections"].append({
                "orig_client": None,
                "resp_client": None,
                "orig_pod": back["own"],
                "resp_pod": back["peer"],
                "orig_isn": back["own_isn"],
                "resp_isn": back["peer_isn"],
                "kind": "of the proxy",
                "outcome": "ok",
                "finding": None,
                "also": [],
                "hung_side": "none",
                "client_ns": None,
                "legs": [{"point": point, "copies": 1, **told} for point in ("proxy", "pod")],
            })
