"""Files in object storage, by fsspec: a copy here stands for each while a command works. Knows addresses and files.

What is read is fetched first, and what is written is sent once it is whole. So a command resumes as it does with files
of this machine, and nobody sees a part of an output.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from nmt.disk.debris import remove
from nmt.disk.folders import temporary_folder
from nmt.disk.scratch import hold
from nmt.errors import (
    FULL,
    CannotCreateError,
    MissingInputError,
    NmtError,
    SettingsError,
    StorageError,
    UsageError,
    missing_extra,
    write_failed,
)
from nmt.store.cache import private_folder

_ADDRESS = re.compile(r"(?!file:|local:)[a-z][a-z0-9+]*://.+")
_HERE = re.compile(r"(?:file|local)://(/.*)")
_WEB = ("http", "https")
Tell = Callable[[str], None]


def is_remote(name: str) -> bool:
    """Whether it is an address, like ``s3://bucket/text.en``, of what is not a file of this machine."""
    return bool(_ADDRESS.fullmatch(name))


@dataclass
class Copies:
    """The inputs and the output of a command as paths of this machine."""

    inputs: list[Path]
    output: str | None
    address: str = ""  # where the output is sent; "" if it is of this machine
    _tell: Tell = field(default=lambda line: None, repr=False)
    _folder: Path | None = None  # of the copies, if it outlasts a command that fails

    def send(self, outputs: Sequence[Path | None]) -> None:
        """Send the files that the command has made, and remove the copies.

        Raises CannotCreateError or StorageError; then the copies stay for the same command.
        """
        for file in outputs if self.address else ():
            if file:
                self._send(file, self.address + file.name if self.address.endswith("/") else self.address)
        if self._folder:
            remove(self._folder)

    def _send(self, file: Path, address: str) -> None:
        self._tell(f"sending {shown_address(address)}")
        with _failing(address, writes=True):
            files, path = _opened(address)
            files.put_file(str(file), path)
            files.invalidate_cache()
            there, here = files.size(path), file.stat().st_size
        if there != here:
            raise StorageError(
                f"{shown_address(address)} has {there} bytes, and not {here}", "give the same command again"
            )


@contextmanager
def copied(inputs: Sequence[str], output: str | None, tell: Tell, lasting: bool = True) -> Iterator[Copies]:
    """The inputs and the output of a command, paths or addresses, as paths for the block.

    An output that ends in a slash is a folder. ``tell`` gets a line for each file that is fetched or sent. What a
    command with an output has made or fetched stays for the same one if it fails, unless it is not ``lasting``. Raises
    UsageError for a storage that does not exist or an output that is an input, SettingsError when a package is missing,
    BusyError when another process does the same, MissingInputError, CannotCreateError or StorageError for what cannot
    be read or written.
    """
    inputs = list(map(_of_this_machine, inputs))
    output = _of_this_machine(output) if output else output
    if not any(map(is_remote, [*inputs, output or ""])):
        yield Copies(list(map(Path, inputs)), output)
        return
    output = output or ""
    if is_remote(output):
        output = _checked_output(output)
        _refuse_input_as_output(inputs, output)
    names = [name if is_remote(name) else os.path.abspath(name) for name in (*inputs, output)]
    with ExitStack() as stack:
        if output and lasting:
            folder = private_folder("storage") / hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32]
            stack.callback(os.close, hold(folder))
        else:
            folder = stack.enter_context(temporary_folder(private_folder("storage")))
        made = Copies([], output or None, output if is_remote(output) else "", tell, folder if output else None)
        if made.address:
            (folder / "output").mkdir(exist_ok=True)
            made.output = str(folder / "output" / ("" if output.endswith("/") else _name_in(output)))
            made.output += "/" if output.endswith("/") else ""
        made.inputs = [_fetched(name, folder, tell) if is_remote(name) else Path(name) for name in inputs]
        yield made


def shown_address(address: str) -> str:
    """An address without what may be a password: the query of one on the web."""
    return address.partition("?")[0] if urlsplit(address).scheme in _WEB else address


def _of_this_machine(name: str) -> str:
    """The path of a file that is named as ``file:///path``; other names as they are."""
    found = _HERE.fullmatch(name)
    return found[1] if found else name


def _name_in(address: str) -> str:
    """The file name of an address; of a chain like ``zip://a.en::s3://b/c.zip`` that in its first part."""
    first = address.partition("::")[0]
    return PurePosixPath(urlsplit(first).path if urlsplit(first).scheme in _WEB else first.partition("://")[2]).name


def _checked_output(address: str) -> str:
    """The address of an output, with a slash at its end if it is a folder. Raises UsageError if it names no file.

    Reaches the storage: what cannot be reached is said before hours of work.
    """
    with _failing(address, writes=True), suppress(PermissionError):  # who may write there may perhaps not look
        files, path = _opened(address)
        if not address.endswith("/") and files.isdir(path):
            address += "/"
    if not address.endswith("/") and not _name_in(address):
        raise UsageError(f"{shown_address(address)} names no file", "name one, or a folder by a slash at its end")
    return address


def _refuse_input_as_output(inputs: Sequence[str], output: str) -> None:
    written = {_place(output + _name_in(name) if output.endswith("/") else output) for name in inputs}
    for name in inputs:
        if is_remote(name) and _place(name) in written:
            raise UsageError(f"{shown_address(name)} is an input as well", "name another output")


def _place(address: str) -> tuple[str, str, str]:
    """What all addresses of a file share: its kind of storage, that one's settings, and its path there."""
    with _failing(address):
        files, path = _opened(address)
    return type(files).__name__, str(files.storage_options), path


def _fetched(address: str, folder: Path, tell: Tell) -> Path:
    """The copy of a file; one that an earlier process fetched is taken if the file has not changed since."""
    with _failing(address):
        files, path = _opened(address)
        state = sorted(files.info(path).items())  # size, time, and what else a storage says
        place = folder / hashlib.sha256(f"{address} {state}".encode()).hexdigest()[:32]
        copy = place / _name_in(address)
        if not copy.exists():
            place.mkdir(exist_ok=True)
            partial = place / ".partial"
            tell(f"fetching {shown_address(address)}")
            files.get_file(path, str(partial))
            os.replace(partial, copy)
    return copy


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    name = shown_address(address)
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise SettingsError(f"to reach {name} takes fsspec", missing_extra("storage")) from None
    try:
        files, path = url_to_fs(address)
    except ImportError as error:  # its words say what to install
        raise SettingsError(f"cannot reach {name}", _line(error)) from None
    except ValueError as error:
        raise UsageError(f"cannot reach {name}: {_line(error)}", "check the address") from None
    return files, str(path)


@contextmanager
def _failing(address: str, writes: bool = False) -> Iterator[None]:
    """Turn what a storage's package raises, of whatever class, into an error with the address."""
    name, mend = shown_address(address), "check the address, its rights and the network"
    try:
        yield
    except NmtError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise write_failed(error.filename or name, error) from None
        if writes and isinstance(error, (FileNotFoundError, PermissionError)):
            raise CannotCreateError(
                f"cannot create {name}: {_line(error)}", "check the address and its rights"
            ) from None
        if isinstance(error, FileNotFoundError):
            raise MissingInputError(f"there is no file {name}", "check the address") from None
        raise StorageError(f"{name} failed: {_line(error)}", mend) from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
