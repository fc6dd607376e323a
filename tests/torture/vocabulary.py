"""Mutations of a SentencePiece model: one of its protobuf messages is changed."""

import random
import struct
from collections.abc import Sequence

from .protobuf import Field, fields, serialised

Dice = random.Random

VARINTS = [0, 1, 2, 3, 4, 5, 6, 7, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1, 1000]
SCORES = [
    struct.pack("<f", score) for score in (float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 1e-45, 0.0, -5)
]
STRINGS = [b"", b"\n", b"\0", b"a\0b", b"\xff\xfe", b"<s>", b"</s>", b"<0x0A>", "▁".encode(), b"x" * 50_000, b"y" * 100]
STRINGS += ["<0>▁".encode(), b"\xed\xa0\x80", b"\t", "\u2028".encode(), "\x85".encode(), "\u202e".encode(), b"plain"]


def change_field(message: list[Field], dice: Dice, numbers: Sequence[int]) -> list[Field]:
    """Change a field of a message: an odd value, repeated, removed, or of another type."""
    number = dice.choice(numbers)
    value: int | bytes = dice.choice(VARINTS) if dice.random() < 0.6 else dice.choice(STRINGS)
    kept = message if dice.random() < 0.15 else [field for field in message if field[0] != number]
    return kept if dice.random() < 0.1 else [*kept, (number, 0 if isinstance(value, int) else 2, value)]


def change_piece(piece: list[Field], dice: Dice) -> list[Field]:
    match dice.randrange(4):
        case 0:
            return [field if field[0] != 1 else (1, 2, dice.choice(STRINGS)) for field in piece]
        case 1:
            return [field if field[0] != 2 else (2, 5, dice.choice(SCORES)) for field in piece]
        case 2:
            return [*(field for field in piece if field[0] != 3), (3, 0, dice.choice(VARINTS))]
        case _:
            return change_field(piece, dice, (1, 2, 3, 4, 200))


def charsmap(dice: Dice) -> bytes:
    """A compiled table of rewriting rules with mostly random content: the size of a trie, the trie, texts."""
    odd = (0, dice.getrandbits(32), 0xFFFFFFFF, 0x80000000, 0x80000100, 0x7FFFFFFF)
    trie = b"".join(struct.pack("<I", dice.choice(odd)) for _ in range(dice.choice((0, 1, 256, 512, 1024))))
    size = dice.choice((len(trie), len(trie), len(trie) // 2, 2**32 - 1, len(trie) + 1))
    return struct.pack("<I", size) + trie + dice.randbytes(dice.randrange(200))


def change_pieces(data: bytes, dice: Dice) -> bytes:
    top = fields(data)
    places = [place for place, field in enumerate(top) if field[0] == 1]
    some = dice.choice((places[:4], places[4:260], places[260:-64], places[-64:], places))
    for place in dice.sample(some, min(len(some), dice.choice((1, 1, 5, 1000)))):
        top[place] = (1, 2, serialised(change_piece(fields(bytes(top[place][2])), dice)))
    match dice.randrange(8):
        case 0:
            top.insert(dice.randrange(len(top)), dice.choice(top))
        case 1:
            del top[dice.randrange(len(top))]
        case 2:
            dice.shuffle(top)
        case 3:
            top = [field for field in top if field[0] != 1] + [field for field in top if field[0] == 1]
    return serialised(top)


def change_settings(data: bytes, dice: Dice) -> bytes:
    """Change a setting of the trainer or the normalizer, or add a part that nmt's models do not have."""
    top = fields(data)
    place = dice.choice([place for place, field in enumerate(top) if field[0] != 1])
    message = fields(bytes(top[place][2]))
    if top[place][0] == 2:
        message = change_field(message, dice, (3, 4, 24, 26, 30, 31, 35, 40, 41, 42, 43, 44, 45, 46, 47, 48, 53, 200))
    elif dice.random() < 0.4:
        message = [field if field[0] != 2 else (2, 2, charsmap(dice)) for field in message]
    else:
        message = change_field(message, dice, (1, 2, 3, 4, 5, 6, 200))
    top[place] = (top[place][0], 2, serialised(message))
    if dice.random() < 0.2:
        odd = serialised([(2, 2, charsmap(dice))])
        top.append((dice.choice((2, 3, 4, 5, 6, 200)), 2, dice.choice((odd, b"", b"\x0a\x01a", b"x" * 1000))))
    return serialised(top)
