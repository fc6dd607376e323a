"""Which kinds of what may stay as it is a corpus keeps: other kinds get no slots, and are left to the model.

Formulas are an example: Korean messages of a spreadsheet keep 82% of them, German ones 8%, for =SUM(A1) is =SUMME(A1).
Knows pairs and the grammar; no files.
"""

from collections import Counter
from collections.abc import Iterable

from nmt.corpus.parallel import Pair
from nmt.text.progress import Progress
from nmt.text.slots import kept_kinds
from nmt.text.verbatim import Grammar

LEAST = 20  # items of a kind in the sources, below which it is kept
KEPT = 0.5  # share of them that the targets have, below which it is not


def kept_grammar(grammar: Grammar, pairs: Iterable[Pair], progress: Progress) -> Grammar:
    """The grammar without the kinds that these pairs do not keep; patterns of one's own always stay."""
    found, kept = Counter[str](), Counter[str]()
    for source, target in pairs:
        for kind, there in kept_kinds(source, target, grammar.find):
            found[kind] += 1
            kept[kind] += there
    left = []
    for kind in grammar.kinds:
        if kind in grammar.own:
            continue
        if found[kind] >= LEAST and kept[kind] < KEPT * found[kind]:
            share = f"{100 * kept[kind] / found[kind]:.0f}% of {found[kind]:,}"
            progress.note(f"{kind} gets no slots: the targets keep {share}")
        else:
            left.append(kind)
    return Grammar(left, grammar.own)
