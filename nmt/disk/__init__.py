"""Files and folders: written atomically, locked, compressed, hashed, read safely from strangers. Knows no text."""
