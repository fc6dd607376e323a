"""Mutated datasets: opened, planned, read, trained on for two updates, and asked for the origins of rows."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from .forked import import_what_it_imports
from .mutated import Files, Mutated, done_well, files_of
from .mutations import Dice, Mutation, change_json
from .small import Small
from .strangers import TEXT, told
from .vocabulary import change_pieces, change_settings

TEXTS = ("", "\n", "\r\n", "\0\n", "\x1b[2J\n", "\ud800", "x" * (1 << 21), "a\tb\tc\n", "한국어\n")
LITTLE = 100  # bytes; in half of the trials a larger file is hashed when it is first read


@dataclass
class Datasets(Mutated):
    """Mutations of every file of two datasets: one joint; one with two vocabularies, two corpora and a weight."""

    codes: ClassVar[set[int]] = {65, 66}  # bad, or missing

    def make(self, workplace: Path) -> list[Files]:
        small = Small(workplace)
        small.write_corpus()
        (workplace / "more.ko").write_text("\n".join(TEXT) + "\n\n")
        (workplace / "more.en").write_text("\n".join(TEXT) + "\n\n")
        folders = [workplace / "one", workplace / "two"]
        done_well(*(lambda folder=folder: prepare(workplace, folder) for folder in folders))
        import_what_it_imports(*(lambda trial=trial: self.use(folders[0], trial) for trial in range(20)))
        return [files_of(folder) for folder in folders]

    def structure(self, name: str) -> Sequence[Mutation]:
        if name.endswith(".json"):
            return (change_json,)
        if name.endswith("-rows.bin"):
            return (change_records,)
        if name.endswith(".bin"):
            return (change_ids,)
        if name.endswith(".txt"):
            return (change_lines,)
        return (change_dropped,) if name.endswith(".gz") else (change_pieces, change_settings, cut_vocabulary)

    def use(self, folder: Path, trial: int) -> list[list[Any]]:
        from nmt.corpus import item_file
        from nmt.corpus.cleaning import Cleaning
        from nmt.corpus.dataset import Dataset

        chance = Random(trial)
        if chance.random() < 0.5:
            item_file.HASHED_AT_OPENING = LITTLE

        def ask() -> None:
            data = Dataset.open(folder)
            data.origins(range(min(len(data.train), 5)))

        return [
            told(lambda: train(folder, whole=chance.random() < 0.1)),
            told(ask),
            told(lambda: Cleaning.open(folder)),
        ]

    def misses(self, name: str, said: Sequence[Sequence[Any]]) -> str:
        return "" if any(said) else "the hashes were wrong, and it worked"


def prepare(workplace: Path, folder: Path) -> None:
    from nmt.config import PrepareOptions
    from nmt.corpus.prepare import PrepareRequest
    from nmt.corpus.prepare import prepare as make

    train, valid, more = (workplace / name for name in ("train", "valid", "more"))
    is_joint = folder.name == "one"
    corpora, weights = ((train,), ()) if is_joint else ((train, more), (1.0, 2.5))
    request = PrepareRequest("ko", "en", corpora, valid if is_joint else None, (), folder, weights)
    make(request, PrepareOptions(vocab_size=500 if is_joint else 520, joint_vocab=is_joint, max_length=40))


def train(folder: Path, whole: bool) -> None:
    """Train two updates, as a ``whole`` run with validation or without."""
    from itertools import islice

    import numpy as np
    import torch

    from nmt.corpus.batches import blocks, plan_block, read_batch
    from nmt.training.loop import train_steps
    from nmt.training.opening import fresh_state, open_run
    from nmt.training.reporter import Reporter
    from nmt.training.request import TrainRequest, read_request
    from nmt.training.validation import length_factor

    torch.set_num_threads(1)
    shape = dict(width=16, feed_forward=16, encoder_layers=1, decoder_layers=1, heads=2, dropout=0.0)
    layer = {"model": shape, "training": {"steps": 2, "batch_tokens": 200, "bidirectional": 0.0}}
    request = TrainRequest(folder, folder.parent / "run", "tiny", (layer,), device="cpu", cores=1, overwrite=True)
    device = torch.device("cpu")
    if whole:
        with open_run(read_request(request), device, Reporter()) as run:
            run.train(lambda: False)
        return
    job = read_request(request)
    data, config = job.data, job.config
    for split in (data.train, data.valid):
        for block in range(blocks(len(split))):
            for rows in plan_block(split, config.training.batch_tokens, 1, 0, block):
                read_batch(split, rows)
    length_factor(data)
    state = fresh_state(job, device)
    assert all(np.isfinite(update.loss) for update in islice(train_steps(state, data.train, config.training), 2))


# --- mutations --------------------------------------------------------------------------------------------------------


def change_records(data: bytes, dice: Dice) -> bytes:
    """Make fields of some rows negative, huge, or just out of bounds."""
    import numpy as np

    from nmt.corpus.shards import ROW

    records = np.frombuffer(data[: len(data) // ROW.itemsize * ROW.itemsize], ROW).copy()
    for _ in range(dice.choice((1, 1, 3, 50))):
        row, name = dice.randrange(len(records)), dice.choice(ROW.names or ())
        bits = 8 * ROW[name].itemsize - 1
        old = int(records[row][name])
        odd = (-1, 1, 2**bits - 1, -(2**bits), 2**31 - 1, old + 1, old - 1, 10**6, 41, dice.randrange(5000))
        records[name][row] = dice.choice([value for value in odd if -(2**bits) <= value < 2**bits])
    match dice.randrange(8):
        case 0:
            return records[dice.randrange(len(records)) :].tobytes()
        case 1:
            return records.tobytes() + records[: dice.randrange(len(records))].tobytes()
        case 2:
            return bytes(len(data) * dice.choice((1, 2, 1000)))
    return records.tobytes()


def change_ids(data: bytes, dice: Dice) -> bytes:
    """Change ids to special pieces or to ids outside the vocabulary."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 3, 100))):
        place = 2 * dice.randrange(len(data) // 2)
        piece = dice.choice((0, 1, 2, 3, 499, 500, 519, 520, 563, 564, 583, 584, 0x7FFF, 0xFFFF))
        changed[place : place + 2] = piece.to_bytes(2, "little")
    return bytes(changed)


def change_lines(data: bytes, dice: Dice) -> bytes:
    lines = data.decode().splitlines(keepends=True)
    for _ in range(dice.choice((1, 1, 3))):
        place = dice.randrange(len(lines))
        lines[place] = dice.choice((*TEXTS, lines[place] * 2, lines[place].strip()))
    return "".join(lines).encode("utf-8", "surrogatepass")


def change_dropped(data: bytes, dice: Dice) -> bytes:
    lines = gzip.decompress(data).decode().splitlines(keepends=True) or ["a\t1\tempty\n"]
    place = dice.randrange(len(lines))
    odd = ("\t", "\t\t\n", "a\t-1\tb\n", f"a\t{2**70}\tb\n", "a\t²\tb\n", f"a\t{'9' * 5000}\tb\n", "a\t1\tb\n" * 10_000)
    lines[place] = dice.choice((*odd, *TEXTS))
    return gzip.compress("".join(lines).encode("utf-8", "surrogatepass"))


def cut_vocabulary(data: bytes, dice: Dice) -> bytes:
    """Remove the last plain pieces, which leaves a valid vocabulary of another size."""
    from nmt.text.reserved import RESERVED

    from .protobuf import fields, serialised

    top = fields(data)
    plain = [place for place, field in enumerate(top) if field[0] == 1][:-RESERVED]
    last = plain[-dice.choice((1, 10)) :]
    return serialised([field for place, field in enumerate(top) if place not in last])


AREAS = (Datasets("mutated datasets", full=5000, quick=24),)
