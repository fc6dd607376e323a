"""Training: the objective, phases, the loop as a generator over explicit state, and the run that decides around it."""
