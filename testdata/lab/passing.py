"""What the programs in the cable (wire.py) have in common."""

LEFT, RIGHT = "left", "right"
ETHERNET = 14


class AtOnce:
    """Changes frames and passes them on at once."""

    def change(self, frame, side):
        """The frame as it is to leave, or None."""
        raise NotImplementedError

    def pass_on(self, frame, side, now):
        """[(when to send it, what to send)] for a frame that came in on a side."""
        changed = self.change(frame, side)
        return [] if changed is None else [(now, changed)]

    def sends(self, frame, side):
        """Called with every frame, in the order in which they leave."""

    def record(self, held_ns):
        """What is worth writing down."""
        return None
