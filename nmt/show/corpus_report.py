"""A page that shows what cleaning did to a corpus: sums that add up, and each rule with pairs near its threshold.

It holds no script, asks for nothing, and allows neither: texts of strangers stay texts. Knows facts of cleaning; not
how they came about.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nmt.corpus.cleaning import Cleaning
from nmt.corpus.scan import CorpusReport
from nmt.disk.files import create_binary
from nmt.show.corpus_facts import languages, leaks, lengths, vocabulary
from nmt.show.histogram import number, score_histogram
from nmt.show.markup import bars, page, percent, table, text
from nmt.text.languages import language_name

Example = Sequence[Any]  # score, corpus, line, source, target
ABOUT = {
    "empty": "has an empty side",
    "duplicate": "is a copy of another pair but for case, marks and spaces",
    "held-out": "is set aside for validation",
    "too-long": "has a side of too many pieces",
}


def write_report(cleaning: Cleaning, name: str, path: Path) -> None:
    """Write the page to ``path``; ``name`` says what was cleaned."""
    with create_binary(path) as file:
        file.write(report(cleaning, name).encode())


def report(cleaning: Cleaning, name: str) -> str:
    """The page as HTML; the same facts give the same page."""
    facts = cleaning.facts
    sums = f"{_sums(cleaning)}\n{_corpora(cleaning)}\n{_texts(cleaning)}"
    rules = _rules(facts["rules"], [corpus.path for corpus in cleaning.corpora], cleaning.languages)
    rest = "\n".join(
        [
            lengths(facts["lengths"], cleaning.languages),
            languages(facts["languages"], cleaning.directions or [cleaning.languages]),
            vocabulary(facts.get("vocabulary"), cleaning),
            leaks(facts, cleaning.corpora),
        ]
    )
    pair = " → ".join(f"{language_name(code) or code} ({code})" for code in cleaning.languages)
    return page(
        "corpus_report.html",
        f"What cleaning did: {name}",
        name=text(name),
        pair=text(pair),
        sums=sums,
        rules=rules,
        rest=rest,
    )


def _sums(cleaning: Cleaning) -> str:
    """How many training pairs there were, what became of them, and that it adds up."""
    train = [corpus for corpus in cleaning.corpora if corpus.role == "train"]
    pairs, kept = sum(corpus.pairs for corpus in train), sum(corpus.kept for corpus in train)
    aside = sum(corpus.dropped.get("held-out", 0) for corpus in train)
    tiles = [("pairs", pairs, ""), ("kept", kept, "kept"), ("dropped", pairs - kept - aside, "dropped")]
    tiles += [("for validation", aside, "")] if aside else []
    drawn = "".join(
        f'<div class="tile {kind}"><b>{count:,}</b><span>{label}</span><i>{percent(count, pairs)}</i></div>'
        for label, count, kind in tiles
    )
    shared = cleaning.facts["same_source"]
    others = f"<p>{shared:,} kept pairs have a source that others have, too, with other targets: they stay.</p>"
    dry = (
        "" if cleaning.sizes else "<p>A dry run: pairs that are too long are found later, and counted as kept here.</p>"
    )
    return (
        f'<section id="sums"><h2>What became of the pairs</h2><div class="tiles">{drawn}</div>{dry}'
        f"{_settings(cleaning.facts['settings'])}"
        f'<p class="about">The rules judge in this order; the first that drops a pair counts.</p>'
        f"{sums_table(cleaning)}{others if shared else ''}</section>"
    )


def sums_table(cleaning: Cleaning, linked: bool = True) -> str:
    """The training pairs, those that each rule dropped, and those that were kept; ``linked`` to what tells of rules."""
    train = [corpus for corpus in cleaning.corpora if corpus.role == "train"]
    pairs, kept = sum(corpus.pairs for corpus in train), sum(corpus.kept for corpus in train)
    dropped: dict[str, int] = {}
    for corpus in train:
        for rule, count in corpus.dropped.items():
            dropped[rule] = dropped.get(rule, 0) + count
    about = {rule["name"]: rule["about"] for rule in cleaning.facts["rules"]} | ABOUT
    rows = [["training pairs", "", f"{pairs:,}", "", bars((pairs, pairs, ""))]]
    left = pairs
    for rule in _order(dropped, cleaning.facts["rules"]):
        known = linked and any(own["name"] == rule for own in cleaning.facts["rules"])
        link = f'<a href="#rule-{text(rule)}">{text(rule)}</a>' if known else text(rule)
        kind = "aside" if rule == "held-out" else "dropped"
        count = dropped[rule]
        left -= count
        drawn_bars = bars((left, pairs, "left"), (count, pairs, kind))
        rows.append([link, text(about.get(rule, "")), f"− {count:,}", percent(count, pairs), drawn_bars])
    rows.append(["kept", "", f"= {kept:,}", percent(kept, pairs), bars((kept, pairs, "kept"))])
    return table("sums", ["", "the pair", "pairs", "share", ""], rows, numbers=(2, 3))


def _settings(settings: Mapping[str, Any]) -> str:
    """How the corpus was to be cleaned."""
    rules = [rule for rule in settings["rules"].split(",") if rule]
    rules += [f"model={settings['model']}"] if settings["model"] else []
    told = [f"clean={settings['clean']}", *(f"rule {rule}" for rule in rules), *["fix"] * settings["fix"]]
    return f'<p class="settings">Settings: {text(" · ".join(told))}</p>'


def _order(dropped: Iterable[str], rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rules that dropped anything, in the order in which they judge."""
    order = ["empty", *(rule["name"] for rule in rules)]
    late = ["held-out", "too-long"]
    rank = {name: place for place, name in enumerate(order)} | {
        name: len(order) + 1 + late.index(name) for name in late
    }
    return sorted(dropped, key=lambda name: rank.get(name, len(order)))


