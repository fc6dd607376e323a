"""COMET (Rei et al. 2020), computed by its own command in an environment of its own. Knows that command; no model."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nmt.disk.folders import temporary_folder
from nmt.disk.untrusted import read_small, strict_json
from nmt.errors import SettingsError
from nmt.scoring.significance import Counts
from nmt.text.lines import one_line

COMMAND = "comet-score"
LARGEST_ANSWER = 1 << 30  # bytes
_TO_JSON = "to_json"  # the flag of COMET's, not of ours, that names the file of its answer
_INSTALL = "install it in an environment of its own (pip install unbabel-comet), and name its comet-score by `comet`"


def find_command(text: str) -> tuple[str, ...]:
    """The words of a command line that calls comet-score. Raises SettingsError when there is no such program."""
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise SettingsError(f"`comet` {text!r} is no command: {error}", "write it as in a shell") from None
    if not shutil.which(command[0] if command else ""):
        raise SettingsError(f"COMET is not installed here: there is no command {text!r}", _INSTALL)
    return tuple(command)


class CometMeasure:
    """COMET as a Measure: the score of a corpus is the mean of its lines' scores, in points of 100.

    It compares with the source and one reference, the first. Raises SettingsError when the command fails.
    """

    bounds = (float("-inf"), float("inf"))

    def __init__(self, command: Sequence[str], sources: Sequence[str], references: Sequence[str]) -> None:
        self.command = list(command)
        self.sources, self.references = sources, references

    def counts(self, outputs: Sequence[Sequence[str]]) -> list[Counts]:
        import numpy as np

        with temporary_folder() as folder:
            files = [folder / f"{number}.txt" for number in range(2 + len(outputs))]
            for file, lines in zip(files, (self.sources, self.references, *outputs), strict=True):
                file.write_text("".join(f"{one_line(line)}\n" for line in lines), encoding="utf-8")
            source, reference, *translations = map(str, files)
            answer = folder / "scores.json"
            self.run(["-s", source, "-r", reference, "-t", *translations, f"--{_TO_JSON}", str(answer)])
            scores = self.read(answer, len(outputs))
        return [np.stack([100 * np.array(lines, np.float64), np.ones(len(lines))], axis=1) for lines in scores]

    def run(self, arguments: Sequence[str]) -> None:
        """Call the command, whose Python must not find the packages of ours."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run([*self.command, *arguments], capture_output=True, env=environment, check=False)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
            raise SettingsError(
                f"{self.command[0]} ended with {done.returncode}: {said[-1][:300]}", "try it by itself, then again here"
            )

    def read(self, answer: Path, systems: int) -> list[list[float]]:
        """The scores of each system's lines. Raises SettingsError for an answer of another form."""
        try:
            found: Any = strict_json(read_small(answer, LARGEST_ANSWER))
            scores = [[float(line["COMET"]) for line in lines] for lines in found.values()]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            scores, problem = [], str(error)
        else:
            problem = f"{len(scores)} systems"
        if len(scores) != systems or any(len(lines) != len(self.sources) for lines in scores):
            raise SettingsError(
                f"{self.command[0]} wrote no score for each line: {problem[:100]}", "install unbabel-comet 2 or later"
            )
        return scores

    def score(self, counts: Counts) -> float:
        return float(counts[0] / counts[1])

    def line_score(self, counts: Counts) -> float:
        return self.score(counts)

    def signature(self, confidence: bool) -> str:
        return shlex.join([Path(self.command[0]).name, *self.command[1:]])
