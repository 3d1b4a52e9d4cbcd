"""What a person may do in the browser: one file an act."""
