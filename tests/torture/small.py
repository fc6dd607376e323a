"""The small run used by most areas: its data, its command, and the comparison of two runs.

It is small enough to run thousands of times, and has all features of a run: dropout, several epochs and validations,
and checkpoints of which old ones are deleted.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmt.disk.manifest import read_manifest
from nmt.errors import NmtError

from .area import require
from .forked import Ended, Setting, Work, nothing, program, run
from .hooks import before, die_here
from .strace import Window

ROOT = Path(__file__).parents[2]
TRAINING_PAIRS, VALIDATION_PAIRS = 100, 4
PREPARE = "-s ko -t en --vocab-size 500 --workers 1 --quiet"
TRAIN = (
    "--preset tiny --set model.width=16 --set model.feed_forward=16 --set model.encoder_layers=1 "
    "--set model.decoder_layers=1 --set model.heads=2 --set model.dropout=0.1 --batch-tokens 300 "
    "--validate-every 4 --save-every 2 --threads 1 --device cpu --quiet"
)
STEPS = 8  # saves after updates 2, 4, 6, 8; validations, with the model exported if it is better, after 4 and 8
TWO_SAVES = Window(("nmt.training.selection:Selection.validate", 1), ("nmt.training.saving:Saver.save", 3))  # 4 and 6
LAST_SAVES = ("step-00000004", "step-00000006")  # the checkpoints of ``Small.interrupted``

READY: list[Path] = []  # where a dataset lies that areas need not prepare again, if this process has made one

Facts = dict[str, str]
Sabotage = Callable[[], None]


@dataclass(frozen=True)
class Small:
    """A folder with a prepared dataset, and the commands on it; ``sabotage`` is called in every training process."""

    workplace: Path
    sabotage: Sabotage = nothing

    @property
    def data(self) -> Path:
        return self.workplace / "data"

    def write_corpus(self) -> None:
        """Write a corpus: the first bundled pairs for training, and short pairs for validation, which takes longest."""
        pairs = [
            (ROOT / "data" / f"train.{language}").read_text(encoding="utf-8").splitlines(keepends=True)
            for language in ("ko", "en")
        ]
        rows = list(zip(*pairs, strict=True))[: TRAINING_PAIRS + 1000]
        short = sorted(rows[TRAINING_PAIRS:], key=lambda row: len(row[0]))[:VALIDATION_PAIRS]
        for name, part in (("train", rows[:TRAINING_PAIRS]), ("valid", short)):
            for language, lines in zip(("ko", "en"), zip(*part, strict=True), strict=True):
                (self.workplace / f"{name}.{language}").write_text("".join(lines), encoding="utf-8")

    def prepare(self, data: Path) -> Work:
        corpora = ("--train", self.workplace / "train", "--valid", self.workplace / "valid")
        return program("prepare", *PREPARE.split(), *corpora, "-o", data, prepare=self.sabotage)

    def train(self, folder: Path, *more: str | Path, steps: int = STEPS, hook: Callable[[], None] = nothing) -> Work:
        """The training command; the child calls the sabotage and then ``hook`` before it."""

        def prepare() -> None:
            self.sabotage()
            hook()

        command = ("train", self.data, "-o", folder, *TRAIN.split(), "--steps", str(steps), *more)
        return program(*command, prepare=prepare)

    def make(self) -> None:
        """Write the corpus and prepare it, or take the dataset that is ready. Raises Failed."""
        self.write_corpus()
        if READY:
            shutil.copytree(READY[0], self.data)
        else:
            finished(run(self.prepare(self.data)))

    def uninterrupted(self, steps: int = STEPS) -> tuple[Facts, float]:
        """The content of an uninterrupted run, and the seconds that it takes."""
        folder = self.workplace / f"uninterrupted-{steps}"
        ended = finished(run(self.train(folder, steps=steps)))
        return facts(folder), ended.seconds

    def interrupted(self) -> Path:
        """A run that was killed before its last save, with checkpoints of updates 4 and 6; to be copied and resumed."""
        folder = self.workplace / "interrupted"
        ended = run(self.train(folder, hook=before_the_last_save))
        require(ended.code == -9, f"the run was to be killed before its last save, but {ended}")
        return folder

    def goes_on_as(self, whole: Facts, folder: Path, setting: Setting | None = None) -> Ended:
        """Run the command again; it must succeed with the content of the uninterrupted run, and leave no debris."""
        ended = finished(run(self.train(folder), setting or Setting()))
        require_equal(facts(folder), whole)
        require_no_debris(folder)
        return ended


def before_the_last_save() -> None:
    before("nmt.store.run_folder:RunFolder.save_checkpoint", STEPS // 2, die_here)


def finished(ended: Ended) -> Ended:
    require(ended.code == 0, f"it was to end well, but {ended}")
    return ended


def facts(folder: Path) -> Facts:
    """The content of a finished run without times: model, last checkpoint, state and metrics."""
    checkpoint = max((folder / "checkpoints").glob("step-" + "[0-9]" * 8))
    content = {"last checkpoint": checkpoint.name}
    for part in (folder / "model", checkpoint):
        for path in sorted(part.iterdir()):
            name = f"{part.name}/{path.name}"
            if path.name == "state.json":
                content[name] = json.dumps(without_times(json.loads(path.read_text(encoding="utf-8"))), sort_keys=True)
            elif path.name != "manifest.json":
                content[name] = digest(path)
    manifest = read_manifest(folder / "model")
    content["model/manifest.json"] = json.dumps(without_times(manifest), sort_keys=True)
    for number, line in enumerate((folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines(), start=1):
        content[f"metrics, line {number}"] = json.dumps(without_times(json.loads(line)), sort_keys=True)
    return content


def without_times(value: Any) -> Any:
    """The value without fields that depend on time."""
    if isinstance(value, Mapping):
        return {key: without_times(inner) for key, inner in value.items() if not key.endswith(("seconds", "second"))}
    return value


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def require_equal(actual: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    odd = [name for name in {**wanted, **actual} if actual.get(name) != wanted.get(name)]
    if odd:
        first = f"{odd[0]} is {actual.get(odd[0])}, not {wanted.get(odd[0])}"
        require(False, f"differs from the uninterrupted one in {', '.join(odd)}: {first}")


def require_no_debris(folder: Path) -> None:
    """Require that nothing incomplete, half-deleted or moved aside is in the folder or beside it."""
    debris = [path for path in [*folder.parent.iterdir(), *folder.rglob("*")] if is_debris(path.name)]
    debris += [path for path in checkpoints(folder) if not (path / "manifest.json").exists()]
    require(not debris, f"debris was left: {', '.join(map(str, debris))}")


def clear(folder: Path) -> None:
    """Remove the outputs of a trial, and debris beside them."""
    for path in [folder, *(path for path in folder.parent.iterdir() if is_debris(path.name))]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def is_debris(name: str) -> bool:
    return name.endswith(".bad") or (name.startswith(".") and (".partial" in name or ".old" in name))


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoint folders of a run, oldest first."""
    return sorted((folder / "checkpoints").glob("step-" + "[0-9]" * 8))


def require_whole(folder: Path) -> None:
    """Require that the model and every checkpoint with a manifest are complete."""
    for part in [folder / "model", *checkpoints(folder)]:
        if (part / "manifest.json").exists():
            try:
                read_manifest(part)
            except NmtError as error:
                require(False, f"a broken {part.name} looks whole: {error}")


def contents(folder: Path) -> Facts:
    """Every path below the folder, with its content."""
    return {
        str(path.relative_to(folder)): digest(path) if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }
