"""Ordinary connections, on which nothing is wrong: the crowd that every scenario's few hide in."""

from plan import Connection, ask, request

# Share of each kind, in percent.
USUAL = {"small-get": 60, "several-requests": 10, "pipelined": 10, "upload": 10, "chunked": 8, "download": 2}
# No pauses: for bursts that must be over before the timeline's gaps are stretched.
QUICK = {"small-get": 70, "pipelined": 15, "upload": 15}


def crowd(rng, count, since, until, mix=None):
    """`count` connections of mixed kinds, opened at random moments between two plan times."""
    mix = mix or USUAL
    kinds = rng.choices(list(mix), weights=list(mix.values()), k=count)
    return [ordinary(rng, kind, rng.uniform(since, until)) for kind in kinds]


def bursts(rng, moments, size):
    """Short bursts of quick connections at the given moments."""
    return [one for moment in moments for one in crowd(rng, size, moment, moment + 0.02, QUICK)]


def ordinary(rng, kind, start):
    return Connection(kind=kind, start=start, steps=_STEPS[kind](rng))


def _small_get(rng):
    # One in five lets the server close first, and one in five waits a moment for its answer.
    server_closes = rng.random() < 0.2
    think_s = rng.choice([0, 0, 0, 0, rng.uniform(0.001, 0.02)])
    step = ask("status", rng.randrange(150, 900), think_s=think_s, server_closes=server_closes)
    return [step, ["await_end", None]] if server_closes else [step]


def _several_requests(rng):
    steps = []
    for _ in range(rng.randrange(2, 4)):
        steps += [ask("item", rng.randrange(200, 1200)), ["pause", rng.uniform(0.01, 0.3)]]
    return steps


def _pipelined(rng):
    return [["requests", [request("page", rng.randrange(200, 900)) for _ in range(3)]]]


def _upload(rng):
    return [ask("order", 120, upload=rng.randrange(1500, 6000))]


def _large_upload(rng):
    return [ask("album", 120, upload=rng.randrange(20_000, 60_000))]


def _chunked(rng):
    chunks = rng.randrange(2, 6)
    return [ask("search", 300 * chunks, chunks=chunks, chunk_gap_s=rng.uniform(0.01, 0.06))]


def _download(rng):
    return [ask("report", rng.randrange(20_000, 60_000))]


_STEPS = {
    "small-get": _small_get,
    "several-requests": _several_requests,
    "pipelined": _pipelined,
    "upload": _upload,
    "large-upload": _large_upload,
    "chunked": _chunked,
    "download": _download,
}
