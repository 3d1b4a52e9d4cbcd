"""Randomised experiments: from assignments to a verdict."""
