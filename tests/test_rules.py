"""The rules of cleaning: what each drops and keeps, against plain definitions and corpora that were made wrong."""

import random
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_text import real_text

from nmt.config import PrepareOptions
from nmt.corpus.judge import Judge, Task
from nmt.corpus.rules import rules_for
from nmt.corpus.rules.copied import SourceEqualsTarget
from nmt.corpus.rules.duplicate import Duplicate
from nmt.corpus.rules.evidence import Evidence
from nmt.corpus.rules.held_out import HeldOut
from nmt.corpus.rules.languages import Language
from nmt.corpus.rules.rule import Chunk, Rule
from nmt.corpus.rules.word_ids import PairTable
from nmt.errors import SettingsError
from nmt.text.lines import LONGEST_LINE
from nmt.text.normal import normal
from nmt.text.words import words

Pairs = list[tuple[str, str]]
NOTHING: dict[str, Pairs] = {"test": [], "valid": []}


def judged(
    pairs: Pairs, languages: tuple[str, str] = ("en", "de"), learnt_from: Pairs | None = None, **settings: Any
) -> list[str]:
    """The name of the rule that drops each pair; "kept" for the others."""
    held_out = settings.pop("held_out", NOTHING)
    judge = Judge.learn(learnt_from or pairs, languages, PrepareOptions(**settings), held_out)
    verdicts = judge.judge(Task(pairs, 0, 1)).verdicts
    return [judge.names[verdict] if verdict else "kept" for verdict in verdicts.tolist()]


LONG = "The quick brown fox jumps over the lazy dog and runs away"
LANG = "Der schnelle braune Fuchs springt über den faulen Hund und läuft weg"


