"""The quality of translations: metrics with confidence, and the evaluation of test sets. Knows no tensor."""
