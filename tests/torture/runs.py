"""Mutated run folders: settings, metrics, checkpoints and the model of a run that is resumed for two updates."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from .forked import import_what_it_imports
from .mutated import Files, Mutated, done_well, files_of
from .mutations import NUMBERS, STRUCTURE, Dice, Mutation, change_json, replace_all, set_bytes
from .small import Small
from .strangers import told

STEPS = 4


@dataclass
class Runs(Mutated):
    """Mutations of every file of a run with two checkpoints, one file in each trial."""

    codes: ClassVar[set[int]] = {65, 66, 73, 78}  # bad, missing, in the way, and settings that are none or others

    def make(self, workplace: Path) -> list[Files]:
        from nmt.text.languages import language_name

        language_name("ko")  # reads a register of names, once
        small = Small(workplace)
        small.make()
        done_well(lambda: train(workplace / "made", STEPS))
        files = files_of(workplace / "made")
        import_what_it_imports(lambda: self.use(workplace / "made", 0))
        return [files]

    def structure(self, name: str) -> Sequence[Mutation]:
        file = Path(name).name
        if file in STRUCTURE:
            return STRUCTURE[file]
        return {
            "state.json": (change_json, change_counter),
            "training.safetensors": STRUCTURE["model.safetensors"],
            "metrics.jsonl": (change_metrics,),
            ".seconds": (replace_all, set_bytes, change_seconds),
            ".saved": (change_seconds,),
        }.get(file, ())

    def use(self, folder: Path, trial: int) -> list[list[Any]]:
        chance = Random(trial).random()
        part = "opened" if chance < 0.6 else "updated" if chance < 0.93 else "whole"
        return [told(lambda: train(folder, STEPS + 2, part))]


def train(folder: Path, steps: int, part: str = "whole") -> None:
    """Open the run, or also make an update and save, or train to the end."""
    import torch

    from nmt.training.opening import open_run
    from nmt.training.reporter import Reporter
    from nmt.training.request import TrainRequest, read_request

    class Heard(Reporter):
        def warn(self, message: str) -> None:
            assert message.isprintable(), f"not one line for a person: {message!r}"

    torch.set_num_threads(1)
    shape = dict(width=16, feed_forward=16, encoder_layers=1, decoder_layers=1, heads=2, dropout=0.1)
    training = {"steps": steps, "batch_tokens": 300, "validate_every": 100, "save_every": 2}
    request = TrainRequest(
        folder.parent / "data", folder, "tiny", ({"model": shape, "training": training},), cores=1, device="cpu"
    )
    with open_run(read_request(request), torch.device("cpu"), Heard()) as run:
        if part != "opened":
            run.train(lambda: part == "updated")


# --- mutations --------------------------------------------------------------------------------------------------------


def change_counter(data: bytes, dice: Dice) -> bytes:
    """Change a counter to a value that no run reaches, or a position that the data does not have."""
    numbers = [place for place, letter in enumerate(data) if letter in b"0123456789" and data[place - 1] in b" \n"]
    place = dice.choice(numbers)
    end = place
    while data[end] in b"0123456789.e-+":
        end += 1
    odd = (*(str(number) for number in NUMBERS if type(number) is not bool and number is not None), "1e18", str(10**15))
    return data[:place] + dice.choice(odd).encode() + data[end:]


def change_metrics(data: bytes, dice: Dice) -> bytes:
    lines = data.splitlines(keepends=True)
    place = dice.randrange(len(lines))
    lines[place] = dice.choice(
        (b"", b"\n", b"\0" * (1 << 22), b"x" * (1 << 20) + b"\n", b"\xff\n", b"{}", lines[place] * 1000)
    )
    return b"".join(lines)


def change_seconds(data: bytes, dice: Dice) -> bytes:
    return dice.choice(
        (b"inf\n", b"nan", b"-1\n", b"1e308\n", b"1e400", b"9" * 5000, b"1_0", "١".encode(), b"\0" * 1000, b"0x10")
    )


AREAS = (Runs("mutated runs", full=2000, quick=16),)
