"""What a model is and looks at: facts, attention maps, positions, and their pictures. Knows no training."""
