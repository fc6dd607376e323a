"""The metrics of runs for other programs: a table as CSV, and the event files of TensorBoard. Knows events; no run."""

import csv
from collections.abc import Iterable, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from nmt.disk.files import create_binary
from nmt.disk.folders import create_folder
from nmt.errors import SettingsError
from nmt.text.lines import printable

Events = Iterable[Mapping[str, Any]]
FIGURES = ("loss", "perplexity", "bleu", "chrf", "learning_rate", "gradient_norm", "target_tokens_per_second")
COLUMNS = ("event", "step", "epoch", *FIGURES, "target_tokens", "seconds", "round", "texts", "pairs")


def write_csv(runs: Mapping[str, Events], path: Path) -> None:
    """Write a row for each event of each run, with a column for each figure; texts stay in metrics.jsonl."""
    with create_binary(path) as file:
        page = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(page, lineterminator="\n")
        writer.writerow(["run", *COLUMNS])
        for name, events in runs.items():
            for event in events:
                if event.get("event") != "samples":
                    writer.writerow([printable(name), *(_cell(event.get(column, "")) for column in COLUMNS)])
        page.detach()


def _cell(value: object) -> object:
    return value if type(value) in (int, float) else printable(value) if isinstance(value, str) else ""


def write_tensorboard(runs: Mapping[str, Events], folder: Path) -> None:
    """Write a new folder with a folder for each run, as TensorBoard reads them.

    Figures of updates are under ``train/``, those of validations under ``validation/``. Raises SettingsError where
    TensorBoard is not installed, CannotCreateError where the folder exists.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError:
        raise SettingsError("TensorBoard is not installed", "pip install tensorboard, or take `csv`") from None
    with create_folder(folder) as new:
        for name, events in runs.items():
            writer, seconds = EventFileWriter(str(new / _folder_name(name))), 0.0
            for event in events:
                if type(event.get("seconds")) in (int, float):  # a validation has the time of the last updates
                    seconds = event["seconds"]
                values = [
                    Summary.Value(tag=f"{event['event']}/{figure}", simple_value=event[figure])
                    for figure in FIGURES
                    if type(event.get(figure)) in (int, float) and event.get("event") in ("train", "validation")
                ]
                if values and type(step := event.get("step")) is int:
                    # Runs keep no time of the day; TensorBoard then shows that since the start.
                    writer.add_event(Event(wall_time=seconds, step=step, summary=Summary(value=values)))
            writer.close()


def _folder_name(name: str) -> str:
    """A name of a run, which may be a whole path, as that of a folder."""
    return printable(name).strip("/.").replace("/", "-") or "run"
