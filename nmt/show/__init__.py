"""Pictures of models: what one is, where it looks, and how its order is told."""
