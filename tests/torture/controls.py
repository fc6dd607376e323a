"""Negative controls: the same tests on a program with one safeguard removed. Each must report a failure."""

import gzip
import lzma
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zstandard

from .area import Control, Sabotaged
from .caches import Caches
from .damage import Damaged, flip
from .datasets import Datasets
from .disk import NoRoomAtEachCall
from .escapes import Escapes
from .hooks import replace
from .inputs import OutputsThatAreInputs
from .kills import KilledAtEachCall
from .links import CHECKPOINTS, Links
from .memory import Memory
from .order import Order
from .races import Races
from .services import HalfOpen, KilledServices, LevelMemory
from .signals import TRAINING, Signals
from .streams import DamagedStreams
from .working_folder import WorkingFolder, without_safe_path

Function = Callable[..., Any]


def without_sync_of(name: Callable[[Path], bool]) -> Callable[[], None]:
    """fsync does nothing for files and folders with such a path."""

    def make(fsync: Function) -> Function:
        def sync_the_others(descriptor: int) -> None:
            if not name(Path(os.readlink(f"/proc/self/fd/{descriptor}"))):
                fsync(descriptor)

        return sync_the_others

    return lambda: replace("os:fsync", make)


def without_seeds() -> None:
    """Dropout is not seeded; the first weights still are."""
    from nmt.training.gradients import WEIGHT_INIT

    def make(random_number: Function) -> Function:
        def seed_the_weights(seed: int, update: int, *rest: int) -> int:
            return int(random_number(seed, update, *rest)) if update == WEIGHT_INIT else secrets.randbits(64)

        return seed_the_weights

    replace("nmt.training.gradients:random_number", make)


def without_position() -> None:
    """A resumed run starts again with the first batch."""

    def spoil(state: Any) -> None:
        state.counters.position = type(state.counters.position)()

    after_restoring(spoil)


def without_moments() -> None:
    """A resumed run starts with an empty optimizer state."""
    after_restoring(lambda state: state.optimizer.state.clear())


def after_restoring(spoil: Callable[[Any], None]) -> None:
    def make(restore: Function) -> Function:
        def restore_and_spoil(state: Any, *arguments: Any) -> None:
            restore(state, *arguments)
            spoil(state)

        return restore_and_spoil

    replace("nmt.training.state:TrainState.restore", make)


def without_lock() -> None:
    """Every process gets every lock."""

    @contextmanager
    def exclusive(*arguments: Any, **options: Any) -> Iterator[None]:
        yield

    replace("nmt.disk.locks:exclusive", lambda function: exclusive)


def without_rename() -> None:
    """Folders are written in place, file by file."""

    @contextmanager
    def create_folder(path: Path, *arguments: Any, **options: Any) -> Iterator[Path]:
        path.mkdir(parents=True, exist_ok=True)
        for tensors in path.glob("*.safetensors"):  # which are written to new files alone
            tensors.unlink()
        yield path

    replace("nmt.disk.folders:create_folder", lambda function: create_folder)


def without_hashes() -> None:
    """Files are not compared with their manifest."""
    replace("nmt.disk.manifest:check_file", lambda function: lambda *arguments, **options: None)


def without_bounds() -> None:
    """The records of a dataset's rows are not checked."""
    import numpy as np

    from nmt.corpus.shards import ROW
    from nmt.errors import DataError

    def make(records: Function) -> Function:
        def taken_at_its_word(split: Any, rows: Any) -> Any:
            try:
                return records(split, rows)
            except DataError:
                return np.frombuffer(b"".join(split._table.read(row, 1) for row in rows.tolist()), ROW)

        return taken_at_its_word

    replace("nmt.corpus.shards:Split._records", make)


def without_hashes_of_large_files() -> None:
    """Large files of a dataset, which are not hashed at opening, are never hashed."""
    from nmt.corpus import item_file

    def make(verify: Function) -> Function:
        def verify_if_small(file: Any) -> None:
            if file.items * file.kind.itemsize <= item_file.HASHED_AT_OPENING:
                verify(file)

        return verify_if_small

    replace("nmt.corpus.item_file:ItemFile._verify", make)


def without_tidying() -> None:
    """Incomplete files and folders are left behind after a failure."""
    replace("shutil:rmtree", lambda function: lambda *arguments, **options: None)


def without_refusing_links() -> None:
    """A run is trained in a folder that holds links, and its folders are opened by name."""

    @contextmanager
    def followed(folder: Path) -> Iterator[Path]:
        yield folder

    replace("nmt.store.run_folder:RunFolder.refuse_links", lambda function: lambda self: None)
    replace("nmt.disk.pinned:pinned", lambda function: followed)


def without_checking_outputs() -> None:
    """Outputs are not checked against inputs."""
    replace("nmt.disk.outputs:check_outputs", lambda function: lambda *arguments, **options: None)


def with_pythons_own_readers() -> None:
    """Compressed files are read by the readers of Python and of zstandard."""
    replace("nmt.disk.compression:decompressor", lambda function: lenient)


