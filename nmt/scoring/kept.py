"""Whether translations keep what must stay unchanged: placeholders, tags, addresses, numbers. Knows lines; no file."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from nmt.scoring.systems import Texts
from nmt.text.verbatim import Grammar, LateLines, alike


@dataclass(frozen=True)
class Kept:
    """One kind of what must stay unchanged, and in how many lines it did."""

    kind: str
    lines: int  # whose source has any
    systems: tuple[float, ...]  # of these, lines in which each system keeps all; of several runs the mean
    references: int  # and in which a reference does: people leave some out, too

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """The kind as JSON has it; ``names`` are those of the systems."""
        numbers = [int(number) if number.is_integer() else number for number in self.systems]
        systems = [{"name": name, "kept": number} for name, number in zip(names, numbers, strict=True)]
        return {"name": self.kind, "lines": self.lines, "systems": systems, "references": self.references}


def kept(texts: Texts, grammar: Grammar, late: LateLines | None = None) -> list[Kept]:
    """Each kind that the sources have, in the grammar's order; none without sources.

    A line keeps a kind when it has every item of its source, and each as often at least. Lines that are read without a
    kind, because its pattern takes too long, are added to ``late``.
    """

    def items_of(number: int, line: str) -> dict[str, Counter[str]]:
        kinds = set[str]()
        found = items(line, grammar, kinds)
        if late:
            late.add(f"line {number + 1}", kinds)
        return found

    wanted = [items_of(number, line) for number, line in enumerate(texts.sources or [])]

    def keeping(lines: Sequence[str]) -> Mapping[str, set[int]]:
        """For each kind the lines that keep it, by number."""
        numbers: dict[str, set[int]] = defaultdict(set)
        for number, source in enumerate(wanted):
            found = items_of(number, lines[number]) if source else source
            for kind in source:
                if source[kind] <= found.get(kind, Counter()):
                    numbers[kind].add(number)
        return numbers

    by_system = [[keeping(lines) for lines in system.outputs] for system in texts.systems]
    by_reference = [keeping(lines) for lines in texts.references]
    kinds = [kind for kind in grammar.kinds if any(kind in source for source in wanted)]
    return [
        Kept(
            kind,
            sum(kind in source for source in wanted),
            tuple(fmean(len(run[kind]) for run in runs) for runs in by_system),
            len(set().union(*(numbers[kind] for numbers in by_reference))),
        )
        for kind in kinds
    ]


def items(line: str, grammar: Grammar, late: set[str] | None = None) -> dict[str, Counter[str]]:
    """What of a line must stay, by kind, in the form in which sides are compared; ``late`` as in ``Grammar.find``."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for start, end, kind in grammar.find(line, late):
        found[kind][alike(line[start:end], kind)] += 1
    return found
