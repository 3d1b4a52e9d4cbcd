"""Governed definitions, and SQL at the right grain."""
