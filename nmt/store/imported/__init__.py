"""Models that other toolkits trained, as model folders of ours: ``nmt import``."""

import re
from dataclasses import replace
from pathlib import Path

from nmt.disk.folders import refuse_occupied
from nmt.errors import DataError, MissingInputError, SettingsError
from nmt.store.imported.foreign import ForeignModel, as_ours
from nmt.store.imported.hugging_face import CONFIG, read_hugging_face
from nmt.store.imported.marian import DECODER, read_marian
from nmt.store.model_folder import export_model

UNNAMED = "und"  # ISO 639-2 for a language that nobody names
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,79}"
_HUB_NAME = re.compile(rf"(?:{_PART}/)?{_PART}")
_NAMES = re.compile(r"opus-mt-(?:tc-[a-z]+-)?([a-z]{2,3})-([a-z]{2,3})\b")


def import_model(path: Path, folder: Path, languages: tuple[str, str] = ("", ""), licence: str = "") -> tuple[str, str]:
    """Write the model at ``path`` as a new model folder, and return its languages; ``""`` are what its files say.

    Raises MissingInputError or DataError, naming the file, and CannotCreateError where something is in the way.
    """
    refuse_occupied(folder)
    found = read_foreign(path)
    told = _NAMES.search(f"{found.name} {path.absolute().name}")
    guessed = found.languages or (told.groups() if told else (UNNAMED, UNNAMED))
    source, target = (given or name for given, name in zip(languages, guessed, strict=True))
    try:
        tensors, about, profile = as_ours(found, (source, target))
    except SettingsError as error:
        raise DataError(f"{path}: {error.what}", "nmt cannot run such a model") from None
    about = replace(about, licence=licence, origins=(origin_of(found),))
    export_model(folder, tensors, about, {"imported": found.kind, "profile": profile.facts()})
    return source, target


def origin_of(model: ForeignModel) -> str:
    """What a card says of where a model is from: the name that it calls itself, if that is one, and what wrote it.

    A stranger wrote the name: it must be like those of model hubs, as ``Helsinki-NLP/opus-mt-ko-en``. Of a path, which
    may tell who saved the model, the last part counts.
    """
    names = (model.name, re.split(r"[/\\]", model.name)[-1])
    name = next(filter(_HUB_NAME.fullmatch, names), "")
    return f"{name}, {model.kind}" if name else model.kind


def read_foreign(path: Path) -> ForeignModel:
    """The model at ``path``: a folder of Hugging Face, one of Marian, or Marian's ``.npz`` file."""
    if path.is_dir():
        if (path / CONFIG).exists():
            return read_hugging_face(path)
        if (path / DECODER).exists():
            return read_marian(path / DECODER)
        raise MissingInputError(f"there is no {CONFIG} and no {DECODER} in {path}", "give the model's own folder")
    if not path.exists():
        raise MissingInputError(f"there is nothing at {path}", "check the path")
    if path.suffix != ".npz":
        raise DataError(f"{path} is neither a folder nor an .npz file", "give the model's folder, or Marian's .npz")
    return read_marian(path)
