"""The card of a model: a page of Markdown that says what it is, filled from its manifest. Knows facts; no weights."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nmt.disk.untrusted import is_real, read_small
from nmt.errors import DataError
from nmt.store.model_folder import ModelFolder
from nmt.text.languages import language_name
from nmt.text.lines import printable
from nmt.version import __version__

LARGEST = 1 << 18  # bytes of what a person adds
USE = {
    "ctranslate2": "Translate with CTranslate2 and SentencePiece, as nmt's docs/export.md shows.",
    "argos": "Install it with Argos Translate: `argospm install FILE`, or `package.install_from_path(FILE)`.",
    "zip": "Translate with nmt: `nmt translate FILE < lines`. Every command of nmt reads the file as it is.",
}


def card(model: ModelFolder, use: str, more: str = "") -> str:
    """The card of a model in a format that is used as ``USE`` says; ``more`` is Markdown of a person, put last."""
    return "\n".join([*_head(model), *_body(model, use), *(["", more.strip()] if more.strip() else []), ""])


def read_card(path: Path) -> str:
    """The Markdown that a person adds. Raises MissingInputError or DataError, naming the file."""
    try:
        return read_small(path, LARGEST).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not in UTF-8, at byte {error.start + 1}", "convert it to UTF-8") from None


def _head(model: ModelFolder) -> Iterator[str]:
    """Facts for machines, in YAML as model hubs read it; JSON's strings are YAML's."""
    languages = dict.fromkeys(language for pair in model.pairs for language in pair)
    yield from ("---", "language:", *(f"- {json.dumps(language)}" for language in languages))
    yield from ("library_name: nmt", "pipeline_tag: translation", "---", "")


def _body(model: ModelFolder, use: str) -> Iterator[str]:
    pairs = [" → ".join(f"{language_name(code) or code} ({code})" for code in pair) for pair in model.pairs]
    yield from (f"# {pairs[0]}" if len(pairs) == 1 else f"# Translation in {len(pairs)} directions", "", USE[use])
    yield from ("", "## Languages", "", *(f"- {pair}" for pair in pairs))
    if model.origins:
        yield from ("", "## Origin", "", *(f"- {_plain(origin)}" for origin in model.origins))
    if not model.is_imported:
        yield from _data(model)
    missing = "" if model.is_imported else " of the training text"
    yield from ("", "## Licence", "", _plain(model.licence) or f"The licence{missing} is not given.")
    yield from ("", "## Scores", "", *_scores(model.manifest))
    yield from ("", "## Version", "", *_versions(model))


def _data(model: ModelFolder) -> Iterator[str]:
    read = _table(model.manifest.get("training"))
    yield from ("", "## Data", "")
    for key, what in (("pairs", "training pairs"), ("epochs", "passes over them"), ("target_tokens", "target tokens")):
        if is_real(value := read.get(key)):
            yield f"- {value:,} {what}"
    yield f"- dataset {_plain(model.manifest.get('data')) or 'unknown'} (SHA-256)"


def _versions(model: ModelFolder) -> Iterator[str]:
    by = "imported by" if model.is_imported else "made by"
    yield f"- {by} {_plain(model.manifest.get('program')) or 'nmt'}"
    yield f"- exported by nmt {__version__}"
    yield f"- {model.config.family}, {model.weights_path.stat().st_size:,} bytes in float32"
    if not model.is_imported:
        yield f"- after {_plain(model.manifest.get('step')) or '?'} updates"
    yield f"- model {model.digest} (SHA-256)"


def _scores(manifest: Mapping[str, Any]) -> Iterator[str]:
    found = _table(manifest.get("validation"))
    names = {"bleu": "BLEU", "chrf": "chrF", "loss": "loss", "perplexity": "perplexity"}
    rows = [f"| {name} | {found[key]:.2f} |" for key, name in names.items() if is_real(found.get(key), 1e305)]
    if not rows:
        yield "It was not validated."
        return
    yield from ("On the validation set, which chose this model, with greedy search:", "", "| | |", "| --- | --- |")
    yield from rows


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> str:
    """A short fact of a manifest, which may be a stranger's, as one line without Markdown's or HTML's signs."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|" else sign for sign in printable(str(value or ""))[:200])
