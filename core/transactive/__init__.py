"""Transactive: shared memory for teams of AI agents, in the process, with no server, no API key and no LLM.

    from transactive import TeamMemory

    team = TeamMemory.open("./team-memory")
    team.agent("researcher").publish("HNSW answers in 5 ms p50 at 10M vectors (ef=200).")
    for hit in team.agent("writer").recall("how fast is HNSW?"):
        print(hit.score, hit.memory.agent, hit.memory.text)

Public too: `transactive.errors`, `.records`, `.embedding`, `.filters`, `.models`, `.aio` and `.testing`.
"""

from transactive.agent import Agent, Session
from transactive.errors import TransactiveError
from transactive.policies import Policy
from transactive.records import Context, Extracted, Forgotten, Grant, Hit, Memory, NewMemory, Page, Recall
from transactive.team import TeamMemory

__version__ = "0.1.0"

__all__ = [
    "Agent",
    "Context",
    "Extracted",
    "Forgotten",
    "Grant",
    "Hit",
    "Memory",
    "NewMemory",
    "Page",
    "Policy",
    "Recall",
    "Session",
    "TeamMemory",
    "TransactiveError",
    "__version__",
]
