"""Exports of models: each is made once, and left alone while nothing that it was made from has changed.

What an export was made from is its recipe, a hash that the export itself holds. Knows which formats there are; not what
they look like.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from nmt.disk.folders import create_folder
from nmt.disk.manifest import read_manifest, replaceable, write_manifest
from nmt.errors import DataError, MissingInputError, SettingsError
from nmt.store.archive import is_made
from nmt.store.argos import write_argos
from nmt.store.card import card
from nmt.store.ctranslate2_model import FORMAT, installed_version, write_ctranslate2
from nmt.store.model_folder import ModelFolder
from nmt.store.packed import README, pack
from nmt.text.directions import Direction
from nmt.version import __version__

KIND = "nmt export"  # in the manifest of a folder
LAYOUT = 2  # raised when the card changes, or the files that an export has


@dataclass(frozen=True)
class Export:
    """What is exported, to which format, and what a person adds to its card."""

    model: ModelFolder
    to: str  # "ctranslate2", "argos" or "zip"
    compute_type: str = "float32"
    more: str = ""  # Markdown

    @property
    def recipe(self) -> str:
        """SHA-256 of all that the export is made from."""
        versions = [__version__, LAYOUT, *([] if self.to == "zip" else [installed_version(), FORMAT])]
        facts = [self.to, self.model.digest, self.model.pairs, self.compute_type, self.more, versions]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def write(self, path: Path) -> bool:
        """Write the export, in place of an older one; False if it is there and up to date.

        Raises CannotCreateError where anything but an export is at ``path``, and what the writer of the format raises.
        """
        if self.to == "ctranslate2":
            return self._write_folder(path)
        if is_made(path, self.to, self.recipe):
            return False
        text = card(self.model, self.to, self.more)
        if self.to == "argos":
            write_argos(self.model, path, self.compute_type, text, self.recipe)
        else:
            pack(self.model.folder, path, text, self.recipe)
        return True

    def _write_folder(self, path: Path) -> bool:
        try:
            manifest = read_manifest(path)
            if manifest.get("kind") == KIND and manifest.get("recipe") == self.recipe:
                return False
        except (MissingInputError, DataError):  # it is not there, is another thing, or damaged
            pass
        with create_folder(path, replaceable(KIND)) as new:
            write_ctranslate2(self.model, new, self.compute_type)
            for tokenizer in set(self.model.tokenizer_paths):
                (new / tokenizer.name).write_bytes(tokenizer.read_bytes())
            (new / README).write_text(card(self.model, self.to, self.more), encoding="utf-8")
            write_manifest(new, {"kind": KIND, "recipe": self.recipe})
        return True


def of_direction(model: ModelFolder, direction: Direction | None) -> ModelFolder:
    """The model as one of that direction only; itself for None. Raises SettingsError for one that it does not have."""
    if direction is None or direction == model.pairs[0] == model.pairs[-1]:
        return model
    if direction not in model.pairs:
        known = ", ".join("-".join(pair) for pair in model.pairs)
        raise SettingsError(f"{model.folder} does not translate {'-'.join(direction)}", f"it has {known}")
    return replace(model.toward(direction[1]), source_language=direction[0], directions=(direction,))
