"""Compressed files of two members, damaged at every position, read by the readers of translate and prepare.

A file gives all its lines or an error with exit code 65; never fewer or other lines without an error.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nmt.corpus.parallel import Corpus, read_pairs
from nmt.decoding.input_lines import InputLines
from nmt.disk.compression import COMPRESSED, compressed
from nmt.errors import DataError

from .area import Trial, require
from .ends import Table

FIRST = [f"나는 {number} 집에 간다." for number in range(6)]
SECOND = [f"너는 학교에 {number} 온다." for number in range(6)]
GARBAGE = {
    "zeros": bytes(40),
    "a byte": b"x",
    "text": "나는 집에 간다.\n".encode(),
    "half a member": b"",  # of the file's own kind
    "a member cut before its end": b"",
    "a member of another kind": b"",
}


@dataclass
class DamagedStreams(Table):
    """Every byte with one bit flipped, every length to truncate to, and trailing data."""

    name: str = "damaged compressed files"
    full: int = 5073
    quick: int = 150

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        self.sabotage()
        return super().run(workplace, trials, seed)

    def cases(self, workplace: Path) -> Iterable[Trial]:
        for number, ending in enumerate(COMPRESSED):
            path = workplace / f"file.tsv{ending}"
            first, second = (compressed(path, "".join(f"{line}\ta b\n" for line in lines).encode())
                             for lines in (FIRST, SECOND))  # fmt: skip
            third = compressed(Path(COMPRESSED[number - 1]), b"nothing\n")
            for what, data in damages(first, second, third):
                yield f"{ending}, {what}", partial(trial, path, data)


def damages(first: bytes, second: bytes, third: bytes) -> Iterator[tuple[str, bytes]]:
    whole = first + second
    yield "whole", whole
    for place in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            yield f"bit {bit} of byte {place} flipped", bytes(changed)
        if place != len(first):  # what is cut there is a whole file
            yield f"cut to {place} bytes", whole[:place]
            yield f"cut to {place} bytes and zeros after it", whole[:place] + bytes(len(whole) - place)
    follow = {"half a member": first[: len(first) // 2], "a member cut before its end": first[:-1]}
    for what, garbage in (GARBAGE | follow | {"a member of another kind": third}).items():
        yield f"{what} after it", whole + garbage
        yield f"{what} between its members", first + garbage + second


def trial(path: Path, data: bytes) -> None:
    """Test both readers on the same bytes: prepare's for pairs, translate's for lines."""
    path.write_bytes(data)
    lines = [*FIRST, *SECOND]
    text = path.with_name(f"text{path.suffix}")  # translate reads no .tsv
    text.write_bytes(data)
    for reader, wanted in (
        (read_pairs(Corpus(path, (path,))), [(line, "a b") for line in lines]),
        (InputLines([text]), [f"{line}\ta b" for line in lines]),
        (InputLines([text], strict=True), [f"{line}\ta b" for line in lines]),
    ):
        try:
            actual = list(reader)
        except DataError:
            continue
        require(actual == wanted, f"{len(actual)} of {len(wanted)} lines, or others, without an error")


AREAS = (DamagedStreams(),)
