"""What is done to a point's packets after they were captured: its clock, its capture window, what its capture lost."""

import random

from plan import ClockPiece

MILLION = 1_000_000


class Clock:
    """A point's clock as a function of the client's: piecewise affine, in whole nanoseconds."""

    def __init__(self, told, moment):
        """`told` as in Scenario.clock_offset_ns; `moment` maps plan seconds to the client's clock."""
        pieces = told if isinstance(told, list) else [ClockPiece(0, told)]
        self._pieces = [(moment(one.since), one.offset_ns, one.ppm) for one in pieces]

    def __call__(self, client_ns):
        since, offset_ns, ppm = self._pieces[0]
        for piece in self._pieces[1:]:
            if client_ns >= piece[0]:
                since, offset_ns, ppm = piece
        return client_ns + offset_ns + ppm * (client_ns - since) // MILLION

    def told(self):
        return [{"from_ns": since, "offset_ns": offset, "ppm": ppm} for since, offset, ppm in self._pieces]


def within(packets, window):
    """The packets of a capture that ran between two moments, in the order in which they were captured."""
    return [one for one in packets if window is None or window[0] <= one.time_ns < window[1]]


def chosen(packets, window, share, seed):
    """Packets that a full ring did not take: runs of 1 to 6 records at random places, `share` of all."""
    rng, lost, at = random.Random(seed), [], 0
    packets = within(packets, window)
    mean_run = 3.5
    while (at := at + 1 + int(rng.expovariate(share / mean_run))) < len(packets):
        run = rng.randint(1, 6)
        lost += packets[at : at + run]
        at += run
    return lost


def without(packets, lost):
    gone = {id(one) for one in lost}
    return [one for one in packets if id(one) not in gone]
