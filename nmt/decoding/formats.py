"""Translations and scores as lines of output: text, Moses' n-best lists, TSV and JSON. Knows no stream.

No line holds a character at which ``str.splitlines`` would cut: the Translator keeps them out of translations, and the
sources that TSV and JSON repeat are made one line here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any, Self

from nmt.decoding.engine import Hypothesis
from nmt.decoding.forced import ScoredPair
from nmt.decoding.translation import Alternative, Translation
from nmt.disk.compression import COMPRESSED
from nmt.text.lines import one_line
from nmt.text.tokenizer import EOS, Tokenizer


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
    entry: dict[str, Any] = {
        "id": number,
        "source": one_line(translation.source),
        "translation": translation.text,
        "score": round(translation.score, 6),
        "alternatives": [
            {"translation": each.text, "score": round(each.score, 6)} for each in translation.alternatives
        ],
    }
    if translation.tokens is not None:
        entry["tokens"] = [(one_line(piece), round(score, 6)) for piece, score in translation.tokens]
    if translation.alignment is not None:
        entry["alignment"] = translation.alignment
    if translation.usable is not None:
        entry["usable"] = round(translation.usable, 3)
    if translation.checks is not None:
        entry["checks"] = translation.checks
    if translation.terms is not None:
        entry["terms"] = [term._asdict() for term in translation.terms]
    return json.dumps(entry, ensure_ascii=False)


def pharaoh(translation: Translation) -> str:
    """The alignment of a line as word aligners write it: ``0-0 1-2``, source word before target word."""
    return " ".join(f"{source}-{target}" for source, target in translation.alignment or [])


def review_line(number: int, translation: Translation) -> str:
    """``number TAB source TAB translation TAB score TAB checks``; ``number`` counts the lines of input from 1."""
    return f"{number}\t{tsv_line(translation.source, hypotheses(translation)[0])}\t{','.join(translation.checks or [])}"


def hypotheses(translation: Translation) -> list[Alternative]:
    """The whole n-best list, best first."""
    return [Alternative(translation.text, translation.score), *translation.alternatives]


@dataclass(frozen=True)
class ScoreFormat:
    """The format ``text``, ``tsv`` or ``jsonl`` of scored pairs, one line for each pair."""

    name: str = "text"

    @classmethod
    def of_file(cls, path: str) -> Self:
        """The format that the ending of a file says, before that of its compression: .tsv, .jsonl, else text."""
        plain = Path(path).with_suffix("") if Path(path).suffix in COMPRESSED else Path(path)
        return cls(plain.suffix[1:] if plain.suffix in (".tsv", ".jsonl") else "text")

    def about(self) -> dict[str, str]:
        """What the lines of output depend on besides the scores."""
        return {"format": self.name}

    def record(self, number: int, pair: ScoredPair, tokenizers: Sequence[Tokenizer]) -> str:
        """The line of a pair; ``number`` counts pairs from 0. With two models, TSV and JSON have the parts.

        ``tokenizers`` are those of what each model predicts.
        """
        if self.name == "text":
            return f"{pair.score:.6f}"
        source, translation = one_line(pair.source), one_line(pair.translation)
        if self.name == "tsv":
            parts = [pair.forward, pair.reverse] if len(tokenizers) > 1 else []
            scores = [pair.score, *(part.score if part else float("nan") for part in parts)]
            cells = [source, translation, *(f"{score:.6f}" for score in scores)]
            return "\t".join(cell.replace("\t", " ") for cell in cells)
        entry = {"id": number, "source": source, "translation": translation, "score": number_or_null(pair.score)}
        if len(tokenizers) > 1:
            entry |= {name: mean(part) for name, part in (("forward", pair.forward), ("reverse", pair.reverse))}
        entry["tokens"] = tokens(tokenizers[0], pair.forward)
        if len(tokenizers) > 1:
            entry["source_tokens"] = tokens(tokenizers[1], pair.reverse)
        return json.dumps(entry, ensure_ascii=False)


def number_or_null(score: float) -> float | None:
    """The score with six decimals; None for NaN, which JSON lacks."""
    return None if isnan(score) else round(score, 6)


def mean(hypothesis: Hypothesis | None) -> float | None:
    """The mean log-probability of a piece."""
    return round(hypothesis.score, 6) if hypothesis else None


def tokens(tokenizer: Tokenizer, hypothesis: Hypothesis | None) -> list[tuple[str, float]]:
    """Each piece as text, </s> last, with its log-probability, as JSON has them."""
    if not hypothesis:
        return []
    pieces = tokenizer.pieces([*hypothesis.pieces, EOS])
    return [
        (one_line(piece), round(score, 6)) for piece, score in zip(pieces, hypothesis.token_scores or [], strict=True)
    ]
