"""The terminal: parse, project, text."""
