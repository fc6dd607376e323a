"""Text to piece ids and back: SentencePiece behind one small class. Knows no files but the model's, and no corpus.

No text is lost: a character without a piece is encoded as its UTF-8 bytes, and typed text never becomes a control
symbol. Text is only brought into its normal form (``nmt.text.normal``). SentencePiece's own normalisation (nmt_nfkc) is
not used, because it also rewrites full-width forms and ligatures, which decoding could not restore. Vocabularies of
imported models may differ: such a character is unknown, or text is normalised, as the models have learnt it.
"""

import io
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from nmt.disk.untrusted import read_small
from nmt.errors import DataError
from nmt.text.languages import script_of_letter
from nmt.text.lines import one_line
from nmt.text.normal import normal
from nmt.text.reserved import DIRECTIONS, FIRST_TERM_SIGN, RESERVED, SIGNS, SLOTS, TERM_SIGNS, direction_piece
from nmt.text.spm_format import FIRST_PLAIN, add_reserved, read_pieces, rename_in_pieces, with_bytes

PAD, UNK, BOS, EOS = 0, 1, 2, 3

# File names in datasets and model folders. A folder without the target's file has a joint vocabulary.
SOURCE_TOKENIZER, TARGET_TOKENIZER = "tokenizer.model", "tokenizer.target.model"

LARGEST_MODEL = 1 << 25  # bytes; real models have about 20 for each piece
_SPACE = "▁"  # SentencePiece's sign for a space, which a person may also type
_RESERVED = "▅"  # SentencePiece's trainer skips lines that hold this sign
_NONCHARACTERS = [chr(code) for code in range(0xFDD0, 0xFDF0)]  # no text has them, so they can replace those signs
# The number of threads decides the order of float sums, so it must be the same on every machine.
_TRAINING_THREADS = 4
# Characters. SentencePiece skips lines of over 4,192 bytes, and takes minutes for a long line that repeats itself.
_CUT = 1000
_TO_MEND = "make it again with nmt prepare; nmt export `to` nmt converts older models"


