"""Lines, files, pieces and progress: what everything above shares about text. Knows no tensor."""
