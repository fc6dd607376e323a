"""Checks SentencePiece's table of rules that rewrite text (``precompiled_charsmap``), which the library trusts.

The library follows the table's numbers without looking whether they lead out of it. Here every number that a text can
make it follow is checked first. Knows bytes; no pieces and no text.

The table is a length, a trie of that many bytes, and the texts that the trie's leaves point to, a zero byte after each.
The trie is a double array of Darts-clone (https://github.com/s-yata/darts-clone): units of four bytes. A byte of the
text leads from the unit at ``place`` to the unit at ``place ^ offset ^ byte``, if that one has the byte as its label.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Units = npt.NDArray[np.int64]

_LONGEST_RULE = 32  # bytes that a rule replaces: the library has room for so many rules of one beginning
_LONGEST_TEXT = 256  # bytes that stand in their place
_BLOCK = 256  # units of a block, in which a label chooses
_IS_VALUE, _VALUE = 1 << 31, (1 << 31) - 1  # of a leaf: that it is one, and the place of its text
_HAS_LEAF, _FAR, _LABEL = 1 << 8, 1 << 9, 0xFF


def check_charsmap(table: bytes) -> None:
    """Raise ValueError unless no text can lead the library out of the table; the message continues a sentence."""
    import numpy as np

    size = int.from_bytes(table[:4], "little")
    trie, texts = table[4 : 4 + size], table[4 + size :]
    if size % (4 * _BLOCK) or not size or len(trie) != size:
        raise ValueError("has rules of normalisation in another format")
    parts = texts.split(b"\0")
    if parts[-1] or max(map(len, parts)) > _LONGEST_TEXT:
        raise ValueError("has rules of normalisation with too long a text")
    try:
        texts.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("has rules of normalisation that are not UTF-8") from None
    unit = np.frombuffer(trie, "<u4").astype(np.int64)
    base = np.arange(len(unit)) ^ (unit >> 10) << ((unit & _FAR) >> 6)
    inner = unit & _IS_VALUE == 0
    if base[inner].max(initial=0) // _BLOCK >= len(unit) // _BLOCK:
        raise ValueError("has rules of normalisation that lead out of their table")
    leaf = unit[base[inner & (unit & _HAS_LEAF != 0)]] & _VALUE
    begins = np.array([0, *(place + 1 for place, byte in enumerate(texts) if byte == 0)])[:-1]
    if not np.isin(leaf, begins).all():
        raise ValueError("has rules of normalisation that lead out of their texts")
    _check_depth(unit, base)


def _check_depth(unit: "Units", base: "Units") -> None:
    """Raise ValueError if the trie has a long path, as one that leads back into itself has."""
    import numpy as np

    parent = np.where(unit & _IS_VALUE, -1, np.arange(len(unit)) ^ (unit & _LABEL))  # the base that leads to a unit
    level = np.arange(len(unit)) == 0
    for _ in range(_LONGEST_RULE + 1):
        level = np.isin(parent, base[level])
        if not level.any():
            return
    raise ValueError("has rules of normalisation that replace too long a text")
