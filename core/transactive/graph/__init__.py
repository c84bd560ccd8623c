"""The knowledge graph: entities, what connects them, and which memories say so; on the handle as `agent.graph`."""

from transactive.graph.door import KnowledgeGraph

__all__ = ["KnowledgeGraph"]
