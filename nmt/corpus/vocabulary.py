"""The vocabulary of a dataset: chooses its size, learns it, or finds an existing one. Knows no corpus files.

A small corpus needs a small vocabulary, or most pieces are too rare to be learned: Araabi and Monz (2020) list
5,000 merges as best for 5,000 pairs, 10,000 for 20,000, 12,000 for 40,000 and 15,000 for 80,000; large corpora use
32,000 (Vaswani et al. 2017: 37,000). The automatic size grows with the cube root of the number of lines: 6,500 pieces
for 5,000 pairs, 12,000 for the 29,000 pairs of Multi30k (where 8,000 and 16,000 are no better in the same hour). It
stays there up to 400,000 pairs: an update takes longer with more pieces, and in half an hour of one core 8,000 and
4,000 are better than 16,000 on 250,000 pairs. From there on it grows again, to 32,000 for 7.6 million pairs. A text
with few distinct words cannot use so many pieces, so the size is also at most a third of the number of distinct words.
"""

from collections.abc import Mapping, Sequence
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt.config import PrepareOptions
from nmt.disk.manifest import check_file, read_manifest
from nmt.errors import DataError, MissingInputError
from nmt.text.directions import Direction, languages_of
from nmt.text.progress import Progress
from nmt.text.spm_format import FIRST_PLAIN
from nmt.text.tokenizer import LARGEST_MODEL, SOURCE_TOKENIZER, TARGET_TOKENIZER, SizeError, Tokenizer, train_tokenizer

LARGEST = 32_000
WORDS_PER_PIECE = 3
# Four special pieces, 256 bytes, the space, and a few pieces of text. No size counts the reserved pieces.
LEAST = 280
# Share of the characters in pairs over the length limit, above which the vocabulary is learnt again without them.
# Real corpora have up to 0.5%. With 15% of junk, the good text took 6% more pieces.
TOO_LONG_WORTH_LEARNING_AGAIN = 0.01

# Share of byte pieces in a language: under 0.1% in six real corpora, a third with a vocabulary of another script.
BYTES_WORTH_A_WARNING = 0.05


def warn_of_bytes(
    counts: Mapping[Direction, Sequence[npt.NDArray[np.int64]]], is_given: bool, progress: Progress
) -> None:
    """Warn of each language that the vocabulary spells byte by byte.

    ``counts`` say how often each piece occurs in the sources and in the targets of each direction.
    """
    mend = "learn one without `vocab`" if is_given else "choose a larger `vocab_size`"
    sides = [
        (language, side) for direction, own in counts.items() for language, side in zip(direction, own, strict=True)
    ]
    for language in languages_of(counts):
        pieces = sum(int(side.sum()) for each, side in sides if each == language)
        bytes_ = sum(int(side[:FIRST_PLAIN].sum()) for each, side in sides if each == language)
        if bytes_ > BYTES_WORTH_A_WARNING * pieces:
            share = f"{100 * bytes_ / pieces:.1f}% of the {language} pieces"
            progress.warn(f"{share} are single bytes: the vocabulary lacks letters of that language; {mend}")


def auto_size(lines: int, words: int, characters: int) -> int:
    """Vocabulary size, in pieces, for a text with this many lines, distinct words and distinct characters.

    A joint vocabulary counts the lines of both sides. The size grows with each argument, and has room for every
    character, so that learning never fails.
    """
    share = max(min(lines / 58_000, 1.0), lines / 800_000)
    size: float = min(12_000 * share ** (1 / 3), LARGEST, words / WORDS_PER_PIECE)
    step = 100 if size < 4000 else 500
    return max(round(size / step) * step, LEAST + characters)


