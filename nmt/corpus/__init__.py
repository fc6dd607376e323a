"""Raw text → cleaned, encoded, memory-mapped dataset → batches. Knows no model and no tensor."""