def _corpora(cleaning: Cleaning) -> str:
    """A row for each corpus, with counts that add up."""
    names = {name for corpus in cleaning.corpora for name in corpus.dropped}
    rules = _order(names, cleaning.facts["rules"])
    heads = ["role", "corpus", "pairs", "kept", *map(text, rules)]
    rows = [_corpus(corpus, rules) for corpus in cleaning.corpora]
    about = (
        '<p class="about">In each row, pairs = kept + what each rule dropped. A person chose the pairs of validation '
    )
    about += "and test sets: no rule but the empty side and the length applies to them.</p>"
    body = table("corpora", heads, rows, numbers=range(2, len(heads)))
    return f'<section id="corpora"><h2>Corpus by corpus</h2>{about}{body}</section>'


def _corpus(corpus: CorpusReport, rules: Sequence[str]) -> list[str]:
    counts = [corpus.pairs, corpus.kept, *(corpus.dropped.get(rule, 0) for rule in rules)]
    weight = "" if corpus.weight == 1 else f" × {corpus.weight:g}"
    return [
        corpus.role,
        text(corpus.path) + weight,
        *map(_counted, counts),
    ]


def _texts(cleaning: Cleaning) -> str:
    """A row for each text of one language, with counts that add up; nothing where there is none."""
    if not cleaning.texts:
        return ""
    rules = _order({name for one in cleaning.texts for name in one.dropped}, cleaning.facts["rules"])
    heads = ["text", "language", "sentences", "kept", *map(text, rules)]
    rows = [
        [
            text(one.path),
            text(language_name(code := cleaning.languages[one.side]) or code),
            *map(_counted, (one.texts, one.kept, *(one.dropped.get(rule, 0) for rule in rules))),
        ]
        for one in cleaning.texts
    ]
    about = (
        '<p class="about">In each row, sentences = kept + what each rule dropped. A line with more sentences than the '
        "pairs have is split. The rules that judge a side alone apply, and <b>code</b>: no word outside code, tags and "
        "addresses. A duplicate is said already by a line before it, or by a pair.</p>"
    )
    body = table("texts", heads, rows, numbers=range(2, len(heads)))
    return f'<section id="texts"><h2>Text of one language</h2>{about}{body}</section>'


