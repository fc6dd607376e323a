"""A glossary of a corpus's own terms: how many lines of the test set keep them, what that does to BLEU and time.

python benchmarks/glossary.py --corpus data/team --data build/team --model build/run -s en -t de

A term is a word whose translation the training text keeps to, inflected or not: in eight of ten lines or more, as in
the term base of a team. Of these the first glossary has the 200 that most lines of the test set have, the second has
1,000, whether they are in the test set or not. Translates with none, with the first and with the second in turn.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from arms import scored
from measure import NMT, PLACE, Arm, in_turn
from results import Figure, record

from nmt.corpus.dataset import Dataset
from nmt.scoring.evaluate import read_file
from nmt.text.normal import normal
from nmt.text.terms import Glossary
from nmt.text.words import stems_of

FEW, MANY = 200, 1000
KEPT_TO, SEEN, LETTERS = 0.8, 10, 4
SAMPLE = 200_000  # training pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with train, valid and test")
    parser.add_argument("--data", type=Path, required=True, help="its dataset, for the lexicon")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("-s", "--source", required=True)
    parser.add_argument("-t", "--target", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ways = options.source, options.target
    train, test = ([read_file(options.corpus / f"{role}.{way}") for way in ways] for role in ("train", "test"))
    place = PLACE / f"glossary-{options.corpus.name}"
    place.mkdir(parents=True, exist_ok=True)
    terms = consistent(Dataset.open(options.data), train, ways)
    glossary = Glossary.of(terms, ways[:1], ways[1])
    frequent = Counter(found.term.source for line in test[0] for found in glossary.find(normal(line)))
    few = [name for name, _ in frequent.most_common(FEW)]
    many = [*few, *(name for name in terms if name not in frequent)][:MANY]
    print(f"{len(terms)} terms are kept to, {len(frequent)} of them in the test set", flush=True)
    lists = {"none": [], str(len(few)): few, str(len(many)): many}
    arms = [arm(options, place / name, {term: terms[term] for term in names}) for name, names in lists.items()]
    in_turn(arms, options.rounds)
    figures = []
    for each in arms:
        figures += each.figures()
        if not each.output or each.words:
            continue
        found = [json.loads(line) for line in read_file(each.output)]
        scores = scored(test[0], test[1], [line["translation"] for line in found], ways[1])
        if lists[each.name]:
            scores += lines_kept([line["terms"] or [] for line in found])
        print(each.name, scores, flush=True)
        figures += [Figure(each.name, metric, value) for metric, value in scores]
    words = f"--corpus {options.corpus.name} --data DATA --model MODEL -s {ways[0]} -t {ways[1]}"
    record(f"glossary, {options.corpus.name}, beam 5", f"python benchmarks/glossary.py {words}", figures)


def consistent(data: Dataset, train: list[list[str]], ways: tuple[str, str]) -> dict[str, str]:
    """Terms with the translation that the training text keeps to, the most frequent first."""
    lexicon = data.lexicon()
    step = max(1, len(train[0]) // SAMPLE)
    pairs = [(normal(source), normal(target)) for source, target in zip(*(side[::step] for side in train), strict=True)]
    forms: dict[str, Counter[str]] = {}
    for source, _ in pairs:
        for start, end, stem in stems_of(source):
            if stem in lexicon and end - start >= LETTERS and start:
                forms.setdefault(stem, Counter())[source[start:end]] += 1
    asked = {counts.most_common(1)[0][0]: lexicon[stem].form for stem, counts in forms.items()}
    glossary, seen, kept = Glossary.of(asked, ways[:1], ways[1]), Counter[str](), Counter[str]()
    for source, target in pairs:
        for found in glossary.find(source):
            seen[found.term.source] += 1
            kept[found.term.source] += bool(glossary.form_in(found, target))
    names = [name for name, count in seen.most_common() if count >= SEEN and kept[name] >= KEPT_TO * count]
    return {name: asked[name] for name in names}


def arm(options: argparse.Namespace, output: Path, terms: dict[str, str]) -> Arm:
    """The command that translates the test set with these terms; its name is that of the output."""
    glossary, found = output.with_suffix(".tsv"), output.with_suffix(".out")
    glossary.write_text("".join(f"{source}\t{target}\n" for source, target in terms.items()), encoding="utf-8")
    files: list[str | Path] = [options.model, options.corpus / f"test.{options.source}", "-o", found]
    flags: list[str | Path] = ["--glossary", glossary] if terms else []
    return Arm(output.name, [NMT, "translate", *files, *flags, "--format", "jsonl", "--quiet", "--no-resume"], found)


def lines_kept(uses: list[list[dict[str, Any]]]) -> list[tuple[str, float]]:
    """How many lines have terms, and the share of them that keeps all of them."""
    having = [some for some in uses if some]
    kept = sum(all(use["kept"] for use in some) for some in having)
    return [("lines with terms", len(having)), ("% of lines that keep them", round(100 * kept / len(having), 2))]


if __name__ == "__main__":
    main()
