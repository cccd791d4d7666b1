#!/usr/bin/env python3
"""The capture lab: makes the captures under testdata/ with real kernels, real programs and real tcpdump.

    sudo python3 testdata/lab/lab.py SCENARIO... | all [--out DIR]
"""

import argparse
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

from catalogue import update
from run import run

SCENARIOS = {
    "incident": "incident",
    "healthy": "healthy",
    "client-speaks-first": "client_speaks_first",
    "half-closed": "half_closed",
    "silent-drop": "silent_drop",
    "invalid": "invalid",
    "client-gave-up": "client_gave_up",
    "slow-server": "slow_server",
    "masquerade": "masquerade",
    "three-pods": "three_pods",
    "loss": "loss",
    "port-reuse": "port_reuse",
    "mid-stream": "mid_stream",
    "mid-stream-masquerade": "mid_stream_masquerade",
    "partly": "partly",
    "one-way": "one_way",
    "ipv6": "ipv6",
    "node-any": "node_any",
    "vxlan": "vxlan",
    "clock-step": "clock_step",
    "clock-drift": "clock_drift",
    "offload": "offload",
    "capture-loss": "capture_loss",
    "synproxy": "synproxy",
    "isn-rewrite": "isn_rewrite",
    "delay": "delay",
    "tcp-proxy": "tcp_proxy",
    "http-proxy": "http_proxy",
    "nat64": "nat64",
    "meddling": "meddling",
    "retransmissions": "retransmissions",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="+", metavar="SCENARIO", choices=[*SCENARIOS, "all"])
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent, metavar="DIR")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("lab.py makes network namespaces and must be run as root")
    # As an exception, so that namespaces and processes are cleaned up on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    names = SCENARIOS if "all" in arguments.scenarios else arguments.scenarios
    for name in names:
        began = time.monotonic()
        module = import_module(f"scenarios.{SCENARIOS[name]}")
        # Some have a network of their own.
        own = getattr(module, "run", None)
        target = own(arguments.out) if own else run(module.scenario(), arguments.out)
        print(f"{name}: {target} ({time.monotonic() - began:.0f} s)", flush=True)
        update(arguments.out)


if __name__ == "__main__":
    main()
