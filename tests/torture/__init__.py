"""Tests of every promise in docs/promises.md, by doing each thing to the program: python -m tests.torture"""
