"""The parts of a corpus report that no rule has: lengths, languages, vocabulary, and held-out lines in training.

Knows facts of cleaning; no pairs.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from nmt.corpus.cleaning import USED, Cleaning
from nmt.corpus.scan import CorpusReport
from nmt.show.histogram import length_histogram
from nmt.show.markup import bars, percent, table, text
from nmt.text.languages import language_name


def named(code: str) -> str:
    """A language by its name and code, as HTML."""
    name = language_name(code)
    return text(f"{name} ({code})" if name and name != code else code)


def lengths(facts: Mapping[str, Sequence[Sequence[int]]], codes: tuple[str, str]) -> str:
    """How long the lines of kept and of dropped pairs are."""
    charts = []
    for side, code in enumerate(codes):
        label = f"Lengths of {named(code)} lines, in characters, of kept and of dropped pairs"
        chart = length_histogram(label, facts["kept"][side], facts["dropped"][side])
        charts.append(f"<figure><h3>{named(code)}</h3>{chart}</figure>")
    return (
        '<section id="lengths"><h2>Lengths</h2><p class="about">Characters of a line, as the rules saw it. '
        '<span class="key kept">bars: pairs that the rules kept</span> <span class="key dropped">line: pairs that they '
        "dropped</span>. Each adds up to 100%.</p>"
        f'<div class="sides">{"".join(charts)}</div></section>'
    )


def languages(facts: Sequence[Sequence[Mapping[str, float]]], directions: Sequence[tuple[str, str]]) -> str:
    """Which languages the sides of each direction are in, where py3langid said."""
    if not facts:
        about = "The rule <code>language</code> was off."
        return f'<section id="languages"><h2>Languages</h2><p class="about">{about}</p></section>'
    sides = []
    for code, shares in (pair for each in zip(directions, facts, strict=False) for pair in zip(*each, strict=True)):
        heads = ["language", "share", ""]
        rows = [
            [
                named(name),
                f"{100 * share:.1f}%" if share >= 0.01 else f"{100 * share:.2f}%",
                bars((share, 1.0, "kept" if name == max(shares, key=lambda own: shares[own]) else "dropped")),
            ]
            for name, share in list(shares.items())[:SHOWN_LANGUAGES]
        ]
        unknown = "<p>Nothing is known: py3langid is not installed, or does not know this language.</p>"
        body = table("languages", heads, rows, numbers=(1,)) if rows else unknown
        sides.append(f"<div><h3>{named(code)} side</h3>{body}</div>")
    return (
        '<section id="languages"><h2>Languages</h2><p class="about">As the rule <code>language</code> estimates them '
        "from a sample of lines, with py3langid. Of related languages a few tenths of a percent may be mistaken.</p>"
        f'<div class="sides">{"".join(sides)}</div></section>'
    )


SHOWN_LANGUAGES = 8


def vocabulary(facts: Mapping[str, Any] | None, cleaning: Cleaning) -> str:
    """How the training pairs use the vocabulary."""
    head = '<section id="vocabulary"><h2>Vocabulary</h2>'
    if not facts or not cleaning.sizes:
        return f'{head}<p class="about">A dry run learns none.</p></section>'
    pairs = sum(corpus.kept for corpus in cleaning.corpora if corpus.role == "train")
    rows = []
    for side, (code, pieces, bytes_) in enumerate(
        zip(cleaning.languages, facts["pieces"], facts["bytes"], strict=True)
    ):
        mean = f"{pieces / pairs:.1f}" if pairs else ""
        rows.append(
            [named(code), f"{cleaning.sizes[side]:,}", f"{pieces:,}", mean, f"{bytes_:,}", percent(bytes_, pieces)]
        )
    heads = ["", "vocabulary", "pieces in training", "a line", "single bytes", "share"]
    joint = len(facts["used"]) == 1
    used = [
        [label, *(f"{count:,}" for count in counts)]
        for label, counts in zip(
            ["both languages"] if joint else map(named, cleaning.languages), facts["used"], strict=True
        )
    ]
    bounds = ["never", *(f"{low:,} to {high - 1:,}" for low, high in pairwise(USED)), f"{USED[-1]:,} and more"]
    return (
        f'{head}<p class="about">{"Both languages share one vocabulary. " if joint else ""}A character without a piece '
        "is spelt by single bytes: over 5% of them say that the vocabulary lacks letters of the language.</p>"
        f"{table('pieces', heads, rows, numbers=range(1, 6))}"
        '<p class="about">How many pieces occur how often in training:</p>'
        f"{table('used', ['', *bounds], used, numbers=range(1, 5))}</section>"
    )


KINDS = {"1": "copies", "0.95": "but for digits", "0.9": "but for one word"}


def leaks(facts: Mapping[str, Any], corpora: Sequence[CorpusReport]) -> str:
    """How many held-out lines have a near-copy in training, and what was done."""
    head = '<section id="leaks"><h2>Test and validation lines in training</h2>'
    rows, done = [], []
    for leak in facts["leaks"]:
        counts = [sum(n for score, n in leak["near"].items() if KINDS.get(score) == kind) for kind in KINDS.values()]
        total = sum(leak["near"].values())
        name = text(corpora[leak["corpus"]].path)
        rows.append(
            [name, f"{leak['lines']:,}", f"{total:,}", percent(total, leak["lines"]), *(f"{n:,}" for n in counts)]
        )
    for rule in facts["rules"]:
        if any(leak["rule"] == rule["name"] for leak in facts["leaks"]):
            stays = sum(rule["bins"][1:]) - rule["dropped"]
            left = f"{stays:,} more stay, by the threshold that was chosen" if stays > 0 else "none stays"
            name = text(rule["name"])
            done.append(f'<a href="#rule-{name}">{name}</a> dropped {rule["dropped"]:,} training pairs; {left}.')
    if not rows:
        return (
            f"{head}<p>No test or validation set was given, or the rules in-test and in-valid were off.</p></section>"
        )
    heads = ["held-out corpus", "lines", "with a near-copy in training", "share", *KINDS.values()]
    return (
        f'{head}<p class="about">A near-copy differs in case, marks, digits or one word, on either side. Scores on '
        f"such lines would say nothing.</p>{table('leaks', heads, rows, numbers=range(1, 4 + len(KINDS)))}"
        f"<p>{' '.join(done)}</p></section>"
    )
