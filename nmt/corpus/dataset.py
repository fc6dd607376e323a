"""A prepared dataset: the folder that ``nmt prepare`` writes, opened for reading.

Knows the manifest's facts and the names of the files; nothing of raw corpora, and nothing of batches.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nmt.checked import build
from nmt.config import LARGEST_WEIGHT, PrepareOptions, is_name, is_note
from nmt.corpus.item_file import AGAIN
from nmt.corpus.lexicon import Translated, read_lexicon
from nmt.corpus.mono_split import mono_reports, open_mono
from nmt.corpus.shards import Split
from nmt.disk.files import open_binary
from nmt.disk.manifest import NAME, check_file, read_manifest
from nmt.disk.untrusted import read_small
from nmt.errors import DataError, SettingsError, shown
from nmt.text.directions import Direction, read_directions
from nmt.text.lines import read_lines
from nmt.text.profile import Profile
from nmt.text.reserved import RESERVED
from nmt.text.spm_format import FIRST_PLAIN, MOST_PIECES
from nmt.text.tokenizer import EOS, LARGEST_MODEL, SOURCE_TOKENIZER, TARGET_TOKENIZER, Tokenizer

KIND = "nmt dataset"
FORMAT = 2  # of the files; a dataset of another format must be made again

VALID_TEXT = {"source": "valid.source.txt", "target": "valid.target.txt"}
DROPPED = "dropped.tsv.gz"
CLEANING = "cleaning.json"  # what each rule made of the pairs, for a report

_LARGEST_TEXT = 1 << 30  # bytes of one side of the validation set, which is kept in memory
_LARGEST_DROPPED, _DROPPED_LINE = 1 << 20, 64  # bytes that dropped.tsv.gz may have, and more for each dropped line
_LARGEST_COUNT = 1 << 53
_ROLES = ("train", "valid", "test")


class Dataset:
    """The data that training reads: rows of piece ids, which stay on disk, and the validation text.

    A dataset may come from a stranger, who wrote its hashes too. The hashes find accidental damage; against intent,
    every fact and file is also checked against limits.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        """Open the files of a dataset whose manifest is read already. Raises what ``open`` raises."""
        check_facts(manifest, folder / NAME)
        self.folder = folder
        self.manifest = manifest
        self.source_language: str = manifest["source_language"]
        self.target_language: str = manifest["target_language"]
        self.directions = read_directions(manifest, str(folder / NAME))
        self.joint: bool = manifest["joint"]
        self.licence = manifest["licence"] if is_note(manifest.get("licence")) else ""
        self.source_vocabulary: int = manifest["source_vocabulary"]
        self.target_vocabulary: int = manifest["target_vocabulary"]
        self.source_tokenizer_path = folder / SOURCE_TOKENIZER
        self.target_tokenizer_path = folder / (SOURCE_TOKENIZER if self.joint else TARGET_TOKENIZER)
        for path in {self.source_tokenizer_path, self.target_tokenizer_path}:
            check_file(folder, manifest, path.name, largest=LARGEST_MODEL)
        self.train = self._split("train", ("train",), weights(manifest))
        self.valid = self._split("valid", ("train", "valid"))
        self.mono = open_mono(folder, manifest)  # text of one language, if any
        # One line of text for each row of ``valid``, in the same order.
        self.valid_source = self._lines(VALID_TEXT["source"])
        self.valid_target = self._lines(VALID_TEXT["target"])
        self.digest = digest(manifest)
        self.profile = Profile.read(manifest, str(folder / NAME))  # None in a dataset made by an older nmt

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a dataset and check its facts and files against the manifest and against limits.

        A file of over 64 MiB is hashed when it is first read; each row is checked whenever it is read. Raises
        MissingInputError when there is no dataset, and DataError, naming the file, when a file has changed or the
        folder is something else.
        """
        manifest = read_manifest(folder, verify=False)
        if not is_dataset(manifest):
            raise DataError(f"{folder} is not a dataset of this version", "make it again with nmt prepare")
        return cls(folder, manifest)

    def load_tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """Load the source and the target tokenizer, the same object for a joint vocabulary.

        Raises DataError, naming the file, when one is damaged or does not have the number of pieces in the manifest.
        """
        source = Tokenizer.load(self.source_tokenizer_path)
        target = source if self.joint else Tokenizer.load(self.target_tokenizer_path)
        for path, tokenizer, size in (
            (self.source_tokenizer_path, source, self.source_vocabulary),
            (self.target_tokenizer_path, target, self.target_vocabulary),
        ):
            if tokenizer.size != size:
                raise DataError(f"{path} has {tokenizer.size} pieces, not {size}", AGAIN)
        return source, target

    def lexicon(self) -> dict[str, Translated]:
        """Words that translate each other, by the stems of sources; empty where ``prepare`` found none.

        Raises DataError when its file does not match the manifest.
        """
        return read_lexicon(self.folder, self.manifest)

    def target_pieces(self) -> npt.NDArray[np.bool_]:
        """Whether each piece is special or occurs in a target, so that a model may produce it: bool (vocabulary,)."""
        if packed := self.manifest.get("target_pieces"):
            bits = np.frombuffer(bytes.fromhex(packed), np.uint8)
            used = np.unpackbits(bits, count=self.target_vocabulary).view(bool)
        else:  # an older version made the dataset
            used = self.train.piece_counts("target") + self.valid.piece_counts("target") > 0
        used[: EOS + 1] = True
        return used

    def profile_of(self, target: str) -> Profile | None:
        """The profile of the pairs with a target language. Raises DataError where the manifest has none."""
        if len(self.directions) == 1:
            return self.profile
        targets = self.manifest.get("targets")
        facts = targets.get(target) if isinstance(targets, dict) else None
        if not isinstance(facts, dict):
            raise DataError(f"{self.folder / NAME} says nothing of {target}", AGAIN)
        return Profile.read(facts, str(self.folder / NAME))

    def directions_of(self, corpora: Sequence[int]) -> list[Direction]:
        """The direction of each corpus, by its number among those of training and validation."""
        numbers = self.manifest.get("corpus_directions", [0] * (1 + max(corpora, default=0)))
        return [self.directions[numbers[corpus]] for corpus in corpora]

    def origins(self, rows: Sequence[int]) -> list[tuple[str, int]]:
        """The corpus and the line number, from 1, of each training row.

        Rows keep the order of their corpus and lack only the lines that ``dropped.tsv.gz`` lists. Raises DataError or
        MissingInputError when that file does not match the manifest.
        """
        path = self.folder / DROPPED
        corpora = [corpus for corpus in self.manifest["corpora"] if corpus["role"] == "train"]
        lines = sum(corpus["pairs"] - corpus["kept"] for corpus in self.manifest["corpora"])
        lines += sum(text.texts - text.kept for text in mono_reports(self.manifest, self.folder / NAME))
        check_file(self.folder, self.manifest, DROPPED, largest=_LARGEST_DROPPED + _DROPPED_LINE * lines)
        if not self.manifest["files"][DROPPED]["bytes"]:  # not opened: files of /proc look empty, and may never end
            raise DataError(f"{path} is empty", AGAIN)
        # For each corpus: its name, its first row, and the number of lines kept before each dropped line.
        starts: list[tuple[str, int, npt.NDArray[np.int64]]] = []
        first = 0
        with open_binary(path) as file:
            listed = read_lines(file, str(path))
            for corpus in corpora:
                count = corpus["pairs"] - corpus["kept"]
                dropped = np.fromiter(map(self._line_number, islice(listed, count)), np.int64)
                starts.append((corpus["path"], first, dropped - 1 - np.arange(len(dropped))))
                first += corpus["kept"]
        origins = []
        for row, corpus_id in zip(rows, self.train.corpus_ids(rows), strict=True):
            name, first, kept_before = starts[corpus_id]
            place = row - first
            origins.append((name, place + 1 + int(np.searchsorted(kept_before, place, side="right"))))
        return origins

    def _line_number(self, line: str) -> int:
        """The line number in a line of ``dropped.tsv.gz``: corpus, number, rule and, since version 0.2, score."""
        number = [*line.split("\t", 2), ""][1]
        if not (number.isascii() and number.isdigit() and len(number) < 16):
            raise DataError(f"{self.folder / DROPPED} has an invalid line: {shown(line)}", AGAIN)
        return int(number)

    def _split(self, name: str, roles: Sequence[str], weights: Sequence[float] = ()) -> Split:
        corpora = sum(corpus["role"] in roles for corpus in self.manifest["corpora"])
        return Split(
            self.folder,
            name,
            self.source_vocabulary,
            self.target_vocabulary,
            weights=weights,
            corpora=corpora,
            longest=self.manifest["options"]["max_length"],
            rows=self.manifest[f"{name}_pairs"],
            files=self.manifest["files"],
        )

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        check_file(self.folder, self.manifest, name, largest=_LARGEST_TEXT)
        text = BytesIO(read_small(path, _LARGEST_TEXT))
        lines = list(islice(read_lines(text, str(path)), len(self.valid) + 1))
        if len(lines) != len(self.valid):
            raise DataError(f"{path} does not have {len(self.valid)} lines, one for each pair", AGAIN)
        return lines


def is_dataset(manifest: dict[str, Any]) -> bool:
    """Whether the manifest is that of a dataset of this format."""
    return manifest.get("kind") == KIND and manifest.get("format") == FORMAT


def digest(manifest: dict[str, Any]) -> str:
    """SHA-256 of everything that training reads: it changes with the data, not when the same data is made again."""
    seen = {name: fact["sha256"] for name, fact in manifest["files"].items() if name not in (DROPPED, CLEANING)}
    facts = {name: manifest[name] for name in ("source_language", "target_language", "joint", "format")}
    if "directions" in manifest:
        facts["directions"] = [manifest["directions"], manifest["corpus_directions"]]
    if weights(manifest):
        facts["weights"] = weights(manifest)
    return hashlib.sha256(json.dumps([facts, seen], sort_keys=True).encode()).hexdigest()


def weights(manifest: dict[str, Any]) -> list[float]:
    """Weight of each training corpus: how often an epoch sees its pairs. Empty when all weights are 1."""
    values = [float(corpus.get("weight", 1.0)) for corpus in manifest["corpora"] if corpus["role"] == "train"]
    return values if set(values) != {1.0} else []


def check_facts(manifest: Mapping[str, Any], path: Path) -> None:
    """Raise DataError unless ``nmt prepare`` could have written these facts into a dataset's manifest."""

    def require(valid: object, name: str) -> None:
        if not valid:
            raise DataError(f"{path}: {name} is invalid: {shown(manifest.get(name))}", AGAIN)

    for name in ("source_language", "target_language"):
        require(is_name(manifest.get(name)), name)
    require(type(manifest.get("joint")) is bool, "joint")
    for name in ("source_vocabulary", "target_vocabulary"):
        require(_is_count(manifest.get(name), MOST_PIECES, FIRST_PLAIN + RESERVED), name)
    packed, size = manifest.get("target_pieces", ""), 2 * -(-manifest["target_vocabulary"] // 8)
    valid = isinstance(packed, str) and len(packed) in (0, size) and not packed.strip("0123456789abcdef")
    require(valid, "target_pieces")
    require(not manifest["joint"] or manifest["source_vocabulary"] == manifest["target_vocabulary"], "joint")
    options = manifest.get("options")
    try:
        build(PrepareOptions, {"max_length": options["max_length"] if isinstance(options, dict) else None})
    except (SettingsError, KeyError):
        require(False, "options")
    corpora = manifest.get("corpora")
    require(isinstance(corpora, list) and all(map(_is_corpus, corpora)), "corpora")
    for name in ("train_pairs", "valid_pairs"):
        require(_is_count(manifest.get(name)), name)
    directions, given = read_directions(manifest, str(path)), manifest.get("corpus_directions")
    right = (
        len(directions) == 1 if given is None else isinstance(given, list) and len(given) == len(manifest["corpora"])
    )
    require(right, "corpus_directions")
    require(all(_is_count(number, len(directions) - 1) for number in given or ()), "corpus_directions")
    kept = {role: [corpus["kept"] for corpus in manifest["corpora"] if corpus["role"] == role] for role in _ROLES}
    require(sum(kept["train"]) == manifest["train_pairs"], "train_pairs")
    require(not kept["valid"] or sum(kept["valid"]) == manifest["valid_pairs"], "valid_pairs")


def _is_corpus(facts: object) -> bool:
    """Whether these are the facts of a CorpusReport, with counts that add up."""
    if not isinstance(facts, dict) or facts.keys() - {"weight", "near"} != {"role", "path", "pairs", "kept", "dropped"}:
        return False
    weight, near, dropped = facts.get("weight", 1.0), facts.get("near", 0), facts["dropped"]
    return (
        facts["role"] in _ROLES
        and isinstance(facts["path"], str)
        and isinstance(dropped, dict)
        and all(map(_is_count, (facts["pairs"], facts["kept"], *dropped.values())))
        and facts["pairs"] == facts["kept"] + sum(dropped.values())
        and _is_count(near)
        and near <= facts["pairs"]
        and type(weight) in (int, float)
        and 0 < weight <= LARGEST_WEIGHT
    )


def _is_count(value: object, most: int = _LARGEST_COUNT, least: int = 0) -> bool:
    return type(value) is int and least <= value <= most
