"""A package for Argos Translate: a folder in an archive, with the model for CTranslate2 and one vocabulary.

The format is that of argostranslate's ``package.py``: ``metadata.json``, ``model/``, ``sentencepiece.model`` and
``README.md`` in one folder. It has one direction, and puts nothing in front of a line; a tag that asks for a language
is given as the piece with which CTranslate2 itself begins each source. Knows formats; nothing of search.
"""

import json
from pathlib import Path

from nmt.disk.folders import temporary_folder
from nmt.errors import SettingsError
from nmt.store.archive import write_archive
from nmt.store.ctranslate2_model import write_ctranslate2
from nmt.store.model_folder import ModelFolder
from nmt.text.languages import language_name

OLDEST = "1.9"  # version of Argos Translate that reads such packages


def write_argos(model: ModelFolder, path: Path, compute_type: str, card: str, recipe: str) -> None:
    """Write the package of a model of one direction, as ``toward`` and ``pairs`` leave it.

    Raises SettingsError for a model of several directions, of two vocabularies, or that CTranslate2 cannot run.
    """
    if len(model.pairs) > 1:
        raise SettingsError("a package of Argos Translate has one direction", "name it: `direction`")
    if not model.joint:
        raise SettingsError(
            "a package of Argos Translate has one vocabulary for both languages",
            "train on data prepared with a joint vocabulary, or export to ctranslate2",
        )
    ((source, target),) = model.pairs
    root = f"translate-{source}_{target}"
    metadata = {
        "package_version": f"1.0+{model.digest[:12]}",
        "argos_version": OLDEST,
        "from_code": source,
        "from_name": language_name(source) or source,
        "to_code": target,
        "to_name": language_name(target) or target,
    }
    with temporary_folder() as folder:
        write_ctranslate2(model, folder, compute_type, tagged=True)
        files: dict[str, Path | bytes] = {
            "metadata.json": json.dumps(metadata, ensure_ascii=False, indent=2).encode() + b"\n",
            "README.md": card.encode(),
            "sentencepiece.model": model.tokenizer_paths[0],
            **{f"model/{file.name}": file for file in sorted(folder.iterdir())},
        }
        write_archive(path, {f"{root}/{name}": content for name, content in files.items()}, "argos", recipe)
