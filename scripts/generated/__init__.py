"""The parts of the documents that code knows better: each function gives one part as Markdown."""
