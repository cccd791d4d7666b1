"""Keeps the table of capture files in testdata/README.md: one row per file, made from what lies there."""

import gzip
import json

import pcapfile

BEGIN, END = "<!-- captures: written by lab.py -->\n", "<!-- end of captures -->\n"
SEEN_AT = {
    "client": "at the client",
    "node": "on the node, all devices: each packet before and after translation",
    "pod": "at the pod",
    "sender": "at the sender, packets cut behind the headers",
}


def update(testdata):
    """Rewrites the rows, if the folder has a README with the two marks."""
    readme = testdata / "README.md"
    if not readme.exists():
        return
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    readme.write_text(before + BEGIN + "".join(_table(testdata)) + END + after, encoding="utf-8")


def _table(testdata):
    yield "| path | what it shows | packets | command that made it |\n|---|---|---:|---|\n"
    for truth_file in sorted(testdata.glob("*/truth.json")):
        truth = json.loads(truth_file.read_text(encoding="utf-8"))
        for point, told in truth["points"].items():
            path = truth_file.parent / told["file"]
            shows = f"{truth['what']}; {told.get('at') or SEEN_AT[point]}"
            relative = path.relative_to(testdata)
            yield f"| `{relative}` | {shows} | {_packets(path):,} | `sudo {truth['command']}` |\n"


def _packets(path):
    with gzip.open(path) as file:
        content = file.read()
    count, at = 0, pcapfile.FILE_HEADER.size
    while at < len(content):
        at += pcapfile.RECORD_HEADER.size + pcapfile.RECORD_HEADER.unpack_from(content, at)[2]
        count += 1
    return count