class Tokenizer:
    """Encoder and decoder by a SentencePiece model.

    Its first ids are padding, unknown, start and end; its last ids, from ``first_reserved`` on, are reserved pieces.
    """

    def __init__(self, model: bytes, name: str) -> None:
        """Load a serialised model; ``name`` stands for it in errors. Raises DataError for an invalid model."""
        import sentencepiece

        self._given = model, name
        try:
            pieces = read_pieces(model)
            spelling = with_bytes(model)
        except ValueError as error:
            raise DataError(f"{name} {error}", _TO_MEND) from None
        try:
            self._model: Any = sentencepiece.SentencePieceProcessor(model_proto=spelling or model)
        except (RuntimeError, ValueError, OSError):
            raise DataError(f"{name} is not a SentencePiece model", _TO_MEND) from None
        # An imported model may know no bytes. Texts are spelled all the same, to find signs in them, and then unknown.
        self._knows_bytes = spelling is None
        self.size = len(pieces)
        self.first_reserved = self.size - RESERVED
        # Characters; a text of N characters has at least N / longest pieces.
        self.longest = max(map(len, pieces[: self.first_reserved]))
        self.space = self._model.piece_to_id(_SPACE)
        self._space_bytes = self._bytes_of(_SPACE)
        ids = {**dict(enumerate(SIGNS)), **dict(enumerate(TERM_SIGNS, FIRST_TERM_SIGN))}
        self._signs = {self.first_reserved + place: sign for place, sign in ids.items()}
        self._sign_bytes = {id: self._bytes_of(sign) for id, sign in self._signs.items()}
        self._unknown = self._bytes_of("\ufffd")
        typed = [id for id, piece in enumerate(pieces) if any(sign in piece for sign in SIGNS)]
        slots = {self.first_reserved + place: self._bytes_of(sign) for place, sign in enumerate(SIGNS)}
        self._spelled_slots = {**dict.fromkeys(typed, self._unknown), **slots}
        # A noncharacter that is in no piece of this model can replace a typed "▁".
        text = "".join(pieces)
        self._stand_ins = [sign for sign in _NONCHARACTERS if sign not in text]

    def __reduce__(self) -> tuple[type[Self], tuple[bytes, str]]:
        """Its model, read anew in another process."""
        return type(self), self._given

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a model file. Raises MissingInputError, or DataError for an invalid model."""
        return cls(read_small(path, LARGEST_MODEL), str(path))

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        """Encode lines into piece ids, without special ids."""
        return self._known(self._spelled(lines))

    def _spelled(self, lines: Sequence[str]) -> list[list[int]]:
        """``encode`` with byte pieces for what has no piece."""
        # Normalising here, in training and in use, gives the same pieces for the same text in any spelling. A str may
        # hold lone surrogates, which UTF-8 cannot; like bytes that are not UTF-8, each becomes U+FFFD.
        texts = list(map(normal, lines))
        ids: list[list[int]] = self._model.encode(texts, out_type=int, num_threads=1)
        for row, text in enumerate(texts):
            if _SPACE in text:
                ids[row] = self._encode_typed_space_sign(text)
        return ids

    def _known(self, rows: list[list[int]]) -> list[list[int]]:
        """The ids with <unk> for each run of byte pieces, unless the model knows bytes."""
        if self._knows_bytes:
            return rows
        runs = ([UNK if EOS < id < FIRST_PLAIN else id for id in ids] for ids in rows)
        return [[id for before, id in zip([0, *ids], ids, strict=False) if id != UNK or before != UNK] for ids in runs]

    def encode_slotted(self, lines: Sequence[str], slotted: Iterable[object]) -> list[list[int]]:
        """``encode``, but the signs of ``nmt.text.slots`` become slots in those lines that are ``slotted``."""
        return self._with_signs(lines, [SIGNS if is_slotted else "" for is_slotted in slotted])

    def encode_annotated(self, lines: Sequence[str], slotted: Iterable[object]) -> list[list[int]]:
        """``encode_slotted``, but the signs of ``nmt.text.annotations`` become reserved pieces in all lines."""
        return self._with_signs(lines, [TERM_SIGNS + (SIGNS if is_slotted else "") for is_slotted in slotted])

    def _with_signs(self, lines: Sequence[str], signs: Sequence[str]) -> list[list[int]]:
        """``encode``, but the signs that each line has become the pieces that they stand for."""
        ids = self._spelled(lines)
        for row, (line, wanted) in enumerate(zip(lines, signs, strict=True)):
            if wanted and not line.isprintable():  # as all noncharacters
                for id, sign in self._signs.items():
                    if sign in wanted and sign in line:
                        ids[row] = _replaced(ids[row], self._sign_bytes[id], [id])
        return self._known(ids)

    def decode(self, pieces: Sequence[Sequence[int]]) -> list[str]:
        """Decode lists of ids into texts without line breaks; special and reserved ids are skipped."""
        if not len(pieces):
            return []
        text_ids = range(EOS + 1, self.first_reserved)
        texts: list[str] = self._model.decode([[int(id) for id in ids if int(id) in text_ids] for ids in pieces])
        return [one_line(text) for text in texts]

    def decode_slotted(self, pieces: Sequence[Sequence[int]]) -> list[str]:
        """``decode``, but slots become the signs of ``nmt.text.slots``, and signs that are spelled U+FFFD."""
        return self.decode([self._slots_spelled(list(map(int, ids))) for ids in pieces])

    def _slots_spelled(self, ids: list[int]) -> list[int]:
        if self._unknown[0] in ids:  # the first byte of every sign
            for sign in range(self.first_reserved, self.first_reserved + SLOTS):
                ids = _replaced(ids, self._sign_bytes[sign], self._unknown)
        return [byte for id in ids for byte in self._spelled_slots.get(id, (id,))]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The pieces of the ids as SentencePiece writes them, with ``▁`` for a space; for display."""
        return [self._model.id_to_piece(int(id)) for id in ids]

    def control_ids(self) -> list[int]:
        """All ids that no translation has: padding, unknown, start, end, and reserved pieces other than slots."""
        return [*range(EOS + 1), *range(self.first_reserved + SLOTS, self.size)]

    def tag(self, language: str) -> int | None:
        """The id of the reserved piece that asks for a translation into a language; None if there is none for it."""
        names = self.pieces(range(self.size - DIRECTIONS, self.size))
        name = direction_piece(language)
        return self.size - DIRECTIONS + names.index(name) if name in names else None

    def is_tag(self, id: int) -> bool:
        """Whether an id is that of a piece that asks for a language."""
        return self.size - DIRECTIONS <= id < self.size

    def has_bytes(self, ids: Sequence[int]) -> bool:
        """Whether the ids have a character without a piece of its own: spelled in byte pieces, or unknown."""
        return any(id == UNK or EOS < id < FIRST_PLAIN for id in ids)

    def is_strange(self, character: str) -> bool:
        """Whether a character has no piece, and is not a letter or digit of a script that has pieces."""
        if not self.has_bytes(self.encode([character])[0]):
            return False
        return not character.isalnum() or script_of_letter(character) not in self._scripts

    @cached_property
    def _scripts(self) -> set[str]:
        pieces = "".join(self.pieces(range(FIRST_PLAIN, self.first_reserved)))
        return {script_of_letter(character) for character in set(pieces) if character.isalnum()}

    def spell(self, ids: Sequence[int]) -> list[bytes]:
        """The UTF-8 bytes of each piece, with the space before a word; a byte piece has one.

        A slot and a sign of annotations have those of their sign, and other reserved pieces have none. What is unknown
        to an imported vocabulary is one U+FFFD.
        """
        return [self._spelling(int(id)) for id in ids]

    def _spelling(self, id: int) -> bytes:
        if id >= self.first_reserved:
            return self._signs.get(id, "").encode()
        if id == UNK:
            return "\ufffd".encode()
        piece: str = self._model.id_to_piece(id)
        return bytes([int(piece[3:5], 16)]) if self._model.is_byte(id) else piece.replace(_SPACE, " ").encode()

    def _encode_typed_space_sign(self, text: str) -> list[int]:
        # SentencePiece would take a typed "▁" for a space. A noncharacter in its place is encoded as byte pieces, which
        # are then replaced by the byte pieces of "▁".
        stand_in = next((sign for sign in self._stand_ins if sign not in text), " ")
        ids: list[int] = self._model.encode(text.replace(_SPACE, stand_in), out_type=int)
        return _replaced(ids, self._bytes_of(stand_in), self._space_bytes) if stand_in.strip() else ids

    def _bytes_of(self, character: str) -> list[int]:
        """The byte pieces that spell a character."""
        return [self._model.piece_to_id(f"<0x{byte:02X}>") for byte in character.encode()]


