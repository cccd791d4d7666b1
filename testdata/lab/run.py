"""Runs one scenario: network, captures, witnesses and programs; then the story's clock; then the files."""

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import afterwards
import pcapfile
import timeline as time_line
import truth
import witness
from capture import Captures
from topology import CLIENT_IP, inside

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

        clocks = {
            point: afterwards.Clock(told, lambda plan_s: story(start_ns + round(plan_s * 1e9)))
            for point, told in scenario.clock_offset_ns.items()
        }
        witnesses.windows = {
            point: [start_ns + round(moment * 1e9) for moment in window]
            for point, window in scenario.windows.items()
        }
        witnesses.capture_lost = {
            point: afterwards.chosen(captures[point][1], witnesses.windows.get(point), share, seed)
            for point, (share, seed) in scenario.capture_loss.items()
        }
        document = truth.tell(scenario, witnesses, story, told, clocks, captures)
        if scenario.stretch:
            _move_tcp_timestamps(captures, line)
        target = Path(folder) / scenario.name
        target.mkdir(parents=True, exist_ok=True)
        for point, (link_type, packets) in captures.items():
            packets = afterwards.within(packets, witnesses.windows.get(point))
            packets = afterwards.without(packets, witnesses.capture_lost.get(point, ()))
            clock = clocks[point]
            for packet in packets:
                packet.time_ns = clock(story(packet.time_ns))
            pcapfile.write_compressed(target / f"{point}.pcap.gz", link_type, packets)
        _write_truth(target / "truth.json", document)
    return target


def _perform(scenario, scratch):
    """The part that happens in real time. Returns what the witnesses say and when the plan started."""
    plan, client_record = scratch / "plan.json", scratch / "client.json"
    plan.write_text(json.dumps(scenario.for_client()), encoding="utf-8")
    network = scenario.network
    served, told, events, losses = {}, [], None, None
    with ExitStack() as stack:
        stack.enter_context(network)
        if network.translator:
            events = stack.enter_context(witness.SessionEvents(network.translator, scratch / "conntrack.log"))
        captures = stack.enter_context(Captures({point: network.taps[point] for point in scenario.points()}, scratch))
        programs = []
        for host, address in network.servers.items():
            served[host] = scratch / f"{host}.jsonl"
            programs.append(stack.enter_context(_program(host, "server.py", address, served[host])))
            _expect(programs[-1], "listening")
        for number, one in enumerate(network.programs):
            record = [scratch / f"program-{number}.json"] if one.leaves_record else []
            told += record
            programs.append(stack.enter_context(_program(one.host, one.script, *one.arguments, *record)))
            _expect(programs[-1], "ready")
        if scenario.inject_ports:
            _expect(stack.enter_context(_program("pod", "inject.py", *scenario.inject_ports)), "ready")
        client = stack.enter_context(_program("client", "client.py", plan, client_record))
        _expect(client, "go")
        _expect(client, "done")
        sockets = {host: witness.sockets(host) for host in ("client", *network.servers)}
        losses = network.losses()
        # The captures end while the sockets still live: the end of the programs is not part of the story.
        captures.stop()
        for program in (*programs, client):
            program.communicate(timeout=PATIENCE_S)
    heard = json.loads(client_record.read_text(encoding="utf-8"))
    served = {
        host: [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
        for host, record in served.items()
    }
    sessions = events.by_tuple() if events else {}
    told = [json.loads(record.read_text(encoding="utf-8")) for record in told]
    return truth.Witnesses(heard, served, sockets, sessions, losses, told), heard["start_ns"]


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
