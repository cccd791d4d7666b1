"""tcpdump at the observation points, started before the first packet and stopped after the last."""

import re
import signal
import subprocess
import time
from pathlib import Path

from topology import inside

BUFFER_KIB = 131072
SETTLE_S = 0.5


class Captures:
    """Context manager over one tcpdump per point, all on the one clock of this machine."""

    def __init__(self, taps, folder):
        self._taps = taps
        self.files = {point: Path(folder) / f"{point}.pcap" for point in taps}
        self._running = {}

    def __enter__(self):
        try:
            for point in self.files:
                self._running[point] = self._start(point)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, *_):
        self._kill()

    def stop(self):
        """Ends the captures and fails if any of them missed a packet: absence has to mean absence."""
        time.sleep(SETTLE_S)
        for process in self._running.values():
            process.send_signal(signal.SIGINT)
        for point, process in self._running.items():
            _, said = process.communicate(timeout=30)
            dropped = re.search(r"(\d+) packets dropped by kernel", said)
            if process.returncode != 0 or dropped is None or int(dropped[1]) != 0:
                raise RuntimeError(f"tcpdump at {point} lost packets or failed: {said}")
        self._running = {}

    def _start(self, point):
        tap = self._taps[point]
        command = ["tcpdump", "-i", tap.device, "-n", "-U", "-s", "262144", "-B", str(BUFFER_KIB)]
        command += ["--time-stamp-precision=nano", "-Z", "root", "-w", str(self.files[point]), tap.filter]
        process = subprocess.Popen(inside(tap.host, *command), stderr=subprocess.PIPE, text=True)
        # tcpdump says "listening on" once the ring is mapped; packets before that would be missing.
        for line in process.stderr:
            if "listening on" in line:
                return process
        raise RuntimeError(f"tcpdump at {point} did not start")

    def _kill(self):
        for process in self._running.values():
            process.kill()
            process.wait()
