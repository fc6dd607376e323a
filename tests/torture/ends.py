"""How a command may end, whatever was done to it: successfully, or with one line and a documented exit code; no hang.

The cases of a table are each run in a child; files that the command must not change are compared byte for byte.
"""

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .area import Trial, failures_of, require, spread
from .forked import Ended, Setting, Work, nothing, run
from .small import Sabotage

CODES = frozenset({0, 2, 65, 66, 73, 74, 75, 78})
LONGEST = 60  # seconds, after which a child waits for what never comes
ALL = 1_000_000  # trials: every case of a table

# Control characters and what turns the order of text around: of stderr only a line end may come through.
_OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# Of text that a model copies the tab may, and what other scripts need.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")

State = Mapping[str, str]  # what stands somewhere, by path


@dataclass
class Table:
    """An area whose trials are the cases of a table: all of them, or an evenly spread part."""

    sabotage: Sabotage = nothing
    tried: int = field(default=0, init=False)

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        cases = list(self.cases(workplace))
        chosen = [cases[index] for index in spread(len(cases), trials)]
        self.tried = len(chosen)
        return failures_of(chosen)

    def cases(self, workplace: Path) -> Iterable[Trial]:
        """Make what the cases need, and return all cases."""
        raise NotImplementedError


def ended_well(work: Work, setting: Setting | None = None, codes: Collection[int] = CODES) -> Ended:
    """Run the work in a child. Raises Failed unless it ends by itself in a documented way."""
    ended = run(work, setting or Setting(longest=LONGEST))
    require(ended.code in codes, f"an end that is none: {ended}")
    errors = [line for line in ended.errors.split("\n") if line.startswith("nmt: error: ")]
    require(len(errors) == bool(ended.code) and "Traceback" not in ended.errors, f"not one line of error: {ended}")
    obeyed = _OBEYED.search(ended.errors) or _CONTROLS.search(ended.output)
    require(not obeyed, f"a terminal would obey {obeyed and obeyed[0]!r}: {ended.errors!r} {ended.output[-300:]!r}")
    return ended


def state_of(places: Sequence[Path]) -> State:
    """Kind, owner, permissions and content of everything at and below the places, without times."""
    states: dict[str, str] = {}
    waiting = [path for path in places if os.path.lexists(path)]
    while waiting:
        path = waiting.pop()
        about = path.lstat()
        held = ""
        if stat.S_ISLNK(about.st_mode):
            held = os.readlink(path)
        elif stat.S_ISREG(about.st_mode):
            held = hashlib.sha256(path.read_bytes()).hexdigest()
        elif stat.S_ISDIR(about.st_mode):
            waiting += path.iterdir()
        states[str(path)] = f"{about.st_mode:o} of {about.st_uid} with {held}"
    return states


def require_unchanged(before: State, after: State, new: bool = False) -> None:
    """Raise Failed if anything changed; with ``new``, files may have been added."""
    odd = [path for path, was in before.items() if after.get(path) != was]
    odd += [] if new else [path for path in after if path not in before]
    if odd:
        require(False, f"changed: {odd[0]} was {before.get(odd[0])}, is {after.get(odd[0])} ({len(odd)} in all)")
