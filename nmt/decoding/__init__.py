"""Text to text: the Translator, the search, and the engines behind it."""
