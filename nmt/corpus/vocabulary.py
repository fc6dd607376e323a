"""How many pieces a vocabulary gets when nobody says; learning one, or finding one that is there. Knows no corpora.

A small corpus wants a small vocabulary, or most pieces are seen too rarely to be learned: Araabi and Monz (2020) list
5,000 merges as best for 5,000 pairs, 10,000 for 20,000, 12,000 for 40,000 and 15,000 for 80,000; large corpora use
32,000 (Vaswani et al. 2017: 37,000). The cube root below goes from 6,500 for 5,000 pairs through 12,000 for the 29,000
of Multi30k, where 8,000 and 16,000 are no better in the same hour, to 32,000 from 550,000 on. A text of few different
words, whatever its length, gives no use for so many pieces, so a vocabulary also has at most a third as many pieces as
the text has different words.
"""

from collections.abc import Sequence
from pathlib import Path

from nmt.config import PrepareOptions
from nmt.errors import MissingInputError
from nmt.text.tokenizer import SOURCE_TOKENIZER, TARGET_TOKENIZER, train_tokenizer

LARGEST = 32_000
WORDS_A_PIECE = 3
# Four special pieces, the 256 bytes, the space, and a few to make of it.
LEAST = 280


def auto_size(lines: int, words: int, characters: int) -> int:
    """The vocabulary size for so many lines (both sides counted when joint), different words and characters.

    Grows with each of them. Has room for every character, so that learning it never fails.
    """
    size: float = min(12_000 * float((lines / 58_000) ** (1 / 3)), LARGEST, words / WORDS_A_PIECE)
    step = 100 if size < 4000 else 500
    return max(round(size / step) * step, LEAST + characters)


def find_vocabulary(path: Path) -> tuple[Path, ...]:
    """The file or the two files of the vocabulary of a dataset, a model or a run. Raises MissingInputError."""
    for folder in (path, path / "model"):
        if (folder / SOURCE_TOKENIZER).is_file():
            return tuple(folder / name for name in (SOURCE_TOKENIZER, TARGET_TOKENIZER) if (folder / name).is_file())
    raise MissingInputError(f"there is no {SOURCE_TOKENIZER} in {path}", "give a dataset, a RUN folder or a model")


def learn_vocabulary(lines: Sequence[str], kept_lines: int, options: PrepareOptions) -> bytes:
    """A serialised model for ``lines``, a sample of ``kept_lines``. Raises DataError when options ask for too much."""
    size = options.vocab_size
    if size == 0:
        words = {word for line in lines for word in line.split()}
        characters = {character for word in words for character in word}
        size = auto_size(kept_lines, len(words), len(characters))
    return train_tokenizer(lines, options.tokenizer, size, exact=options.vocab_size > 0)