@pytest.mark.parametrize(
    ("source", "target", "rule"),
    [
        (LONG, LANG, "kept"),
        ("", LANG, "empty"),
        (LONG, " \u3000\t", "empty"),
        ("GB", "GB", "kept"),  # a name or a term
        ("Yes, it is.", "Ja.", "kept"),  # of short texts a ratio says little
        (LONG, f"{LONG}!", "source-equals-target"),
        (LONG, LONG.upper().replace("QUICK", "QUICX"), "source-equals-target"),
        (LONG, "Der schnelle braune Fuchs springt Ã¼ber den faulen Hund", "mojibake"),
        (LONG, "Der&nbsp;schnelle&nbsp;braune&nbsp;Fuchs", "entities"),
        ("Fish &amp; chips", "Fisch &amp; Pommes", "kept"),  # both sides are marked up
        (LONG, "Le rapide renard brun saute par-dessus le chien paresseux et s'enfuit", "language"),
        (LONG, "Быстрая коричневая лиса прыгает через ленивую собаку и убегает", "script"),
        (f"{LONG} in 1999", f"{LANG} in 2005", "numbers"),
        (f"{LONG} in two hours", f"{LANG} in 2 Stunden", "kept"),  # spelt out
        (f"{LONG} at 6,840,000", f"{LANG} für 6,84 Millionen", "kept"),
        (f"{LONG} at 10 pm", f"{LANG} um 22 Uhr", "kept"),
        ("Could not open %s: %d", "Konnte %s nicht öffnen", "placeholders"),
        ("Moved %s to %s by the user", "Nach %2$s wurde %1$s verschoben", "kept"),  # in another order
        ("Waiting %.1fs for %s", "%.1f Sekunden auf %s warten", "kept"),
        ("Reply from %1: %2 %3 now", "Antwort von %1: %2%3 jetzt", "kept"),
        ("The shirt of 100%cotton was bought", "Das Hemd aus Baumwolle wurde gekauft", "kept"),
        ("Could not open %s now", "Konnte %snicht öffnen", "kept"),
        ("Could not open %.1fs of %s", "Konnte %s nicht öffnen", "placeholders"),
        ("Press <b>Start</b> now to begin", "Drücken Sie jetzt Start", "tags"),
        ("Read the <file> first", "Lesen Sie zuerst die <Datei>", "kept"),  # a word in brackets
        ("%BUpgrade%b these packages now", "%BAktualisieren%b dieser Pakete", "kept"),
        ("It was %I:%M %p yesterday", "Es war gestern %H:%M Uhr", "kept"),
        ("See the %1 video and others", "Siehe das eine Video und andere", "kept"),
        ("Set ${HOME} before you start", "Vor dem Start ist etwas zu setzen", "placeholders"),
        ("Open http://a.org/ in it now", "Öffne http://a.org/%s jetzt darin", "placeholders"),
        ("See http://en.a.org/x for details", "Siehe http://de.a.org/%E8%BB%8A für Einzelheiten", "kept"),
        ("Bugs go to <http://a.org/bugs/> only", "Fehler nur an <http://a.org/bugs/de.html>", "kept"),
        ('Read <a href="http://a.org/1">this</a> here', 'Lies <a href="http://b.org/2">dies</a> hier', "addresses"),
        ("Open file:///C:/Documents/a.txt now", "Öffne jetzt file:///C:/Dokumente/a.txt", "kept"),
        ("Write to me@a.org about this", "Schreibe darüber an du@b.org", "addresses"),
        ("See http://a.org/one for details", "Siehe http://a.org/two für Einzelheiten", "addresses"),
        ("See https://en.wikipedia.org/wiki/A here", "Siehe http://de.wikipedia.org/wiki/B hier", "kept"),
        ("See http://a.org/docs for details", "Siehe http://a.org/docs/de für Einzelheiten", "kept"),
        ("See http://a.org/docs for details", "Siehe http://a.org/documents für Einzelheiten", "addresses"),
        ("A dog", "Ein sehr großer, sehr alter und sehr müder Hund " * 2, "length-ratio"),
        (f"{LONG} again and again", "ha ha ha " * 30, "repetition"),
        (LONG, f"{LANG}. {LANG}!", "doubled"),
        (f"{LONG}\N{EM DASH}{LONG}", LANG, "doubled"),
        (f"{LONG} {LONG}", f"{LANG} {LANG}", "kept"),
    ],
)
def test_a_pair_is_dropped_by_the_first_rule_that_speaks(source: str, target: str, rule: str) -> None:
    pytest.importorskip("py3langid")
    pytest.importorskip("ftfy")
    rules = "length-ratio=off,language=off" if rule == "repetition" else ""
    assert judged([(source, target)], rules=rules) == [rule]


def test_korean_numbers_are_numbers_as_wholes() -> None:
    pairs = [("지난해 8만1000명이 서울을 찾았다", "Last year 81,000 people visited the city of Seoul")]
    assert judged(pairs, ("ko", "en"), rules="language=off") == ["kept"]
    pairs = [("지난해 8만1000명이 서울을 찾았다", "Last year 91,000 people visited the city of Seoul")]
    assert judged(pairs, ("ko", "en"), rules="language=off") == ["numbers"]


def test_names_and_terms_stay_up_to_a_share_of_the_corpus() -> None:
    names = [(f"Name{number}", f"Name{number}") for number in range(1000)]
    others = [(f"{LONG} {word}", f"{LANG} {word}") for word in map(str, range(1000))]
    rules = "language=off,agreement=off,order=off,boilerplate=off"
    kept = judged(names + others, rules=rules)[:1000].count("kept")
    assert 60 < kept < 140  # 5% of 2,000, drawn by their text
    assert judged(names[:40] + others, rules=rules)[:40].count("kept") == 40


def test_letters_of_tags_and_addresses_are_in_no_script_and_particles_are_no_address() -> None:
    rules = "language=off"
    link = '<a href="http://codex.wordpress.org/Users" target="_blank">{}</a>'
    pairs = [
        (link.format("Help"), link.format("도움")),
        ("Read https://bugs.kde.org now", "https://bugs.kde.org를 읽으십시오"),
    ]
    assert judged(pairs, ("en", "ko"), rules=rules) == ["kept"] * 2
    assert judged([("Read the book of the dead", "Lies das Buch der Toten heute noch")], ("en", "ko"), rules=rules) == [
        "script"
    ]


