"""Pages: blocks over metrics and results."""
