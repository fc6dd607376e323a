"""Damage to the cache of models for CTranslate2: whatever happens to a copy, the translation is the same.

A copy belongs to its user, so no mutation corrects the hashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from .forked import import_what_it_imports
from .mutated import Files, Mutated, done_well, files_of
from .mutations import Dice, Mutation, change_json, set_bytes
from .strangers import LINE, told


@dataclass
class Caches(Mutated):
    """Mutations of every file of a cached model, one file in each trial; XDG_CACHE_HOME names the folder."""

    codes: ClassVar[set[int]] = {65, 66, 73}
    rewritten: float = 0.0

    def make(self, workplace: Path) -> list[Files]:
        from .tiny import tiny_model

        self.model, self.wanted = workplace / "model", workplace / "wanted"
        done_well(lambda: tiny_model(self.model, 1))
        cache = workplace / "cache"
        cache.mkdir()
        done_well(lambda: self.wanted.write_text(self.translated(cache)))
        files = files_of(cache)
        import_what_it_imports(lambda: self.translated(cache), lambda: self.translated(workplace / "cold"))
        return [files]

    def structure(self, name: str) -> Sequence[Mutation]:
        return (change_json,) if name.endswith(".json") else (set_bytes, zero_bytes)

    def use(self, folder: Path, trial: int) -> list[list[Any]]:
        for part in folder.rglob("*"):
            if part.is_dir() and not part.is_symlink():
                part.chmod(0o700)  # or it is not used at all
        folder.chmod(0o700)

        def translate() -> None:
            actual, wanted = self.translated(folder), self.wanted.read_text()
            assert actual == wanted, f"another translation: {actual!r}, not {wanted!r}"

        # Now and then again: it has been mended.
        return [told(translate) for _ in range(1 if trial % 10 else 2)]

    def translated(self, cache: Path) -> str:
        """The translation of a line, with this cache."""
        import os
        import warnings

        from nmt.config import SearchOptions
        from nmt.decoding.translator import Translator
        from nmt.errors import NmtWarning

        os.environ["XDG_CACHE_HOME"] = str(cache)
        options = SearchOptions(beam_size=2, max_length_factor=0.5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NmtWarning)
            translator = Translator.load(self.model, options, device="cpu", threads=1, engine="ctranslate2")
        (translation,) = translator.translate([LINE])
        return f"{translation.text} {translation.score:.4f}"


def zero_bytes(data: bytes, dice: Dice) -> bytes:
    """A block of zeros, as a failing disk leaves it."""
    place, size = dice.randrange(len(data)), dice.choice((64, 512, 4096))
    return (data[:place] + bytes(size) + data[place + size :])[: len(data)]


AREAS = (Caches("mutated caches", full=2000, quick=16),)
