"""All errors of the program, as a tree; each class has the exit code of a command that ends with it.

NmtError                     70  a bug in nmt, when no class below fits
├── UsageError                2  the command line asks for something that does not exist
├── DataError                65  a text, a dataset or a model file is not what it should be
│   ├── OtherFormatError     65  a whole checkpoint, written by another version of nmt
│   ├── SizeError            65  a vocabulary size that does not fit the text
│   └── NotNumbersError      65  a model's outputs are not numbers: its training diverged
├── MissingInputError        66  a named file or folder is not there
│   └── UnreadableError      66  it is there, but this user may not read it: it is not damaged
├── CannotCreateError        73  an output cannot be created, or something else has its name
├── StorageError             74  reading or writing failed part-way, or the disk is full
├── BusyError                75  out of memory, or another process holds a file: try again
│   ├── Interrupted          75  a run was asked to stop while it made synthetic pairs
│   ├── PeerLostError        75  another process of a training run has ended
│   └── QueueFullError       75  a service has too much to do: ask again
└── SettingsError            78  settings that do not fit together, or not with the run being resumed

Every error says what is wrong (with file and line) and how to mend it. It names an argument in backticks, as
`beam_size`, and a setting by its key, as model.width; the command line prints the argument as its flag, --beam-size.
Knows no command and no flag.
"""

import errno
from collections.abc import Iterable

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Error numbers of the system for a full disk, or a file that may not grow."""

DISTRIBUTION = "nmt-toolkit"  # the name for pip: on the registry ``nmt`` is somebody else's


class NmtError(Exception):
    """The base of all errors meant for a person: ``what`` is wrong, and how to ``mend`` it."""

    exit_code = 70

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.what}; {self.mend}"


class UsageError(NmtError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class DataError(NmtError):
    """Text, a dataset or a model file is damaged or invalid."""

    exit_code = 65


class MissingInputError(NmtError):
    """A file or folder that was named does not exist."""

    exit_code = 66


class UnreadableError(MissingInputError):
    """A file or folder exists, but this user may not read it."""


class CannotCreateError(NmtError):
    """An output cannot be created, or something else is in its place."""

    exit_code = 73


class StorageError(NmtError):
    """Reading or writing failed, or the disk is full."""

    exit_code = 74


class BusyError(NmtError):
    """Memory ran out, or another process uses the output; trying again later may work."""

    exit_code = 75


class SettingsError(NmtError):
    """Settings are invalid, or do not fit each other or the run that is resumed."""

    exit_code = 78


class NmtWarning(UserWarning):
    """A warning for a person while the work continues; the commands print it in one line."""


def write_failed(path: object, error: OSError) -> StorageError:
    """The StorageError for a file or folder that the system did not write; a full disk has its own advice."""
    return StorageError(
        f"writing {path} failed: {error.strerror}", "free some space there" if error.errno in FULL else "check the disk"
    )


def nearest(name: str, names: Iterable[str], otherwise: str = "") -> str:
    """Advice for a name that does not exist: the nearest known name, else ``otherwise`` or all names."""
    from difflib import get_close_matches

    choices = list(names)
    near = get_close_matches(name[:100], choices, n=1, cutoff=0.7)  # blue is near bleu; meteor is not near ter
    return f"the nearest known name is {near[0]}" if near else otherwise or f"choose one of {', '.join(choices)}"


def missing_extra(extra: str) -> str:
    """Advice when an extra's packages are not installed: the pip command that installs them and nothing else.

    It names the packages as pyproject.toml requires them, so the command works however nmt was installed.
    """
    from importlib.metadata import PackageNotFoundError, requires

    try:
        required = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # run from the sources
        return f"install the extra {extra!r}, in the source folder: pip install '.[{extra}]'"
    texts = [text.partition(";") for text in required]
    packages = [f"'{name.strip()}'" for name, _, marker in texts if f'extra=="{extra}"' in "".join(marker.split())]
    return f"install the extra {extra!r}: pip install {' '.join(packages)}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a library's exception means out of memory: on a device, in the CPU's allocator, or in Python.

    Decided by its message: most libraries raise a plain RuntimeError, and the better ones are not imported here.
    """
    if isinstance(error, RuntimeError):
        return any(words in str(error) for words in _OUT_OF_MEMORY)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


_OUT_OF_MEMORY = ("out of memory", "allocate memory", "bad_alloc", "ALLOC_FAILED")


def shown(value: object, longest: int = 60) -> str:
    """A value from a file as an error shows it: quoted, cut to ``longest``, without control characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a nest of thousands of lists
        return f"a {type(value).__name__} too large to be shown"
    return text if len(text) <= longest else f"{text[:longest]}…"
