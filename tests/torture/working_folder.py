"""Modules in the current folder with the names of modules that the program imports: none of them is ever run.

Uses real processes, because Python sets the import path when it starts.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .area import Trial, require
from .ends import LONGEST, Table, ended_well
from .forked import Setting, program
from .hooks import replace
from .small import PREPARE, TRAIN, Small

MODULES = """
    click collections ctranslate2 encodings filelock functools google hashlib json logging matplotlib multiprocessing
    nmt numpy pathlib pickle protobuf random re rich sacrebleu safetensors sentencepiece site sitecustomize socket
    sqlite3 subprocess tempfile threading tomllib torch typer types typing usercustomize warnings zstandard
"""
RUN = "ran.txt"
HOSTILE = f"import os\nopen({RUN!r}, 'a').write(__name__ + ' ')\nos._exit(99)\n"
PROGRAM = Path(sys.executable).with_name("nmt")

COMMANDS = (
    "inspect {run}",
    "train {data} -o new --devices 2 --steps 2 {training}",
    "train {data} -o new --steps 2 --verify-resume {training}",
    "train {data} -o new --steps 2 {training}",
    "train {data} -o new --steps 2 --plan {training}",
    "translate {run} {text}/valid.ko",
    "translate {run} {text}/valid.ko --engine torch -o new",
    "evaluate {run} {text}/valid",
    "evaluate --hyp {text}/valid.en --ref {text}/valid.en",
    "prepare {preparing} --train {text}/train --valid {text}/valid -o new",
    "inspect {run} --text 나는 -o new.svg",
    "inspect {run} --text 나는 -o new.html",
    "export {run} --to ctranslate2 -o new",
    "--help",
)


@dataclass
class WorkingFolder(Table):
    """Every command in such a folder; ``forked`` from this process for a control that changes the program."""

    name: str = "an adversary's working folder"
    full: int = 14
    quick: int = 1
    forked: bool = False

    def cases(self, workplace: Path) -> Iterable[Trial]:
        small = Small(workplace)
        small.make()
        ended_well(small.train(workplace / "run", steps=2), codes={0})
        for number, command in enumerate(COMMANDS):
            if "--devices" in command or not self.forked:
                yield command.partition(" {training}")[0], partial(self.trial, workplace, command, number)

    def trial(self, workplace: Path, command: str, number: int) -> None:
        hostile = workplace / f"hostile-{number}"
        hostile.mkdir()
        for module in MODULES.split():
            (hostile / f"{module}.py").write_text(HOSTILE)
        places = {"run": workplace / "run", "data": workplace / "data", "text": workplace}
        words = command.format(**places, training=TRAIN, preparing=PREPARE).split()
        if self.forked:
            code, said = self.in_a_child(words, hostile)
        else:
            ended = subprocess.run([PROGRAM, *words], cwd=hostile, capture_output=True, timeout=10 * LONGEST)
            code, said = ended.returncode, ended.stderr.decode("utf-8", "replace")
        ran = hostile / RUN
        require(not ran.exists(), f"it ran {ran.exists() and ran.read_text()}from the current folder")
        require(code == 0, f"ended with {code}: {said[-500:]}")

    def in_a_child(self, words: list[str], hostile: Path) -> tuple[int, str]:
        from .forked import run

        ended = run(program(*words, prepare=self.sabotage), Setting(folder=hostile, longest=LONGEST))
        return ended.code, ended.errors


def without_safe_path() -> None:
    """The program starts without Python's safe path."""

    def make(popen: Callable[..., Any]) -> Callable[..., Any]:
        def start(words: list[object], *arguments: Any, **options: Any) -> Any:
            return popen([word for word in words if word != "-P"], *arguments, **options)

        return start

    replace("subprocess:Popen", make)


AREAS = (WorkingFolder(),) if sys.platform == "linux" and os.access(PROGRAM, os.X_OK) else ()
