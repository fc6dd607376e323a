"""Show some translations for a person to check: python show.py SOURCE TRANSLATION REFERENCE [--count 10]

The three files are aligned line by line. What is shown is spread evenly over the lengths, from the shortest sentence to
the longest, and is the same each time.
"""

import argparse
import signal
from pathlib import Path

SAME = "the same"


def read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def spread(rows: list[tuple[str, ...]], count: int) -> list[tuple[str, ...]]:
    """``count`` rows, from the shortest to the longest at even steps; the middle of each step's share."""
    ordered = sorted(rows, key=lambda row: len(row[0]))
    count = min(count, len(ordered))
    return [ordered[(2 * step + 1) * len(ordered) // (2 * count)] for step in range(count)]


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends this as it ends cat
    parser = argparse.ArgumentParser(description="Show some translations, spread over the lengths.")
    for name in ("source", "translation", "reference"):
        parser.add_argument(name, type=Path, metavar=name.upper())
    parser.add_argument("--count", type=int, default=10, metavar="N")
    options = parser.parse_args()
    paths: list[Path] = [options.source, options.translation, options.reference]
    rows: list[tuple[str, ...]] = list(zip(*map(read, paths), strict=True))
    for source, translation, reference in spread(rows, options.count):
        print(f"\n     source  {source}\ntranslation  {translation}")
        print(f"  reference  {SAME if reference == translation else reference}")


if __name__ == "__main__":
    main()
