"""Steelyard: from raw events to decisions that can be defended and replayed."""