def test_what_is_untranslated_is_told_from_what_is_copied_by_how_often_its_words_are_translated() -> None:
    translated = [(f"Open the {word} document", f"{word} 문서를 엽니다") for word in map(str, range(100))]
    copied = [(f"The program gnuplot-{word} of gnuplot", f"gnuplot의 프로그램 gnuplot-{word}") for word in "abcdefgh"]
    corpus = [*translated, *copied] * 5
    rules = "language=off,agreement=off,order=off,boilerplate=off"
    for pair, rule in (
        (("Open document", "Open document"), "source-equals-target"),  # both words are translated elsewhere
        (("Akonadi document", "Akonadi document"), "kept"),  # this may be a name
        (("com.sun.star.Document", "com.sun.star.Document"), "kept"),
        (("gnuplot [<document>] gnuplot gnuplot", "gnuplot [<문서>] gnuplot gnuplot"), "kept"),
        (("Open the Akonadi document", "open the akonadi document!"), "source-equals-target"),
        (("Open the Akonadi document", "Open the Akonadi docunent"), "source-equals-target"),
        (("Open the Akonadi document", "Akonadi document 열기"), "kept"),
    ):
        assert judged([pair], ("en", "ko"), corpus, rules=rules) == [rule], pair


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["red", "green", "blue", "house", "river", "bridge"]), min_size=4, unique=True), st.data()
)
def test_an_untranslated_line_is_told_whatever_letter_of_it_is_changed(line: list[str], data: st.DataObject) -> None:
    text = " ".join(line)
    place = data.draw(st.integers(0, len(text) - 1))
    mistaken = text[:place] + "x" + text[place + 1 :]
    rule = SourceEqualsTarget()
    rule.learn(Chunk([(LONG, LANG)]))
    scores = rule.judge(Chunk([(text, text), (text, text.upper()), (text, mistaken), (text, LANG)])).tolist()
    assert scores == pytest.approx([1, 1, 1, 0])


def test_between_close_languages_more_may_be_alike() -> None:
    alike = [
        (f"The red house {a} is near the {b} river", f"Di red house {a} dey near di {b} river")
        for a in "abcdefghij"
        for b in "klmnopqrst"
    ]
    rules = "language=off,agreement=off,order=off,boilerplate=off,script=off"
    assert set(judged([*alike, (LONG, f"{LONG}.")], ("en", "pcm"), rules=rules)) == {"kept", "source-equals-target"}
    assert judged([*alike, (LONG, f"{LONG}.")], ("en", "pcm"), rules=rules)[-1] == "source-equals-target"
    near = [("The red house is near the blue river", "The red house is near di blue river")]
    assert judged(near, ("en", "pcm"), alike, rules=rules) == ["kept"]
    assert judged(near, ("en", "de"), [(LONG, LANG)] * 300, rules=rules) == ["source-equals-target"]


def test_thresholds_are_settings_and_off_turns_a_rule_off() -> None:
    pair = [("Could not open %s: %d", "Konnte %s nicht öffnen")]
    assert judged(pair) == ["placeholders"]
    assert judged(pair, rules="placeholders=1") == ["kept"]
    assert judged(pair, rules="placeholders=off") == ["kept"]
    assert judged(pair, clean="off") == ["kept"]
    assert judged(pair, clean="off", rules="placeholders=0") == ["placeholders"]
    with pytest.raises(SettingsError, match="there is no rule 'placeholder'; the nearest known name is placeholders"):
        judged(pair, rules="placeholder=off")
    with pytest.raises(SettingsError, match="the threshold of the rule 'tags' is 'many'; write a number, or off"):
        judged(pair, rules="tags=many")