def _counted(count: int) -> str:
    return f"{count:,}" if count else '<span class="zero">0</span>'


def _rules(rules: Sequence[Mapping[str, Any]], corpora: Sequence[str], codes: tuple[str, str]) -> str:
    return "\n".join(_rule(rule, corpora, codes) for rule in rules)


def _rule(rule: Mapping[str, Any], corpora: Sequence[str], codes: tuple[str, str]) -> str:
    name, dropped, judged = text(rule["name"]), rule["dropped"], sum(rule["bins"]) + rule["unknown"]
    outcome = f"{dropped:,} of {judged:,} dropped" if dropped else f"none of {judged:,} dropped"
    notes = [f"Score: {text(rule['unit'])}."]
    if rule["unknown"]:
        notes.append(f"On {rule['unknown']:,} pairs it had no opinion.")
    if rule["kinds"]:
        kinds = " · ".join(f"{_kind(kind)} {count:,}" for kind, count in rule["kinds"].items())
        notes.append(f"Dropped: {kinds}.")
    chart = score_histogram(name, rule["bins"], rule["highest"], rule["threshold"], dropped)
    over, under = (
        _examples(rule, side, corpora, codes, heading)
        for side, heading in (("victims", "Dropped, nearest first"), ("survivors", "Kept, nearest first"))
    )
    return (
        f'<details class="rule"{" open" if dropped else ""}><summary id="rule-{name}"><h3>{name}</h3> '
        f"<span>{outcome}</span></summary><p>The pair {text(rule['about'])}.</p>"
        f"<figure>{chart}<figcaption>{' '.join(notes)}</figcaption></figure>"
        f'<div class="sides">{over}{under}</div></details>'
    )


def _examples(rule: Mapping[str, Any], kind: str, corpora: Sequence[str], codes: tuple[str, str], heading: str) -> str:
    """The pairs of a rule on one side of its threshold, each with the better near-copy where it has any."""
    examples: Sequence[Example] = rule[kind]
    near: Sequence[Example | None] = rule.get(f"{kind}_near") or [None] * len(examples)
    items = []
    for example, better in zip(examples, near, strict=True):
        own = f"<div>{_pair(example, codes)}{_better(better, corpora, codes)}</div>"
        items.append(f'<li><b class="score">{number(example[0])}</b>{own}{_place(example, corpora)}</li>')
    body = f"<ol>{''.join(items)}</ol>" if items else '<p class="about">none</p>'
    if kind == "survivors" and items and not any(example[0] for example in examples):
        # Any pairs, then: nothing comes near the threshold.
        body = f"<details><summary>No kept pair has a score over 0. Some of them</summary>{body}</details>"
    return f'<div class="{kind}"><h4>{heading}</h4>{body}</div>'


def _kind(kind: str) -> str:
    """A kind of dropped pairs, such as ``fr in the source``, with the name of its language."""
    code, space, rest = kind.partition(" ")
    return text(f"{language_name(code) or code}{space}{rest}")


def _pair(example: Example, codes: tuple[str, str]) -> str:
    sides = zip(codes, example[3:], strict=True)
    return "".join(f'<p lang="{text(code)}" dir="auto">{text(side)}</p>' for code, side in sides)


def _better(example: Example | None, corpora: Sequence[str], codes: tuple[str, str]) -> str:
    return f'<div class="near">{_place(example, corpora)}{_pair(example, codes)}</div>' if example else ""


def _place(example: Example, corpora: Sequence[str]) -> str:
    return f'<span class="place" title="{text(corpora[example[1]])}">line {example[2]:,}</span>'
