"""How good translations are: metrics with confidence, and the evaluation of test sets. Knows no tensor."""