@pytest.mark.parametrize("sorted_by_likelihood", [False, True])
def test_scores_of_languages_are_those_of_py3langids_rank(
    monkeypatch: pytest.MonkeyPatch, sorted_by_likelihood: bool
) -> None:
    py3langid = pytest.importorskip("py3langid")
    from nmt.corpus.rules import languages

    lines = [
        "The cat sits here.",
        "Die Katze sitzt hier.",
        "GB",
        "x",
        "123",
        "여기 고양이가 앉아 있다.",
        "Ово је српски.",
        "ALL",
    ]
    if sorted_by_likelihood:
        ranked = languages._model()
        monkeypatch.setattr(languages, "_model", lambda: type("Ranks", (), {"rank": ranked.rank}))
    languages._judge_of_lines.cache_clear()
    scores = languages._scores(lines)
    languages._judge_of_lines.cache_clear()
    for row, line in enumerate(lines):
        ranked_scores = dict(py3langid.rank(line))
        best = max(ranked_scores.values())
        assert scores[row].tolist() == [
            languages.TEMPER * (ranked_scores[name] - best) for name in sorted(ranked_scores)
        ]
        shares = np.linspace(0.001, 1, len(ranked_scores))
        alone = languages._posteriors(scores[row : row + 1], shares)
        assert languages._posteriors(scores, shares)[row].tolist() == alone[0].tolist()


def test_words_that_both_sides_have_say_nothing_of_their_languages() -> None:
    pytest.importorskip("py3langid")
    rule = Language(("en", "ko"))
    rule.learn(
        Chunk([(source, target) for source in ("Open the file", LONG) for target in ("파일을 엽니다", "도움말")])
    )
    french = "Le rapide renard brun saute par-dessus le chien paresseux"
    scores = rule.judge(
        Chunk(
            [
                ("Hindi (मानक हिन्दी)", "힌디어 (मानक हिन्दी)"),
                ("Help: git notes [<options>] list <object>", "도움말: git notes [<옵션>] list <개체>"),
                ("Greek", "힌디어 मानक हिन्दी"),
                (french, french),
            ]
        )
    )
    assert scores[:2].max() < 0.5
    assert scores[2] > 0.95
    assert np.isnan(scores[3])


def test_without_its_extra_a_rule_has_no_opinion(monkeypatch: pytest.MonkeyPatch) -> None:
    from nmt.corpus.rules import languages

    monkeypatch.setitem(__import__("sys").modules, "py3langid.langid", None)
    monkeypatch.setitem(__import__("sys").modules, "ftfy.badness", None)
    for function in (languages._model, languages._places):
        function.cache_clear()
    try:
        assert (
            judged([(LONG, "Le rapide renard brun saute par-dessus le chien paresseux"), (LONG, "Ã¼ber")])
            == ["kept"] * 2
        )
    finally:
        for function in (languages._model, languages._places):
            function.cache_clear()


# --- near-copies of what is held out ----------------------------------------------------------------------------------


def changed(text: str, how: str) -> str:
    tokens = text.split()
    return {
        "stop": text.rstrip(".") if text.endswith(".") else f"{text}.",
        "case": text.upper(),
        "digit": text.replace("7", "9"),
        "word": " ".join([*tokens[:2], "zzz", *tokens[3:]]),
        "missing": " ".join(tokens[:2] + tokens[3:]),
        "added": " ".join([*tokens[:2], "zzz", *tokens[2:]]),
    }[how]


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("how", "score"), [("stop", 1), ("case", 1), ("digit", 0.95), ("word", 0.9), ("missing", 0.9), ("added", 0.9)]
)
@pytest.mark.parametrize("other", ["the same", "another"])
def test_a_near_copy_on_one_side_is_told(how: str, score: float, side: int, other: str) -> None:
    pair = ("A man with 7 dogs walks down a street.", "나는 개 7 마리와 함께 큰 길을 걷는다.")
    rule = HeldOut("in-test", "a test set", [pair])
    rule.learn(Chunk([]))
    sides = [*pair]
    sides[side] = changed(pair[side], how)
    if other == "another":
        sides[1 - side] = "Something else that is as long as the other was before."
    expected = max(score, 1.0) if other == "the same" else score  # the side that is left as it was is a copy by itself
    assert rule.judge(Chunk([(sides[0], sides[1])])) == pytest.approx([expected])


