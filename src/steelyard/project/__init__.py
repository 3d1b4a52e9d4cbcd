"""Opens a folder of definitions and knows every kind of study."""
