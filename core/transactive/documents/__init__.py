"""Keyed JSON values per namespace, found by key, by filter and, where they are indexed, by search and recall."""

from transactive.documents.door import Documents

__all__ = ["Documents"]
