"""Adapters: each translates one framework's memory interface into `transactive`'s verbs, and back."""