def _replaced(ids: list[int], old: list[int], new: list[int]) -> list[int]:
    """The ids with ``new`` wherever ``old`` stand side by side."""
    found, place = list[int](), 0
    while place < len(ids):
        if ids[place : place + len(old)] == old:
            found += new
            place += len(old)
        else:
            found.append(ids[place])
            place += 1
    return found


class SizeError(DataError):
    """A vocabulary size that does not fit the text, which needs ``least`` pieces or gives at most ``most`` (else 0)."""

    def __init__(self, size: int, least: int = 0, most: int = 0) -> None:
        word, bound = ("small", f"{least} or more") if least else ("large", f"{most} or fewer")
        super().__init__(f"a vocabulary of {size} pieces is too {word} for the text", f"choose {bound}, or auto")
        self.least, self.most = least, most


def train_tokenizer(
    lines: Iterable[str], kind: str, size: int, exact: bool = True, languages: Iterable[str] = ()
) -> bytes:
    """Learn a SentencePiece model of ``size`` pieces and the reserved pieces from lines, and return it serialised.

    The reserved pieces include directions for ``languages``, and ``size`` does not count them. ``kind`` is "unigram"
    (Kudo 2018) or "bpe" (Sennrich et al. 2016). Unless ``exact``, a text too small for ``size`` gives fewer pieces. The
    same lines give the same bytes on every machine. Keeps all lines in memory. Raises SizeError when the text gives
    fewer pieces or its characters need more, and DataError when there is no text.
    """
    texts = map(normal, lines)
    kept = [text[start : start + _CUT] for text in texts for start in range(0, len(text), _CUT)]
    if not any(text.strip(f"{_SPACE} ") for text in kept):
        raise DataError("there is no text to learn a vocabulary from", "look at the training text")
    # Rare characters are left to the byte pieces. If the size has no room for all others, the coverage is lowered.
    for coverage in (0.99995, 0.9995, 0.995, 0.98):
        try:
            return add_reserved(_train(kept, kind, size, exact, coverage), languages)
        except RuntimeError as error:
            message = str(error)
        if "required_chars" not in message:
            break
    if most := re.search(r"too high.*<= (\d+)", message):
        raise SizeError(size, most=int(most[1]))
    if least := re.search(r"required_chars.* vs (\d+)", message):
        raise SizeError(size, least=int(least[1]))
    raise DataError(f"SentencePiece cannot learn from this text: {message}", "look at the training text")


def _train(lines: list[str], kind: str, size: int, exact: bool, coverage: float) -> bytes:
    import sentencepiece

    model, stand_in = io.BytesIO(), ""
    if any(_RESERVED in line for line in lines):
        stand_in = next((sign for sign in _NONCHARACTERS if not any(sign in line for line in lines)), " ")
        lines = [line.replace(_RESERVED, stand_in) for line in lines]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type=kind,
        vocab_size=size,
        hard_vocab_limit=exact,
        character_coverage=coverage,
        byte_fallback=True,
        normalization_rule_name="identity",
        pad_id=PAD,
        unk_id=UNK,
        bos_id=BOS,
        eos_id=EOS,
        num_threads=_TRAINING_THREADS,
        minloglevel=5,
    )
    learnt = model.getvalue()
    return rename_in_pieces(learnt, stand_in.encode(), _RESERVED.encode()) if stand_in.strip() else learnt
