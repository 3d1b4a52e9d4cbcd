"""Append-only records of what people chose, citing results."""
