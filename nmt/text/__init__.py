"""Lines, pieces, languages and progress: what everything above shares about text. Knows no tensor."""
