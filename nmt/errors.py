"""What can go wrong, as a tree; each class knows the exit code that its command ends with.

NmtError                    70  a bug of ours, when nothing below fits
├── UsageError               2  the command line asks for something that does not exist
├── DataError               65  text, a dataset or a model file is not what it should be
├── MissingInputError       66  a file or folder that was named is not there
│   └── UnreadableError     66  it is there, and this user may not read it: which is no damage
├── CannotCreateError       73  an output cannot be made, or something else stands in its place
├── StorageError            74  reading or writing failed half-way, or the disk is full
├── BusyError               75  out of memory, or someone else holds it: try again
└── SettingsError           78  settings that do not fit together, or not with the run being resumed

Every error is two halves: what is wrong (with file and line), and how to mend it.
"""

import errno
from collections.abc import Iterable

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What the system says of a full disk, or of a file that may not grow."""

DISTRIBUTION = "nmt-toolkit"  # what pip calls us: on the registry the name ``nmt`` is somebody else's


class NmtError(Exception):
    """Base of all errors that a person is meant to read: ``what`` is wrong, and how to ``mend`` it."""

    exit_code = 70

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.what}; {self.mend}"


class UsageError(NmtError):
    exit_code = 2


class DataError(NmtError):
    exit_code = 65


class MissingInputError(NmtError):
    exit_code = 66


class UnreadableError(MissingInputError):
    pass


class CannotCreateError(NmtError):
    exit_code = 73


class StorageError(NmtError):
    exit_code = 74


class BusyError(NmtError):
    exit_code = 75


class SettingsError(NmtError):
    exit_code = 78


class NmtWarning(UserWarning):
    """Something that a person should know while the work goes on; the commands say it in a line."""


def write_failed(path: object, error: OSError) -> StorageError:
    """The error for a file or folder whose writing the system refused: a full disk has a remedy of its own."""
    return StorageError(
        f"writing {path} failed: {error.strerror}", "free some space there" if error.errno in FULL else "check the disk"
    )


def nearest(name: str, names: Iterable[str], otherwise: str = "") -> str:
    """How to mend a name that does not exist: the name that it comes near to, else all of them, or ``otherwise``."""
    from difflib import get_close_matches

    choices = list(names)
    near = get_close_matches(name[:100], choices, n=1, cutoff=0.7)  # blue is near to bleu, meteor not to ter
    return f"the nearest known name is {near[0]}" if near else otherwise or f"choose one of {', '.join(choices)}"


def missing_extra(extra: str) -> str:
    """How to mend that the packages of an extra are not installed: a command that fetches them and no other package.

    They are named themselves, as pyproject.toml requires them, so that the advice is right for every installation.
    """
    from importlib.metadata import PackageNotFoundError, requires

    try:
        required = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # run from the sources
        return f"install the extra {extra!r}, in the folder of the sources: pip install '.[{extra}]'"
    texts = [text.partition(";") for text in required]
    packages = [f"'{name.strip()}'" for name, _, marker in texts if f'extra=="{extra}"' in "".join(marker.split())]
    return f"install the extra {extra!r}: pip install {' '.join(packages)}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the exception of a library means that memory ran out: a device's, the CPU allocator's, or Python's own.

    Told by its words, because most libraries raise a RuntimeError, and those that do better are not imported here.
    """
    if isinstance(error, RuntimeError):
        return any(words in str(error) for words in _OUT_OF_MEMORY)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


_OUT_OF_MEMORY = ("out of memory", "allocate memory", "bad_alloc", "ALLOC_FAILED")


def shown(value: object, longest: int = 60) -> str:
    """A value out of a file, for an error's one line: quoted, cut, and without anything that a terminal would obey."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a nest of thousands of lists
        return f"a {type(value).__name__} too large to be shown"
    return text if len(text) <= longest else f"{text[:longest]}…"
