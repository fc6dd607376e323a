"""A prepared dataset: the folder that ``nmt prepare`` writes, opened for reading.

Knows the manifest's facts and where each file stands; nothing of raw corpora, and nothing of batches.
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nmt.config import is_note
from nmt.corpus.shards import Split
from nmt.errors import DataError
from nmt.text.files import open_binary
from nmt.text.lines import read_lines
from nmt.text.manifest import NAME, check_file, check_files, read_manifest
from nmt.text.profile import Profile
from nmt.text.tokenizer import EOS, SOURCE_TOKENIZER, TARGET_TOKENIZER

KIND = "nmt dataset"
FORMAT = 1  # of the files; a dataset of another one is made again

VALID_TEXT = {"source": "valid.source.txt", "target": "valid.target.txt"}
DROPPED = "dropped.tsv.gz"

# Hashing everything at each start would read a large corpus twice; a larger file is held to its size alone.
_HASHED_UP_TO = 1 << 26


class Dataset:
    """What training reads. Row numbers are stable; the rows' ids stay on the disk."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest
        self.source_language: str = manifest["source_language"]
        self.target_language: str = manifest["target_language"]
        self.joint: bool = manifest["joint"]
        self.licence = manifest["licence"] if is_note(manifest.get("licence")) else ""
        self.source_vocabulary: int = manifest["source_vocabulary"]
        self.target_vocabulary: int = manifest["target_vocabulary"]
        self.source_tokenizer_path = folder / SOURCE_TOKENIZER
        self.target_tokenizer_path = folder / (SOURCE_TOKENIZER if self.joint else TARGET_TOKENIZER)
        sizes = self.source_vocabulary, self.target_vocabulary
        self.train = Split(folder, "train", *sizes, weights=weights(manifest))
        self.valid = Split(folder, "valid", *sizes)
        # The lines behind the rows of ``valid``, one each and in the same order.
        self.valid_source = _lines(folder / VALID_TEXT["source"])
        self.valid_target = _lines(folder / VALID_TEXT["target"])
        self.digest = digest(manifest)
        self.profile = Profile.read(manifest, str(folder / NAME))  # None: an older nmt made the dataset

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a dataset, with its files held to the manifest (those over 64 MiB to their sizes alone).

        Raises MissingInputError when there is none, and DataError naming the file when one is not as it was written
        or the folder is something else.
        """
        manifest = read_manifest(folder, verify=False)
        if not is_dataset(manifest):
            raise DataError(f"{folder} is not a dataset of this version", "make it again with nmt prepare")
        check_files(folder, manifest, hashed_up_to=_HASHED_UP_TO)
        try:
            return cls(folder, manifest)
        except (KeyError, TypeError):
            raise DataError(f"{folder} has a manifest with facts missing", "make it again with nmt prepare") from None

    def target_pieces(self) -> npt.NDArray[np.bool_]:
        """Which pieces a model may learn to produce, bool (target vocabulary,): special ones, and those of a target."""
        found = self.train.target_pieces(self.target_vocabulary) | self.valid.target_pieces(self.target_vocabulary)
        found[: EOS + 1] = True
        return found

    def origins(self, rows: Sequence[int]) -> list[tuple[str, int]]:
        """The corpus and the line (from 1) that each training row came from.

        The rows of a corpus stand in its order, without the lines that ``dropped.tsv.gz`` lists. Raises DataError or
        MissingInputError when that file is not what the manifest says.
        """
        path = self.folder / DROPPED
        check_file(self.folder, self.manifest, DROPPED)
        # Of each corpus its first row, and how many lines were kept before each one that was dropped.
        starts: list[tuple[str, int, npt.NDArray[np.int64]]] = []
        first = 0
        with open_binary(path) as file:
            lines = read_lines(file, str(path))
            for corpus in (one for one in self.manifest["corpora"] if one["role"] == "train"):
                numbers = [line.rsplit("\t", 2)[1] for line in islice(lines, corpus["pairs"] - corpus["kept"])]
                dropped = np.array(numbers, np.int64)
                starts.append((corpus["path"], first, dropped - 1 - np.arange(len(dropped))))
                first += corpus["kept"]
        found = []
        for row in rows:
            name, first, kept_before = starts[self.train.corpus_id(row)]
            place = row - first
            found.append((name, place + 1 + int(np.searchsorted(kept_before, place, side="right"))))
        return found


def is_dataset(manifest: dict[str, Any]) -> bool:
    return manifest.get("kind") == KIND and manifest.get("format") == FORMAT


def digest(manifest: dict[str, Any]) -> str:
    """A SHA-256 of everything that training can see: it changes with the data, not when the same data is made anew."""
    seen = {name: fact["sha256"] for name, fact in manifest["files"].items() if name != DROPPED}
    facts = {name: manifest[name] for name in ("source_language", "target_language", "joint", "format")}
    if weights(manifest):
        facts["weights"] = weights(manifest)
    return hashlib.sha256(json.dumps([facts, seen], sort_keys=True).encode()).hexdigest()


def weights(manifest: dict[str, Any]) -> list[float]:
    """How often a pass sees the pairs of each training corpus; none at all where it sees every pair once."""
    found = [float(one.get("weight", 1.0)) for one in manifest["corpora"] if one["role"] == "train"]
    return found if set(found) != {1.0} else []


def _lines(path: Path) -> list[str]:
    with open_binary(path) as file:
        return list(read_lines(file, str(path)))
