"""``--rule`` of ``nmt prepare``: thresholds, and the model of the rule ``model``. Knows no corpus."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.errors import UsageError, shown

if TYPE_CHECKING:
    from nmt.decoding.forced import ModelOfPairs


def parse_model(rules: list[str]) -> tuple[Path | None, list[str]]:
    """The model in ``model=MODEL``, if there is one, and the other rules. Raises UsageError for two."""
    models = [text.partition("=")[2] for text in rules if text.startswith("model=")]
    if len(models) > 1:
        raise UsageError("--rule model is given twice", "give one model")
    if models == [""]:
        raise UsageError("--rule model= names no model", "write it like model=build/demo/run")
    return (
        Path(models[0]) if models and models != ["off"] else None,
        [text for text in rules if not text.startswith("model=")],
    )


def open_model(path: Path, languages: tuple[str, str], device: str, threads: int) -> "ModelOfPairs":
    """The model of the rule ``model``, opened and not yet loaded. Raises SettingsError for one of other languages."""
    from nmt.config import EngineOptions
    from nmt.decoding.forced import ModelOfPairs
    from nmt.store.model_folder import ModelFolder

    return ModelOfPairs(ModelFolder.open(path), languages, EngineOptions(device=device, threads=threads))


def parse_rules(texts: list[str]) -> str:
    """Thresholds of rules, each as ``NAME=THRESHOLD``, as the setting has them. Raises UsageError for another form."""
    for text in texts:
        if not re.fullmatch(r"[a-z][a-z-]*=[^=,]+", text):
            raise UsageError(
                f"--rule {shown(text)} is not NAME=THRESHOLD", "write it like agreement=0.2 or language=off"
            )
    names = [text.partition("=")[0] for text in texts]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--rule {name} is given twice", "give each rule one threshold")
    return ",".join(sorted(texts))
