"""Files and folders: whole or not there, locked, compressed, hashed, safe if a stranger made them. Knows no text."""
