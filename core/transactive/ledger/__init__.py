"""Remembers: the truth, in SQL. One module per table family; every function takes the connection of a transaction."""
