"""The models that a run is given, to begin with or as teachers: whether they are there, and fit its data.

Knows folders and vocabularies; no weights, and no PyTorch, whose import takes seconds.
"""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from nmt.corpus.dataset import Dataset
from nmt.errors import SettingsError
from nmt.store.model_folder import ModelFolder
from nmt.store.run_folder import RunFolder
from nmt.text.directions import lacking, languages_of, spoken
from nmt.text.languages import sides_of


def refuse_forgotten(config: Path, init: Path | None, teachers: Sequence[Path]) -> None:
    """Raise SettingsError when the settings file is that of a run that began with models and none are given.

    A run's settings do not name its models, so they would make another run. A copy of the file stands for itself.
    """
    run = RunFolder(config.resolve().parent)
    if config.resolve() != run.config_path:
        return
    facts, given = run.read_environment(), {"init": init, "teachers": teachers}
    flags = [
        f"`{name.removesuffix('s')}` {quote(model)}"
        for name, models in given.items()
        for model in facts.get(name, "").splitlines()
        if not models
    ]
    if flags:
        raise SettingsError(
            f"{config} is of a run that began with models, which settings do not name",
            f"add {' '.join(flags)}, or copy the file to have its settings alone",
        )


def open_teacher(path: Path, data: Dataset) -> ModelFolder:
    """The model of a teacher.

    Raises SettingsError for one that lacks a direction of the data, or has another vocabulary.
    """
    teacher = ModelFolder.open(path)
    tagged = bool(teacher.directions)
    if tagged != (len(data.directions) > 1) or lacking(data.directions, teacher.pairs, tagged):
        what = f"{teacher.folder} translates {spoken(teacher.pairs)}, and {data.folder} is {spoken(data.directions)}"
        raise SettingsError(what, "give a `teacher` that was trained for these directions")
    if not has_vocabulary_of(teacher, data):
        what = f"{teacher.folder} has another vocabulary than {data.folder}"
        raise SettingsError(what, f"prepare the data again with `vocab` {teacher.folder}")
    return teacher


def has_vocabulary_of(model: ModelFolder, data: Dataset) -> bool:
    """Whether a model has the vocabulary of the data, byte for byte."""
    wanted = (data.source_tokenizer_path, data.target_tokenizer_path)
    return [path.read_bytes() for path in model.tokenizer_paths] == [path.read_bytes() for path in wanted]


def is_of_its_languages(init: ModelFolder, data: Dataset) -> bool:
    """Whether the model's vocabularies are of the languages of the data: others would be spelled by strange pieces."""
    sides = [[pair[side] for pair in init.pairs] for side in (0, 1)]
    known = [languages_of(init.pairs)] * 2 if init.joint else sides
    return all(sides_of(code, known[side]) for pair in data.directions for side, code in enumerate(pair))
