"""Runs one scenario: network, captures, witnesses and programs; then the story's clock; then the files."""

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pcapfile
import timeline as time_line
import truth
import witness
from capture import Captures
from topology import CLIENT_IP, Network, inside

HERE = Path(__file__).resolve().parent
PATIENCE_S = 60


def run(scenario, folder):
    """Writes the scenario's captures and truth.json to a folder of its own name."""
    with tempfile.TemporaryDirectory(prefix="crosscap-lab-") as scratch:
        scratch = Path(scratch)
        witnesses, start_ns = _perform(scenario, scratch)
        captures = {point: pcapfile.read(scratch / f"{point}.pcap") for point in scenario.points()}
        line, told = _timeline(scenario, captures, witnesses, start_ns)
        anchor = line(_anchor(scenario, witnesses, start_ns))

        def story(moment):
            return line(moment) - anchor + scenario.epoch_ns

        document = truth.tell(scenario, witnesses, story, told)
        if scenario.stretch:
            _move_tcp_timestamps(captures, line)
        target = Path(folder) / scenario.name
        target.mkdir(parents=True, exist_ok=True)
        for point, (link_type, packets) in captures.items():
            for packet in packets:
                packet.time_ns = story(packet.time_ns) + scenario.clock_offset_ns[point]
            pcapfile.write_compressed(target / f"{point}.pcap.gz", link_type, packets)
        _write_truth(target / "truth.json", document)
    return target


def _perform(scenario, scratch):
    """The part that happens in real time. Returns what the witnesses say and when the plan started."""
    plan, client_record, server_record = scratch / "plan.json", scratch / "client.json", scratch / "server.jsonl"
    plan.write_text(json.dumps(scenario.for_client()), encoding="utf-8")
    with ExitStack() as stack:
        stack.enter_context(Network(scenario.node))
        events = stack.enter_context(witness.SessionEvents(scratch / "conntrack.log"))
        captures = stack.enter_context(Captures(scenario.points(), scratch))
        server = stack.enter_context(_program("pod", "server.py", server_record))
        _expect(server, "listening")
        if scenario.inject_ports:
            _expect(stack.enter_context(_program("pod", "inject.py", *scenario.inject_ports)), "ready")
        client = stack.enter_context(_program("client", "client.py", plan, client_record))
        _expect(client, "go")
        _expect(client, "done")
        sockets = {host: witness.sockets(host) for host in ("client", "pod")}
        # The captures end while the sockets still live: the end of the programs is not part of the story.
        captures.stop()
        for program in (server, client):
            program.communicate(timeout=PATIENCE_S)
    heard = json.loads(client_record.read_text(encoding="utf-8"))
    served = [json.loads(line) for line in server_record.read_text(encoding="utf-8").splitlines()]
    sessions = events.by_client_port()
    return truth.Witnesses(heard, served, sockets["client"], sockets["pod"], sessions), heard["start_ns"]


@contextmanager
def _program(host, name, *arguments):
    """One of the lab's own programs, in a host's namespace, alive as long as the context."""
    command = inside(host, sys.executable, str(HERE / name), *map(str, arguments))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _expect(program, word):
    if (said := program.stdout.readline().strip()) != word:
        raise RuntimeError(f"{program.args}: expected {word!r}, got {said!r}")


def _anchor(scenario, witnesses, start_ns):
    """The lab moment that the story's epoch stands for."""
    if scenario.epoch_at_port is None:
        return start_ns
    return witnesses.client[_number_of(scenario, scenario.epoch_at_port)]["connecting_ns"]


def _number_of(scenario, port):
    return next(number for number, one in enumerate(scenario.connections) if one.port == port)


def _timeline(scenario, captures, witnesses, start_ns):
    """(the function from lab to story, how truth.json describes it)."""
    if scenario.stretch is None:
        return (lambda moment: moment), {"stretched": False}
    stretch = scenario.stretch
    times = sorted(packet.time_ns for _, packets in captures.values() for packet in packets)
    section = tuple(start_ns + round(moment * 1e9) for moment in (stretch.since, stretch.until))
    if stretch.exact:
        port, silence_s = stretch.exact
        _, asked, answered = witnesses.longest_thinking(_number_of(scenario, port))
        gap_factor = time_line.gap_factor(times, section, (asked, answered), silence_s * 10**9)
    else:
        gap_factor = time_line.gap_factor(times, section, section, (section[1] - section[0]) * stretch.factor)
    line = time_line.Timeline(times, section, gap_factor)
    anchor = line(_anchor(scenario, witnesses, start_ns))
    story_section = [line(moment) - anchor + scenario.epoch_ns for moment in section]
    told = {
        "stretched": True,
        "factor": stretch.factor,
        "gap_factor": round(float(gap_factor), 6),
        "section_client_ns": story_section,
        "lab_section_ns": section[1] - section[0],
        "lab_timeouts_s": {"established": scenario.node.established_s, "close_wait": scenario.node.close_wait_s},
        "quiet_gap_ns": time_line.QUIET_NS,
    }
    return line, told


def _move_tcp_timestamps(captures, line):
    rewriter = time_line.TimestampRewriter(line, bytes(map(int, CLIENT_IP.split("."))))
    for point, from_client in (("client", True), ("pod", False)):
        rewriter.learn(*captures[point], from_client)
    for link_type, packets in captures.values():
        rewriter.rewrite(link_type, packets)


def _write_truth(path, document):
    """One connection per line, so that the file can be read, searched and compared."""
    connections = document.pop("connections")
    head = json.dumps(document, indent=1)[:-2]
    lines = ",\n".join("  " + json.dumps(one, separators=(",", ":")) for one in connections)
    path.write_text(f'{head},\n "connections": [\n{lines}\n ]\n}}\n', encoding="utf-8")
