"""Finds: the `Index` protocol and what implements it. Whatever an index holds can be rebuilt from the ledger."""
