"""The lexicon of a dataset: words of both languages that translate each other, for training with terms.

Its pairs of stems are those of the rule ``agreement``; this counts how often they stand in the same pair of lines, and
which form of the target's word is the usual one. Knows texts; no translation table.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from nmt.corpus.item_file import AGAIN
from nmt.disk.manifest import check_file
from nmt.disk.untrusted import read_small
from nmt.errors import DataError, shown
from nmt.text.lines import read_lines
from nmt.text.words import stems_of

LEXICON = "lexicon.tsv"
TOGETHER, SHARE = 5, 0.3  # times, and share of the source's, that both stand in one pair of lines
FREQUENT = 50  # most frequent stems of the source, which are left out: the, and
MOST = 50_000  # words
BARE = 0.1  # share of a Korean stem's forms from which the shortest is the word without a particle
_LARGEST = 1 << 24  # bytes
_LONGEST = 40  # letters of a word


class Translated(NamedTuple):
    """The translation of a stem: a stem, and its usual form."""

    stem: str
    form: str


def count_lexicon(translations: Iterable[tuple[str, str]], pairs: Sequence[tuple[str, str]]) -> dict[str, Translated]:
    """The lexicon by the stems of sources: those ``translations`` of which ``pairs`` of lines show enough.

    Of several translations of a stem the one that is seen most is taken.
    """
    targets_of: dict[str, list[str]] = {}
    for source, target in translations:
        targets_of.setdefault(source, []).append(target)
    wanted = {target for targets in targets_of.values() for target in targets}
    seen, together = Counter[str](), Counter[tuple[str, str]]()
    forms: dict[str, Counter[str]] = {target: Counter() for target in wanted}
    for source, target in pairs:
        there = set[str]()
        for start, end, stem in stems_of(target):
            if stem in wanted:
                there.add(stem)
                # The first word of a line may have a capital for that.
                forms[stem][target[start:end]] += 1 if start else 0
        for stem in dict.fromkeys(stem for _, _, stem in stems_of(source)):
            seen[stem] += 1
            together.update((stem, other) for other in targets_of.get(stem, ()) if other in there)
    frequent = set(sorted(seen, key=lambda stem: (-seen[stem], stem))[:FREQUENT])
    found: dict[str, Translated] = {}
    for (source, target), count in sorted(together.items(), key=lambda item: (-item[1], item[0])):
        form = usual_form(forms[target])
        enough = count >= max(TOGETHER, SHARE * seen[source]) and source not in frequent
        if enough and form and source not in found and len(found) < MOST:
            found[source] = Translated(target, form)
    return found


def usual_form(counts: Mapping[str, int]) -> str:
    """The most frequent form of a word; of a Korean one that without a particle. "" if there is none."""
    usable = {form: count for form, count in counts.items() if count and len(form) <= _LONGEST}
    if not usable:
        return ""
    if all("가" <= form[0] <= "힣" for form in usable):
        least = BARE * sum(usable.values())
        usable = {form: count for form, count in usable.items() if count >= least} or usable
        return min(usable, key=lambda form: (len(form), -usable[form], form))
    return min(usable, key=lambda form: (-usable[form], len(form), form))


def write_lexicon(folder: Path, lexicon: Mapping[str, Translated]) -> None:
    """Write the lexicon of a dataset: ``source stem TAB target stem TAB form``, sorted."""
    lines = [f"{source}\t{target}\t{form}\n" for source, (target, form) in sorted(lexicon.items())]
    (folder / LEXICON).write_bytes("".join(lines).encode())


def read_lexicon(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Translated]:
    """The lexicon of a dataset; empty where an older nmt wrote none.

    Raises DataError for a file that has changed or could not be nmt's.
    """
    if LEXICON not in manifest["files"]:
        return {}
    path, found = folder / LEXICON, dict[str, Translated]()
    check_file(folder, manifest, LEXICON, largest=_LARGEST)
    raw = read_small(path, _LARGEST) if manifest["files"][LEXICON]["bytes"] else b""
    for line in read_lines(BytesIO(raw), str(path)):
        cells = line.split("\t")
        if len(cells) != 3 or not all(map(_is_word, cells)) or cells[0] in found:
            raise DataError(f"{path} has an invalid line: {shown(line)}", AGAIN)
        found[cells[0]] = Translated(cells[1], cells[2])
        if len(found) > MOST:
            raise DataError(f"{path} has over {MOST} lines", AGAIN)
    return found


def _is_word(cell: str) -> bool:
    return 0 < len(cell) <= _LONGEST and cell.isprintable() and " " not in cell
