"""Networks of the lab besides the plain one of topology.py, each as small as what it has to show allows."""

import loss
from topology import CLIENT_IP, POD_IP, POD_PORT, SERVICE_IP, SERVICE_PORT, Network, Tap, Wiring

BEHIND_NAT = [("client", "client", 1), ("server", "server", 1)]


def service_nat(more="", target=f"{POD_IP}:{POD_PORT}", family="ip"):
    """nft rules: the Service, and what else is wanted."""
    return f"""
        table {family} service {{
            chain translate {{
                type nat hook prerouting priority dstnat; policy accept;
                {family} daddr {SERVICE_IP} tcp dport {SERVICE_PORT} counter dnat to {target}
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
