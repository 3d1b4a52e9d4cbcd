"""Sources, loads, SQL tables, data tests and their schedule."""
