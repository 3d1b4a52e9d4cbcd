"""Definitions of other semantic layers as ours, with what could not be carried over listed."""

from steelyard.metrics.importing.imported import Fate, Imported, ImportedItem
from steelyard.metrics.importing.ossie import import_ossie
from steelyard.metrics.importing.read import import_definitions
from steelyard.metrics.importing.semantic_manifest import import_semantic_manifest

__all__ = ["Fate", "Imported", "ImportedItem", "import_definitions", "import_ossie", "import_semantic_manifest"]
