"""The state of running programs: threads, their checkpoints, channel values and pending writes."""

from transactive.checkpoints.door import Checkpoints

__all__ = ["Checkpoints"]
