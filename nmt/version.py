"""The version of the program, in a file that every layer can import. Knows nothing else."""

__version__ = "0.2.0"
