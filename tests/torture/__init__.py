"""The proof of what docs/promises.md says, by doing all of it to the program: python -m tests.torture"""