def find_vocabulary(path: Path) -> tuple[Path, ...]:
    """The tokenizer files of a dataset, model or RUN folder: one if joint, else two; checked against its manifest.

    Raises MissingInputError when there is no tokenizer, and DataError, naming the file, when one has changed or is of
    an older version.
    """
    for folder in (path, path / "model"):
        if (folder / SOURCE_TOKENIZER).exists():
            manifest = read_manifest(folder, verify=False)
            names = [
                name for name in (SOURCE_TOKENIZER, TARGET_TOKENIZER) if name in {SOURCE_TOKENIZER, *manifest["files"]}
            ]
            for name in names:
                check_file(folder, manifest, name, largest=LARGEST_MODEL)
                Tokenizer.load(folder / name)
            return tuple(folder / name for name in names)
    raise MissingInputError(f"there is no {SOURCE_TOKENIZER} in {path}", "give a dataset, a RUN folder or a model")


def learn_vocabularies(
    pairs: Sequence[tuple[str, str]], kept: int, options: PrepareOptions, languages: Sequence[str]
) -> dict[str, bytes]:
    """Learn the tokenizers: serialised models by file name, one for both languages if joint, else one for each.

    ``pairs`` are a sample of ``kept`` pairs. Raises DataError when the text does not fit the size in ``options``.
    """
    models = _learn(pairs, kept, options, languages)
    fits = _fits(pairs, models, options.max_length)
    lengths = [len(source) + len(target) for source, target in pairs]
    if sum(compress(lengths, fits)) < (1 - TOO_LONG_WORTH_LEARNING_AGAIN) * sum(lengths) and any(fits):
        models = _learn(list(compress(pairs, fits)), kept, options, languages)
    return models


def _learn(
    pairs: Sequence[tuple[str, str]], kept: int, options: PrepareOptions, languages: Sequence[str]
) -> dict[str, bytes]:
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    if options.joint_vocab:
        return {SOURCE_TOKENIZER: _learn_one(sides[0] + sides[1], 2 * kept, options, languages)}
    models, errors = {}, {}
    labels = languages if len(languages) == 2 else ("the source", "the target")
    for name, language, lines in zip((SOURCE_TOKENIZER, TARGET_TOKENIZER), labels, sides, strict=True):
        try:
            models[name] = _learn_one(lines, kept, options, languages)
        except SizeError as error:
            errors[language] = error
    if errors:
        raise _together(options.vocab_size, errors)
    return models


def _learn_one(lines: Sequence[str], kept_lines: int, options: PrepareOptions, languages: Sequence[str]) -> bytes:
    size = options.vocab_size
    if size == 0:
        words = {word for line in lines for word in line.split()}
        characters = {character for word in words for character in word}
        size = auto_size(kept_lines, len(words), len(characters))
    return train_tokenizer(lines, options.tokenizer, size, options.vocab_size > 0, languages)


def _together(size: int, errors: Mapping[str, SizeError]) -> DataError:
    """One error for all languages whose text does not fit ``size``."""
    bounds = [
        f"{language} {'needs at least' if error.least else 'gives at most'} {error.least or error.most}"
        for language, error in errors.items()
    ]
    most = min((error.most for error in errors.values() if error.most), default=0)
    least = max(error.least for error in errors.values())
    choices = [f"{most} or fewer"] * bool(most) + [f"{least} or more"] * bool(least)
    return DataError(
        f"a vocabulary of {size} pieces for each language does not fit the text: {', '.join(bounds)}",
        f"choose {choices[0]}, or auto" if len(choices) == 1 else "choose auto",
    )


def _fits(pairs: Sequence[tuple[str, str]], models: Mapping[str, bytes], max_length: int) -> list[bool]:
    """Whether no side of each pair has over ``max_length`` pieces; so few characters are taken to fit, unencoded."""
    tokenizers = [Tokenizer(model, name) for name, model in models.items()]
    fits = [max(map(len, pair)) <= max_length for pair in pairs]
    for row in [row for row, is_short in enumerate(fits) if not is_short]:
        pieces = [tokenizers[side].encode([text])[0] for side, text in zip((0, -1), pairs[row], strict=True)]
        fits[row] = max(map(len, pieces)) <= max_length
    return fits
