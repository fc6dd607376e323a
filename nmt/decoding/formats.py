"""Translations as lines of output: text, n-best lists as Moses prints them, TSV and JSON. Knows no stream.

No line holds a character at which ``str.splitlines`` would cut: the Translator keeps them out of translations, and the
sources that TSV and JSON repeat are made one line here.
"""

import json
from dataclasses import dataclass

from nmt.decoding.translator import Alternative, Translation
from nmt.text.lines import one_line


@dataclass(frozen=True)
class Format:
    """The format ``text``, ``tsv`` or ``jsonl``; with ``n_best`` text and TSV have a line for each hypothesis."""

    name: str = "text"
    n_best: bool = False

    def about(self) -> dict[str, str | bool]:
        """What the lines of output depend on besides the translations."""
        return {"format": self.name, "n-best list": self.n_best}

    def records(self, number: int, translation: Translation) -> list[str]:
        """The lines of output for one line of input; ``number`` counts the lines of input from 0."""
        if self.name == "jsonl":
            return [json_line(number, translation)]
        if self.name == "tsv":
            return [tsv_line(translation.source, hypothesis) for hypothesis in hypotheses(translation)]
        if self.n_best:
            return [f"{number} ||| {each.text} ||| {each.score:.6f}" for each in hypotheses(translation)]
        return [translation.text]


def tsv_line(source: str, hypothesis: Alternative) -> str:
    """``source TAB translation TAB score``, where a tab of the text is a space."""
    cells = (one_line(source), hypothesis.text, f"{hypothesis.score:.6f}")
    return "\t".join(cell.replace("\t", " ") for cell in cells)


def json_line(number: int, translation: Translation) -> str:
    """One JSON object for a line of input; the alternatives are the hypotheses after the best."""
    entry = {
        "id": number,
        "source": one_line(translation.source),
        "translation": translation.text,
        "score": round(translation.score, 6),
        "alternatives": [
            {"translation": each.text, "score": round(each.score, 6)} for each in translation.alternatives
        ],
    }
    return json.dumps(entry, ensure_ascii=False)


def hypotheses(translation: Translation) -> list[Alternative]:
    """The whole n-best list, best first."""
    return [Alternative(translation.text, translation.score), *translation.alternatives]
