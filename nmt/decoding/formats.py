"""Translations as lines of output: text, n-best lists as Moses prints them, TSV and JSON. Knows no stream.

No line holds a character at which ``str.splitlines`` would cut: the Translator sees to that in what it translates,
and the sources that TSV and JSON repeat are made one line here.
"""

import json
from collections.abc import Callable

from nmt.decoding.translator import Alternative, Translation
from nmt.text.lines import one_line

Format = Callable[[int, Translation], list[str]]
"""From the number of a source line (from 0) and its translation to lines of output."""


def choose_format(name: str, n_best: bool) -> Format:
    """The format ``text``, ``tsv`` or ``jsonl``; with ``n_best`` text and TSV have a line for each hypothesis."""
    if name == "text":
        return n_best_lines if n_best else text_line
    return {"tsv": tsv_lines, "jsonl": json_line}[name]


def text_line(number: int, translation: Translation) -> list[str]:
    return [translation.text]


def n_best_lines(number: int, translation: Translation) -> list[str]:
    """``id ||| text ||| score``, best first."""
    return [f"{number} ||| {one.text} ||| {one.score:.6f}" for one in hypotheses(translation)]


def tsv_lines(number: int, translation: Translation) -> list[str]:
    """``source TAB translation TAB score``, where a tab of the text is a space."""
    source = one_line(translation.source).replace("\t", " ")
    return [f"{source}\t{one.text.replace(chr(9), ' ')}\t{one.score:.6f}" for one in hypotheses(translation)]


def json_line(number: int, translation: Translation) -> list[str]:
    """One object a source line; the alternatives are what follows the best hypothesis."""
    entry = {
        "id": number,
        "source": one_line(translation.source),
        "translation": translation.text,
        "score": round(translation.score, 6),
        "alternatives": [
            {"translation": other.text, "score": round(other.score, 6)} for other in translation.alternatives
        ],
    }
    return [json.dumps(entry, ensure_ascii=False)]


def hypotheses(translation: Translation) -> list[Alternative]:
    """The whole n-best list."""
    return [Alternative(translation.text, translation.score), *translation.alternatives]
