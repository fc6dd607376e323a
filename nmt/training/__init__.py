"""Training: the objective, the loop as a generator over explicit state, and the run that decides around it."""