def test_short_lines_are_near_copies_only_as_pairs() -> None:
    rule = HeldOut("in-test", "a test set", [("Cancel", "취소"), ("Open the file", "파일 열기")])
    rule.learn(Chunk([]))
    pairs = [
        ("Cancel", "취소"),
        ("cancel!", "취소"),
        ("Cancel", "취소하기"),
        ("Open the door", "파일 열기"),
        ("OK", "취소"),
    ]
    assert rule.judge(Chunk(pairs)).tolist() == pytest.approx([1, 1, 0, 0.9, 0])


LETTERS = st.lists(st.sampled_from("abcd"), min_size=5, max_size=7).map(" ".join)


@settings(deadline=None, max_examples=200)
@given(LETTERS, st.lists(LETTERS, min_size=1, max_size=4))
def test_one_word_apart_is_what_comparing_all_shorter_lines_says(line: str, held_out: list[str]) -> None:
    def shorter(text: str) -> set[str]:
        tokens = text.split()
        return {" ".join(tokens[:place] + tokens[place + 1 :]) for place in range(len(tokens))} | {text}

    rule = HeldOut("in-test", "a test set", [(text, "x") for text in held_out])
    rule.learn(Chunk([]))
    score = float(rule.judge(Chunk([(line, "y")]))[0])
    expected = 1 if line in held_out else NEAR if any(shorter(line) & shorter(text) for text in held_out) else 0
    assert score == pytest.approx(expected)


NEAR = 0.9


# --- rules that learn from the corpus ---------------------------------------------------------------------------------


def test_probabilities_fall_with_the_score_and_nothing_is_sure_where_all_is_right() -> None:
    numbers = np.random.default_rng(1)
    right, wrong = numbers.normal(3, 1, 5000), numbers.normal(0, 1, 5000)
    clean = Evidence.learn(right, wrong, 0.003)
    assert clean
    assert clean.probability(right).max() < 0.5
    mixed = Evidence.learn(np.concatenate([right, numbers.normal(0, 1, 1000)]), wrong, 0.003)
    assert mixed
    scores = np.linspace(-4, 7, 50)
    probabilities = mixed.probability(scores).tolist()
    assert all(left >= right for left, right in pairwise(probabilities))
    # By Bayes' rule: a sixth of the pairs is wrong.
    truth = np.exp(-(scores**2) / 2) / (np.exp(-(scores**2) / 2) + 5 * np.exp(-((scores - 3) ** 2) / 2))
    assert np.abs(mixed.probability(scores) - truth).max() < 0.2
    assert Evidence.learn(right[:10], wrong, 0.0) is None


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 1 << 50), st.floats(0.125, 1.0, width=16), max_size=50))
def test_a_table_gives_back_what_was_stored(values: dict[int, float]) -> None:
    table = PairTable(np.array([*values], np.int64), np.array([*values.values()]))
    assert table.look_up(np.array([*values], np.int64)).tolist() == pytest.approx([*values.values()])


@cache
def real_pairs() -> Pairs:
    folder = real_text("multi30k")
    sides = [(folder / f"train.{code}").read_text(encoding="utf-8").split("\n")[:10_000] for code in ("en", "de")]
    return [(normal(source), normal(target)) for source, target in zip(*sides, strict=True)]


