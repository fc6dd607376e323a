"""The engines behind the one Translator. Neither knows the other."""
