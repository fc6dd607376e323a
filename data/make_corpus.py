"""Write the bundled Korean-English corpus, and the word links of its test set: python data/make_corpus.py [--out DIR]

Every run writes the same bytes. Some pairs of words are held out: the two words never occur in the same sentence of
train, of valid or of the first 700 lines of test; each of the last 300 lines of test, which are also test-unseen, joins
such a pair. The sentences of notes are written by hand and occur in no other set. Sentences that differ only in
their final mark count as the same. Knows how sentences are divided into sets; the grammar folder makes them.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

from grammar import lexicon, tables
from grammar.dice import Dice
from grammar.lines import Line, Lines
from grammar.links import links
from grammar.phrases import JOBS, NAMES

SEED = 20240229
TRAIN = {1: 7000, 2: 4400, 3: 2200, 4: 1200, 5: 1200}  # clauses: lines
VALID = dict.fromkeys(TRAIN, 100)
TEST = dict.fromkeys(TRAIN, 140)
UNSEEN = dict.fromkeys(TRAIN, 60)
ENGLISH_WORDS = range(1, 41)
SEEN = 10  # times that every word and digit of valid and test occurs in train, at least
NOTES = [(ko, en) for ko, en in lexicon.rows(tables.NOTES)]
# Never held out, as a form of each has two meanings: 산다 'lives', 배우 'actor', 그리고 'and', 개 counts, 집 'home'.
HOMOGRAPHS = {"사다", "배우다", "그리다", "개", "집"}
PER_PAIR = 8  # most test sentences for one held-out pair

Pair = tuple[str, str]
Written = tuple[str, str]  # Korean, English


def tokens(text: str) -> list[str]:
    """Split a text into words and single digits, without punctuation."""
    return re.findall(r"\d|[^\s\d.,?!\"“”]+", text)


def key(text: str) -> str:
    """The text in lower case without its final mark; equal for lines that count as the same."""
    return text.rstrip('.?!"”').lower()


def hold_out(dice: Dice) -> list[Pair]:
    """Choose the held-out pairs of words, which could be in the same sentence.

    Each verb gets one of its objects or places, each adjective one of its nouns, some names a job. No word is the
    partner of two others.
    """
    uses = Counter(verb.ko for verb in lexicon.ALL_VERBS)
    uses.update(noun.ko for verb in lexicon.ALL_VERBS for noun in verb.objects)
    taken = set(HOMOGRAPHS)
    pairs: list[Pair] = []

    def part(word: str, partners: list[str]) -> None:
        free = [partner for partner in partners if partner not in taken and uses[partner] != 1]
        if free and len(partners) >= 5 and uses[word] <= 1 and word not in HOMOGRAPHS:
            partner = dice.pick(free)
            taken.add(partner)
            pairs.append((word, partner))

    for verb in lexicon.ALL_VERBS:
        part(verb.ko, [noun.ko for noun in verb.objects])
    for verb in lexicon.ALL_VERBS:
        if verb.frame == "go":
            part(verb.ko, [place.ko for place in verb.places])
    for adjective in lexicon.ALL_ADJECTIVES:
        part(adjective.ko, [noun.ko for noun in adjective.nouns])
    jobs = [job.ko for job in JOBS]
    for name in NAMES[:8]:
        part(name.ko, jobs)
    return pairs


class Corpus:
    """Draws lines and remembers them, so that none is repeated and no Korean line has two translations."""

    def __init__(self) -> None:
        self.dice = Dice(SEED)
        self.held_out = hold_out(self.dice)
        self.lines = Lines(self.dice)
        self.english_of: dict[str, str] = {}
        self.line_of: dict[str, Line] = {}  # by its Korean
        self.korean = {key(ko) for ko, _ in NOTES}
        self.english = {key(en) for _, en in NOTES}
        self.reserved = set(self.english)
        self.counts: Counter[str] = Counter()

    def held(self, words: frozenset[str]) -> list[Pair]:
        """The held-out pairs among these words."""
        return [pair for pair in self.held_out if pair[0] in words and pair[1] in words]

    def draw(self, clauses: int) -> tuple[Line, Written]:
        """Draw a new line with this number of clauses: the line and its text."""
        while True:
            line = self.lines.line(clauses)
            ko, en = line.render()
            if self.english_of.setdefault(ko, en) != en:
                raise ValueError(f"{ko} has two translations: {self.english_of[ko]} {en}")
            if key(ko) not in self.korean and key(en) not in self.reserved and len(en.split()) in ENGLISH_WORDS:
                self.line_of[ko] = line
                return line, (ko, en)

    def keep(self, written: Written) -> Written:
        """Remember a line, so that it is not drawn again."""
        self.korean.add(key(written[0]))
        self.english.add(key(written[1]))
        return written

    def train(self) -> list[Written]:
        """Lines for train, without held-out pairs; counts their words."""
        lines = []
        for clauses, count in TRAIN.items():
            kept = 0
            while kept < count:
                line, written = self.draw(clauses)
                if not self.held(line.words):
                    lines.append(self.keep(written))
                    kept += 1
        self.dice.shuffle(lines)
        self.counts = Counter(word for written in lines for text in written for word in tokens(text))
        return lines

    def unused(self, sizes: dict[int, int], unseen: bool = False) -> list[Written]:
        """Lines for valid or test: new in both languages, of words that are frequent in train.

        With ``unseen``, every line has a held-out pair; else none has.
        """
        lines = []
        used: Counter[Pair] = Counter()
        for clauses, count in sizes.items():
            kept = 0
            while kept < count:
                line, written = self.draw(clauses)
                rare = any(self.counts[word] < SEEN for text in written for word in tokens(text))
                if rare or key(written[1]) in self.english:
                    continue
                pairs = [pair for clause in line.clauses for pair in self.held(clause.words)]
                if unseen and pairs and all(used[pair] < PER_PAIR for pair in pairs):
                    used.update(pairs)
                elif unseen or self.held(line.words):
                    continue
                lines.append(self.keep(written))
                kept += 1
        self.dice.shuffle(lines)
        return lines


def make() -> tuple[dict[str, list[Written]], list[str]]:
    """Make the five sets of lines, by name, and the word links of test.

    Notes has each sentence twice, without and with a full stop.
    """
    corpus = Corpus()
    train, valid, test = corpus.train(), corpus.unused(VALID), corpus.unused(TEST)
    unseen = corpus.unused(UNSEEN, unseen=True)
    notes = [(ko + mark, en + mark) for ko, en in NOTES for mark in ("", ".")]
    sets = {"train": train, "valid": valid, "test": test + unseen, "test-unseen": unseen, "notes": notes}
    return sets, [str(links(corpus.line_of[ko])) for ko, _ in sets["test"]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the bundled Korean-English corpus.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    sets, test_links = make()
    for name, lines in sets.items():
        for side, language in enumerate(("ko", "en")):
            text = "".join(line[side] + "\n" for line in lines)
            (out / f"{name}.{language}").write_bytes(text.encode())
        print(f"{name}: {len(lines)} pairs")
    (out / "test.links").write_text("".join(f"{line}\n" for line in test_links), encoding="ascii")


if __name__ == "__main__":
    main()