def noisy(kind: str) -> tuple[Pairs, Pairs]:
    """Clean pairs of real text, and wrong ones made of other pairs."""
    clean, rest = real_pairs()[:8_000], real_pairs()[8_000:]
    numbers = random.Random(1)

    def mixed(text: str) -> str:
        return " ".join(numbers.sample(text.split(), len(text.split())))

    halves = [(len(source.split()) // 2, len(target.split()) // 2) for source, target in rest]
    wrong = {
        "cut": [
            (source, " ".join(target.split()[:half])) for (source, target), (_, half) in zip(rest, halves, strict=True)
        ],
        "mixed": [
            (source, " ".join(target.split()[:there] + source.split()[here:]))
            for (source, target), (here, there) in zip(rest, halves, strict=True)
        ],
        "misaligned": [(source, target) for (source, _), (_, target) in zip(rest, rest[7:] + rest[:7], strict=True)],
        "source": [(mixed(source), target) for source, target in rest],
        "target": [(source, mixed(target)) for source, target in rest],
    }
    return clean, wrong[kind]


@pytest.mark.parametrize(
    ("kind", "rule", "least"),
    [
        ("misaligned", "agreement", 0.8),
        ("source", "order", 0.5),
        ("target", "order", 0.5),
        ("cut", "coverage", 0.3),
        ("mixed", "half-translated", 0.5),
    ],
)
def test_pairs_that_were_made_wrong_are_found_and_the_others_stay(kind: str, rule: str, least: float) -> None:
    clean, wrong = noisy(kind)
    wrong = wrong[:1000] if kind == "mixed" else wrong  # many mixed sides hide each other
    learnt = {own.name: own for own in rules_for(("en", "de"), NOTHING)}
    sample = Chunk([*clean, *wrong])
    for name in ("length-ratio", "agreement", rule):
        learnt[name].learn(sample)
    dropped = learnt[rule].judge(sample) > learnt[rule].normal
    assert dropped[len(clean) :].mean() >= least
    assert dropped[: len(clean)].mean() <= 0.01
    # A pair's score does not depend on the pairs beside it.
    some = [0, 5, len(clean) + 3]
    again = learnt[rule].judge(Chunk([sample.pairs[row] for row in some]))
    assert again.tolist() == pytest.approx(learnt[rule].judge(sample)[some].tolist(), nan_ok=True)


@pytest.mark.parametrize("cells", [None, 1 << 18])  # all pairs of words, or those of one line in eight
def test_a_clean_corpus_loses_nothing_to_rules_that_learn(cells: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if cells:
        monkeypatch.setattr("nmt.corpus.rules.agreement.CELLS", cells)
    clean, _ = noisy("misaligned")
    dropped = judged(clean, rules="language=off,in-test=off")
    assert sum(rule != "kept" for rule in dropped) <= 0.003 * len(clean)


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'm 20, really!", ["i", "'", "m", "20", ",", "really", "!"]),
        ("나는 3살이다.", ["나는", "3", "살이다", "."]),
        ("東京都に住む", ["東京", "京都", "都に", "に住", "住む"]),
        ("", []),
    ],
)
def test_words_are_cut_at_spaces_marks_and_digits_and_han_into_pairs(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_every_rule_says_what_it_drops() -> None:
    rules = rules_for(("ko", "en"), NOTHING)
    assert len({rule.name for rule in rules}) == len(rules)
    named: list[Rule | Duplicate] = [*rules, Duplicate()]
    for rule in named:
        assert rule.about.split()[0] in {"has", "is"}
        assert rule.strict <= rule.normal < rule.highest


@pytest.mark.parametrize("unit", ["a", "a.", "1", "_a", "é", "가", "<=", "-", "%a", "{", "&a", "/a"])
def test_a_line_of_a_mebibyte_is_judged_in_time_that_grows_with_it(unit: str) -> None:
    """Patterns that begin anew at every letter would take hours for one such line, and this test would not end."""
    text = (unit * LONGEST_LINE)[: LONGEST_LINE // len(unit.encode())]
    for rule in rules_for(("en", "de"), NOTHING):
        rule.learn(Chunk([("a b", "c d")]))
        assert rule.judge(Chunk([(text, "Ein Hund")])).shape == (1,)
