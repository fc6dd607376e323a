"""The engines behind the one Translator."""
