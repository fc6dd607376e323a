"""Show some translations for a person to check: python show.py SOURCE TRANSLATION REFERENCE [--count 10 | --all]

The three files are aligned line by line. The sentences shown are evenly spread over the lengths, from the shortest to
the longest, and the same at every call. --all is for short sentences: it shows each on one line, with the reference on
a second line if the translation differs. Knows lines; no model.
"""

import argparse
import signal
import unicodedata
from pathlib import Path

SAME = "the same"


def read(path: Path) -> list[str]:
    """The lines of a file."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def spread(rows: list[tuple[str, ...]], count: int) -> list[tuple[str, ...]]:
    """Choose ``count`` rows, evenly spread from the shortest source to the longest."""
    ordered = sorted(rows, key=lambda row: len(row[0]))
    count = min(count, len(ordered))
    return [ordered[(2 * step + 1) * len(ordered) // (2 * count)] for step in range(count)]


def columns(text: str) -> int:
    """Width of the text in terminal columns; a Hangul syllable has two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def show_all(rows: list[tuple[str, ...]]) -> None:
    """Print every row, and the number of translations that equal their references."""
    width = max((columns(source) for source, *_ in rows), default=0)
    print()
    for source, translation, reference in rows:
        print(f"  {source}{' ' * (width - columns(source))}  {translation}")
        if translation != reference:
            print(f"  {'reference':>{width}}  {reference}")
    same = sum(translation == reference for _, translation, reference in rows)
    print(f"\n{same} of {len(rows)} translations are the same as the reference")


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # so that `| head` ends this program quietly
    parser = argparse.ArgumentParser(description="Show some translations, spread over the lengths.")
    for name in ("source", "translation", "reference"):
        parser.add_argument(name, type=Path, metavar=name.upper())
    parser.add_argument("--count", type=int, default=10, metavar="N")
    parser.add_argument("--all", action="store_true", help="show every line, in order")
    options = parser.parse_args()
    paths: list[Path] = [options.source, options.translation, options.reference]
    rows: list[tuple[str, ...]] = list(zip(*map(read, paths), strict=True))
    if options.all:
        show_all(rows)
        return
    for source, translation, reference in spread(rows, options.count):
        print(f"\n     source  {source}\ntranslation  {translation}")
        print(f"  reference  {SAME if reference == translation else reference}")


if __name__ == "__main__":
    main()
