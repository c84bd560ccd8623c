"""The stores of the stories about documents, and an agent whom no other story knows."""

from tests.documents.conftest import ana, clock, clocks, house, team

__all__ = ["ana", "clock", "clocks", "house", "team"]
