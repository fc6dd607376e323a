"""Lines, pieces, languages and progress, which all rooms above share. Knows no tensor."""