def lenient(path: Path, file: Any) -> Any:
    readers: dict[str, Callable[[], Any]] = {
        ".gz": lambda: gzip.GzipFile(fileobj=file),
        ".xz": lambda: lzma.LZMAFile(file),  # noqa: SIM115  # open as long as it is read
        ".zst": lambda: zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True),
    }
    return readers[path.suffix]()


def without_printable() -> None:
    """Text from outside is shown without escaping."""
    replace("nmt.text.lines:printable", lambda function: lambda text: text)


def without_longest_line() -> None:
    """Lines have no length limit."""
    import nmt.text.lines

    nmt.text.lines.LONGEST_LINE = 1 << 40


def without_the_port_again() -> None:
    """A port whose last connections are still known is not had again."""

    def make(setsockopt: Function) -> Function:
        def set_the_others(connection: socket.socket, level: int, option: int, value: int) -> None:
            if option != socket.SO_REUSEADDR:
                setsockopt(connection, level, option, value)

        return set_the_others

    replace("socket:socket.setsockopt", make)


def without_pieces() -> None:
    """Answers are sent as a whole, to clients that do not read, too."""
    import nmt.serve.observing

    nmt.serve.observing.PIECE = 1 << 40


def without_forgetting() -> None:
    """Requests are kept when they are answered."""
    kept: list[Any] = []

    def make(translate: Function) -> Function:
        async def keep_and_translate(request: Any) -> Any:
            kept.append(request)
            return await translate(request)

        return keep_and_translate

    replace("nmt.serve.translating:translate", make)


def stopped_and_resumed(sabotage: Callable[[], None]) -> Signals:
    return Signals(TRAINING, sabotage)


CONTROLS: tuple[Control, ...] = (
    Sabotaged(
        "without the fsync of one file of a save",
        Order(without_sync_of(lambda path: path.name == "training.safetensors")),
        trials=1,
        words="training.safetensors was not synced before",
    ),
    Sabotaged(
        "without the fsync of the metrics",
        Order(without_sync_of(lambda path: path.name == "metrics.jsonl")),
        trials=1,
        words="metrics.jsonl was not synced before",
    ),
    Sabotaged(
        "without the fsync of a save's folder",
        Order(without_sync_of(lambda path: ".partial" in path.name and path.is_dir())),
        trials=1,
        words="was not synced before the rename",
    ),
    Sabotaged(
        "without the fsync of the folder above",
        Order(without_sync_of(lambda path: path.name == "checkpoints")),
        trials=1,
        words="was not synced after the rename",
    ),
    Sabotaged(
        "without the seeds of each update's dropout", stopped_and_resumed(without_seeds), trials=1, words="differs"
    ),
    Sabotaged(
        "without the position in the data restored", stopped_and_resumed(without_position), trials=1, words="differs"
    ),
    Sabotaged(
        "without the optimizer's moments restored", stopped_and_resumed(without_moments), trials=1, words="differs"
    ),
    Sabotaged("without the lock", Races(without_lock), trials=2, words="of them work"),
    Sabotaged("without the hashes checked", Damaged("", flip, 0, 0, without_hashes), trials=4, words="to warn once"),
    Sabotaged(
        "without the bounds of rows",
        Datasets("", 0, 0, without_bounds, rewritten=1.0, only="-rows.bin"),
        trials=20,
        words="of seed",
    ),
    Sabotaged(
        "without the hashes of large shards",
        Datasets("", 0, 0, without_hashes_of_large_files, rewritten=0.0, only=".source.bin"),
        trials=100,
        words="the hashes were wrong, and it worked",
    ),
    Sabotaged(
        "without the hashes of the cache",
        Caches("", 0, 0, without_hashes, only="model.bin"),
        trials=30,
        words="of seed",
    ),
    Sabotaged("without tidying after a failure", NoRoomAtEachCall(without_tidying), trials=4, words="debris was left"),
    Sabotaged("that follows links in a run", Links(without_refusing_links, only=CHECKPOINTS), 8, "changed: "),
    Sabotaged("without outputs held against inputs", OutputsThatAreInputs(without_checking_outputs), 8, "changed: "),
    Sabotaged("with Python's readers of compressed files", DamagedStreams(with_pythons_own_readers), 150, "an error"),
    Sabotaged("that shows what is from outside", Escapes(without_printable, only="OSC 0 in translate"), 4, "obey"),
    Sabotaged("without a longest line", Memory(without_longest_line, only="translate zip.en"), 1, "translate zip.en"),
    Sabotaged(
        "that starts processes anyhow", WorkingFolder(without_safe_path, forked=True), 1, "from the current folder"
    ),
    Sabotaged("of a service that waits for its port", KilledServices(without_the_port_again), 1, "it did not start"),
    Sabotaged("of a service that sends all at once", HalfOpen(without_pieces, only="do not read"), 1, "they took"),
    Sabotaged("of a service that keeps its requests", LevelMemory(without_forgetting), 2_000, "bytes after"),
    Sabotaged("without the rename", KilledAtEachCall(without_rename), trials=20, words="looks whole"),
)
