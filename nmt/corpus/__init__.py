"""Raw text becomes a cleaned, encoded dataset, and a dataset becomes batches. Knows no model and no tensor."""
