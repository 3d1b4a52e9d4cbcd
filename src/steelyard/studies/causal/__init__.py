"""Effects without an experiment, with what makes them doubtful."""
