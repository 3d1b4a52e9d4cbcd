"""Numbers from arrays: numpy and scipy only."""
