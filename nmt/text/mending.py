"""Mending of damaged text: mojibake, HTML entities, control characters. ftfy judges, from the extra ``clean``.

Typographic quotes, ligatures and full-width forms stay as the author chose them. Knows characters; no files.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

from nmt.errors import SettingsError, missing_extra


def check_mending() -> None:
    """Raise SettingsError if text cannot be mended because ftfy is not installed."""
    if find_spec("ftfy") is None:
        raise SettingsError("mending of text needs ftfy", missing_extra("clean"))


def mend(text: str) -> str:
    """The text without damage that ftfy is sure of; the same object when there is none."""
    if text.isascii() and "&" not in text and text.isprintable():
        return text
    mended = _mender()(text)
    return text if mended == text else mended


@cache
def _mender() -> Callable[[str], str]:
    from ftfy import TextFixerConfig, fix_text

    # Everything about damage, nothing about taste.
    config = TextFixerConfig(
        unescape_html=True,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        normalization=None,
        explain=False,
    )
    return lambda text: fix_text(text, config)
