"""The metrics of runs for other programs: a table as CSV, and the event files of TensorBoard. Knows events; no run."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from io import TextIOWrapper
from itertools import chain, count
from pathlib import Path
from typing import Any

from nmt.disk.files import create_binary
from nmt.disk.folders import create_folder, refuse_occupied
from nmt.errors import DataError, SettingsError
from nmt.scoring.events import invalid, real, whole
from nmt.text.directions import MOST
from nmt.text.lines import printable

Events = Iterable[Mapping[str, Any]]
FIGURES = ("loss", "perplexity", "bleu", "chrf", "learning_rate", "gradient_norm", "target_tokens_per_second")
COLUMNS = ("event", "step", "epoch", *FIGURES, "target_tokens", "seconds", "progress", "round", "texts", "pairs")

LARGEST_FIGURE, LARGEST_FLOAT = 1e305, 3e38  # a perplexity of a run is up to e^700; TensorBoard has 32 bits
LONGEST_NAME = 60  # characters, of which UTF-8 has up to 4 bytes each; file systems take 255


def write_csv(runs: Mapping[str, Callable[[], Events]], path: Path) -> None:
    """Write a row for each event of each run, with a column for each figure; texts stay in metrics.jsonl.

    Figures of one of several directions have its name behind theirs: ``bleu/en-de``. Events are read twice. Raises
    DataError for figures of directions as no run writes them.
    """
    columns = [*COLUMNS, *dict.fromkeys(column for events in runs.values() for column in _directed_columns(events()))]
    with create_binary(path) as file:
        page = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(page, lineterminator="\n")
        writer.writerow(["run", *map(printable, columns)])
        for name, events in runs.items():
            for event in events():
                if event.get("event") != "samples":
                    figures = {**event, **directed(event)}
                    writer.writerow([printable(name), *(_cell(figures.get(column, "")) for column in columns)])
        page.detach()


def directed(event: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of each of several directions in an event, as ``bleu/en-de``. Raises DataError for other ones."""
    several = event.get("directions", {})
    if not isinstance(several, dict) or not all(isinstance(own, dict) for own in several.values()):
        raise invalid("directions", several)
    return {f"{figure}/{name}": own[figure] for figure in FIGURES for name, own in several.items() if figure in own}


def _directed_columns(events: Events) -> Iterable[str]:
    found = dict[str, None]()
    for event in events:
        found |= dict.fromkeys(directed(event))
        if len(found) > MOST * len(FIGURES):
            raise DataError("metrics.jsonl has figures of more directions than a model can have", "restore the file")
    return found


def _cell(value: object) -> object:
    return value if type(value) in (int, float) else printable(value) if isinstance(value, str) else ""


def check_tensorboard(folder: Path) -> None:
    """Check, before any work, that ``write_tensorboard`` can write the folder, and raise what it would."""
    refuse_occupied(folder)
    try:
        import tensorboard.summary.writer.event_file_writer  # noqa: F401
    except ImportError:
        raise SettingsError("TensorBoard is not installed", "pip install tensorboard, or take `csv`") from None


def write_tensorboard(runs: Mapping[str, Events], folder: Path) -> None:
    """Write a new folder with a folder for each run, as TensorBoard reads them.

    Figures of updates are under ``train/``, those of validations under ``validation/``. Raises SettingsError where
    TensorBoard is not installed, CannotCreateError where the folder exists, DataError for events that no run writes.
    """
    check_tensorboard(folder)
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    with create_folder(folder) as new:
        for (name, events), place in zip(runs.items(), folder_names(runs), strict=True):
            with closing(EventFileWriter(str(new / place))) as writer:
                try:
                    for seconds, step, figures in points(events):
                        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in figures.items()]
                        # Runs keep no time of the day; TensorBoard then shows that since the start.
                        writer.add_event(Event(wall_time=seconds, step=step, summary=Summary(value=values)))
                except DataError as error:
                    raise DataError(f"run {name}: {error.what}", error.mend) from None


def points(events: Events) -> Iterator[tuple[float, int, dict[str, float]]]:
    """Yield of each update and validation the seconds since the start, its number, and figures by their tags.

    Raises DataError for events that no run writes.
    """
    seconds = 0.0
    for event in events:
        if "seconds" in event:  # a validation has the time of the last updates
            seconds = real(event, "seconds")
        if event.get("event") in ("train", "validation"):
            told = {figure: event[figure] for figure in FIGURES if figure in event} | directed(event)
            figures = {
                f"{event['event']}/{figure}": min(real(told, figure, LARGEST_FIGURE), LARGEST_FLOAT) for figure in told
            }
            yield seconds, whole(event, "step"), figures


def folder_names(runs: Iterable[str]) -> list[str]:
    """A name of a folder for each run, whose name may be a whole path; no two are the same, in any case of letters."""
    names, taken = list[str](), set[str]()
    for run in runs:
        short = printable(run).replace("/", "-").strip("-.")[-LONGEST_NAME:] or "run"
        name = next(each for each in chain([short], (f"{short}-{n}" for n in count(2))) if each.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names
