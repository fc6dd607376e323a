"""What stays as it is passes a model in slots: each item comes out exactly once, whatever the model does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum
from pathlib import Path

import numpy as np
import pytest
from conftest import CORPUS, PREPARE, TRAIN, nmt
from fakes import Recorder, ReverseEngine, WordTokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tokenizer import TEXT
from test_verbatim import LONG_LINE, SLOW

from nmt.config import EngineOptions, SearchOptions
from nmt.corpus.dataset import Dataset
from nmt.corpus.encode import LEAST_SHOWN, slots_shown
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.forced import PairScorer
from nmt.decoding.lost_slots import LostSlots
from nmt.decoding.request import Request
from nmt.decoding.rewriting import Rewriter, Sentence
from nmt.decoding.shaping import Shaper
from nmt.decoding.translator import Translator
from nmt.store.model_folder import ModelFolder
from nmt.text.edges import OPEN, edge
from nmt.text.mistyped import USUAL, KnownWords
from nmt.text.normal import normal
from nmt.text.profile import Profile
from nmt.text.progress import Silent
from nmt.text.reserved import RESERVED, SIGNS, SLOTS
from nmt.text.slots import filled, matched, slotted, slotted_pair, spaced, without_signs
from nmt.text.tokenizer import Tokenizer, train_tokenizer
from nmt.text.verbatim import find
from nmt.text.verbatim_forms import KINDS

S0, S1, S2 = list(SIGNS[:3])
PARTS = st.lists(
    st.sampled_from(["a", "b c", "%s", "<b>", "{name}", " ", ".", "👍", "나무", "http://x.org/a"]), max_size=9
)


@given(PARTS)
def test_a_text_whose_slots_are_filled_is_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    shown, items = slotted(text, find)
    assert filled(shown, items) == text
    assert len(items) == min(SLOTS, len(find(text)))
    assert without_signs(shown) == "".join(part for part in shown if part not in SIGNS)


@given(PARTS, st.permutations(SIGNS[:5]))
def test_every_item_of_a_translation_appears_once_whatever_signs_it_has(parts: list[str], signs: list[str]) -> None:
    items = ("<1>", "<2>", "<3>")
    words = [word for part, sign in zip(parts, [*signs, *signs], strict=False) for word in ("w", sign)]
    text = filled(" ".join(words), items)
    present = [number for number, sign in enumerate(SIGNS[:3]) if sign in words]
    assert [text.count(item) for item in items] == [int(number in present) for number in range(3)]
    assert not any(sign in text for sign in SIGNS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a {S0} b {S0} c", "a X b c"),
        (f"a {S2} b", "a b"),
        (f"{S1}a{S0}.", "aX."),
        (f"{S0}{S0}", "X"),
    ],
)
def test_a_sign_of_no_item_goes_with_the_space_before_it(text: str, expected: str) -> None:
    assert filled(text, ["X"]) == expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Open %s.", "%s 열기", (f"Open {S0}.", f"{S0} 열기")),
        ("Click <b>here</b>", "<b>여기</b>를", (f"Click {S0}here{S1}", f"{S0}여기{S1}를")),
        ("%s of %d", "%d의 %s", (f"{S0} of {S1}", f"{S1}의 {S0}")),  # numbered as in the source
        ("%s and %s", "%s, %s", (f"{S0} and {S1}", f"{S0}, {S1}")),
        ("Only {a} here {b}", "{b} 여기", ("Only {a} here " + S0, f"{S0} 여기")),  # what one side lacks stays
        ("none", "{b} 여기", ("none", "{b} 여기")),
        ('<a href="/en">A</a>', '<a href="/ko">가</a>', (f"{S0}A{S1}", f"{S0}가{S1}")),  # attributes are not compared
        ('<a id="1"><a id="2">', '<a id="2"><a id="1">', (f"{S0}{S1}", f"{S1}{S0}")),  # unless they tell tags apart
        ("%1$s in %2$s", "%2$s의 %1$s", (f"{S0} in {S1}", f"{S1}의 {S0}")),
        (f"typed {S0} %s", "%s", (f"typed {S0} %s", "%s")),
    ],
)
def test_both_sides_of_a_pair_get_slots_for_what_both_have(source: str, target: str, expected: tuple[str, str]) -> None:
    assert slotted_pair(source, target, find) == expected


def test_training_shows_every_slot_and_each_pair_keeps_its_order() -> None:
    seen = set[str]()
    for number in range(400):
        source, target = slotted_pair(f"word {number} %s <b>x", f"Wort {number} <b> y %s", find, vary=True)
        signs = [sign for sign in source if sign in SIGNS]
        assert signs == sorted(signs)
        assert sorted(sign for sign in target if sign in SIGNS) == signs
        seen.update(signs)
    assert seen == set(SIGNS)


def test_more_items_than_slots_stay_in_the_text() -> None:
    text = " ".join(f"{{x{number}}}" for number in range(SLOTS + 4))
    shown, items = slotted(text, find)
    assert len(items) == SLOTS
    assert shown.endswith("{x16} {x17} {x18} {x19}")
    assert slotted(text, find, most=2).items == ("{x0}", "{x1}")


def test_a_prefix_has_the_slots_of_the_source() -> None:
    assert matched("%d 중 %s", ("%s", "%d"), find) == f"{S1} 중 {S0}"
    assert matched("%d 중 %s", ("%s",), find) == f"%d 중 {S0}"


@pytest.mark.parametrize(
    ("kinds", "patterns", "slots"),
    [
        ((), {"ticket": "TKT[a-z]+"}, [0]),
        (("address",), {}, [0]),
        (("address",), {"ticket": "TKT[a-z]+"}, [0, 1]),
        (KINDS, {}, [0, 1]),  # ★ is a sign that the vocabulary lacks
        ((), {}, []),
    ],
)
def test_a_prefix_has_slots_for_the_kinds_of_the_model(
    tokenizer: Tokenizer, kinds: Sequence[str], patterns: dict[str, str], slots: list[int]
) -> None:
    if patterns:
        pytest.importorskip("regex")
    line = "나무 TKTa www.x.org" if kinds is not KINDS else "나무 ★ www.x.org"
    profile = Profile(30, 1, 0.5, ".", ".", 0.0, 0.0, SLOTS if slots else 0, kinds, patterns)
    translator = Translator(ReverseEngine(), tokenizer, tokenizer, profile=profile)
    (segment,) = translator.shaper.segments([line], 0, Silent())
    translator.phrasebook.tell([segment], {0: Request(line, prefix=line[3:])}, 0, Silent())
    first = tokenizer.first_reserved
    assert [piece - first for piece in segment.pieces if piece >= first] == slots
    assert [piece - first for piece in segment.prefix if piece >= first] == slots


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return Tokenizer(train_tokenizer(TEXT, request.param, 300), "test model")


@settings(deadline=None)
@given(st.lists(st.sampled_from(["나는", "a book", " ", "▁", "👍", "é", *SIGNS]), max_size=12))
def test_signs_become_slots_and_slots_become_signs(tokenizer: Tokenizer, parts: list[str]) -> None:
    text = normal("".join(parts))
    (ids,) = tokenizer.encode_slotted([text], [True])
    slots = [id - tokenizer.first_reserved for id in ids if id >= tokenizer.first_reserved]
    assert slots == [SIGNS.index(sign) for sign in text if sign in SIGNS]
    assert tokenizer.decode_slotted([ids]) == [text]
    assert normal(tokenizer.decode([ids])[0]) == normal(without_signs(text))
    assert b"".join(tokenizer.spell(ids)).decode().strip() == text


@given(st.lists(st.sampled_from(["나는", "a book", " ", *SIGNS]), max_size=12))
def test_a_typed_sign_is_no_slot(tokenizer: Tokenizer, parts: list[str]) -> None:
    text = normal("".join(parts))
    (ids,) = tokenizer.encode([text])
    assert tokenizer.encode_slotted([text], [False]) == [ids]
    assert all(id < tokenizer.first_reserved for id in ids)
    assert tokenizer.decode([ids]) == [text]


def test_slots_count_as_shown_from_the_first_to_one_that_is_rare() -> None:
    counts = np.zeros(300 + RESERVED, np.int64)
    assert slots_shown(counts) == 0
    counts[300:303] = LEAST_SHOWN
    counts[304] = 1000
    assert slots_shown(counts) == 3


def test_without_a_scorer_a_lost_slot_goes_where_it_stands_in_the_source(tokenizer: Tokenizer) -> None:
    first = tokenizer.first_reserved
    slots = LostSlots(None, tokenizer, range(first, first + 16), 1.0)
    words = tokenizer.encode(["나는 집에서 책을 읽는다."])[0]
    begin, end = Query([first, 10, 11, 12]), Query([10, 11, 12, first])
    ((at_begin,), (at_end,)) = slots.complete([begin, end], [[Hypothesis(words, -1.0)], [Hypothesis(words, -1.0)]])
    assert at_begin.pieces == [tokenizer.space, first, *words]
    assert at_end.pieces == [*words, first]


@dataclass
class TableScorer:
    """Scores a target by a table of its pieces and places, the same for every query."""

    workers: int = 1
    score_tokens: int | None = None

    def about(self) -> dict[str, str | int]:
        return {}

    def score(self, queries: Sequence[Query], targets: Sequence[Sequence[int]]) -> list[Hypothesis]:
        return [Hypothesis(list(target), 0.0, self.values(target)) for target in targets]

    @staticmethod
    def values(target: Sequence[int]) -> list[float]:
        return [-((7 * piece + 3 * place) % 11) / 7 for place, piece in enumerate([*target, 3])]


@settings(deadline=None)
@given(st.lists(st.integers(4, 200), max_size=6), st.integers(0, 2), st.integers(0, 1))
def test_a_lost_slot_goes_where_brute_force_finds_the_most_probable_place(
    tokenizer: Tokenizer, pieces: list[int], lost: int, prefix: int
) -> None:
    first, scorer = tokenizer.first_reserved, TableScorer()
    slots = LostSlots(scorer, tokenizer, range(first, first + 16), 1.0)
    wanted = [first, first + 1, first + 2]
    kept = [slot for slot in wanted if slot != wanted[lost]]
    query = Query([wanted[0], 10, wanted[1], wanted[2]], prefix=pieces[:prefix])
    given_pieces = [*pieces, *kept]
    ((found,),) = slots.complete([query], [[Hypothesis(given_pieces, -1.0)]])
    begins = [text.startswith(b" ") for text in tokenizer.spell(given_pieces)] + [True]
    tried = []
    spelled = tokenizer.spell(given_pieces)
    for place in range(min(prefix, len(pieces)), len(given_pieces) + 1):
        around = [text.decode(errors="replace") for text in (spelled[max(0, place - 1)], *spelled[place : place + 1])]
        if 0 < place < len(spelled) and OPEN not in (edge(around[0][-1:]), edge(around[1][:1])):
            continue  # inside a word
        spaced = place == 0 or (begins[place] and lost == 0)  # the first slot begins the source
        tried.append(given_pieces[:place] + [tokenizer.space] * spaced + [wanted[lost]] + given_pieces[place:])
    sums = [fsum(scorer.values(each)) for each in tried]
    assert found.pieces == tried[sums.index(max(sums))]
    assert found.score == pytest.approx(max(sums) / (len(found.pieces) + 1))


def test_what_has_all_its_slots_is_left_alone(tokenizer: Tokenizer) -> None:
    first = tokenizer.first_reserved
    slots = LostSlots(TableScorer(), tokenizer, range(first, first + 16), 1.0)
    found = [[Hypothesis([first, 5, first], -1.0)], [Hypothesis([5], -2.0)]]
    assert slots.complete([Query([5, first]), Query([6])], found) == found


ITEMS = ["%s", "<b>", "</b>", "{name}", "http://x.org/a?b=1", "👍", "1234567", "`rm -rf`"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 20 updates on lines with items, which translates badly and loses slots."""
    folder = tmp_path_factory.mktemp("slots")
    for language in ("ko", "en"):
        lines = (CORPUS / f"train.{language}").read_text(encoding="utf-8").splitlines()[:300]
        filled_in = [f"{ITEMS[row % 8]} {line[:-1]} {ITEMS[row % 5]}." for row, line in enumerate(lines)]
        (folder / f"train.{language}").write_text("\n".join(filled_in) + "\n", encoding="utf-8")
    made = nmt("prepare", *PREPARE.split(), "--train", folder / "train", "--clean", "off", "-o", folder / "data")
    assert made.returncode == 0, made.stderr
    made = nmt("train", folder / "data", "-o", folder / "run", *TRAIN.split(), "--set", "training.odd_input=0.5")
    assert made.returncode == 0, made.stderr
    return folder


def test_training_rows_have_slots_and_the_vocabulary_has_no_pieces_for_items(model: Path) -> None:
    data = Dataset.open(model / "data")
    assert data.profile is not None
    assert data.profile.slots >= 2
    tokenizer = data.load_tokenizers()[0]
    sources, targets = data.train.ids(np.arange(len(data.train)))
    for source, target in zip(sources, targets, strict=True):
        slots = sorted(id for id in source.tolist() if id >= tokenizer.first_reserved)
        assert slots == sorted(id for id in target.tolist() if id >= tokenizer.first_reserved)
        assert len(slots) >= 1
    assert not [piece for piece in tokenizer.pieces(range(260, tokenizer.first_reserved)) if "http" in piece]


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_each_item_of_a_line_is_once_in_its_translation(model: Path, engine: str) -> None:
    if engine == "ctranslate2":
        pytest.importorskip("ctranslate2")
    lines = ["나는 집에 간다 %s.", "<b>나무</b> 아래 {name}", "https://example.org/?q=%20 를 본다.", "👍👍 좋다!"]
    translator = Translator.load(model / "run", engine=engine, threads=1)
    for line, translation in zip(lines, translator.translate(lines), strict=True):
        for start, end, _ in find(line):
            assert translation.text.count(line[start:end]) == line.count(line[start:end])
    one_by_one = [next(iter(translator.translate([line]))).text for line in lines]
    assert one_by_one == [translation.text for translation in translator.translate(lines)]


def test_lines_that_have_nothing_to_translate_are_copied(model: Path) -> None:
    lines = ["42", "•", "👍", "http://x.org/a", "1.5 % — {name}", "...", "%s %s"]
    translator = Translator.load(model / "run", threads=1)
    assert [translation.text for translation in translator.translate(lines)] == lines


def test_typed_signs_are_text(model: Path, tmp_path: Path) -> None:
    translator = Translator.load(model / "run", threads=1)
    lines = [f"{SIGNS[0]} 42", f"{SIGNS[3]}-7", SIGNS]
    assert [translation.text for translation in translator.translate(lines)] == lines
    for language in ("ko", "en"):
        (tmp_path / f"train.{language}").write_text(f"a {S0} %s\n" * 30 + "b %s\n", encoding="utf-8")
    made = nmt("prepare", "-s", "ko", "-t", "en", "--train", tmp_path / "train", "--clean", "off", "-o", tmp_path / "d")
    assert made.returncode == 0, made.stderr
    data = Dataset.open(tmp_path / "d")
    tokenizer = data.load_tokenizers()[0]
    sources = data.train.ids(np.arange(len(data.train)))[0]
    slotted_rows = [row for row in sources if (row >= tokenizer.first_reserved).any()]
    assert len(slotted_rows) <= 1


def test_words_and_signs_that_the_vocabulary_lacks_are_copied(model: Path) -> None:
    translator = Translator.load(model / "run", threads=1)
    (found,) = translator.translate(["나는 Привет ★★ 본다."])
    assert found.text.count("Привет") == 1
    assert found.text.count("★★") == 1


def test_every_hypothesis_has_the_items_and_links_and_scores_fit(model: Path) -> None:
    options = SearchOptions(beam_size=3, n_best=3, token_scores=True, alignments=True, check=True)
    translator = Translator.load(model / "run", options, threads=1)
    (found,) = translator.translate(["나는 <b>집</b>에 간다 {user name}."])
    for text in (found.text, *(each.text for each in found.alternatives)):
        assert (text.count("<b>"), text.count("</b>")) == (1, 1)
    assert found.tokens
    assert all(source < 5 and target < len(found.text.split()) for source, target in found.alignment or [])


def test_inspect_looks_at_the_slots_that_the_model_reads(model: Path) -> None:
    from nmt.show.attention import Inspector

    pair = Inspector.load(model / "run").look("나는 <b>집</b>에 간다.", "I go <b>home</b>.")
    cross = next(each for each in pair.maps if each.kind == "cross")
    assert [piece for piece in cross.columns if piece.endswith(">▁")] == ["<0>▁", "<1>▁"]
    assert [piece for piece in cross.rows if piece.endswith(">▁")] == ["<0>▁", "<1>▁"]
    assert pair.target == "I go <b>home</b>."


@pytest.mark.parametrize("source", ["- 나는 집에 간다.", "나는 집에\u00ad 간다 ☂.", "3) <b>나</b>는 간다."])
def test_inspect_reads_the_pieces_that_a_translation_reads(model: Path, source: str) -> None:
    from nmt.show.attention import Inspector

    inspector = Inspector.load(model / "run")
    translator = Translator.load(model / "run", device="cpu", threads=1)
    read, items = translator.rewriter.slotted(source, 1)
    assert items
    source_ids, _, _ = inspector.trace(source)
    assert source_ids == inspector.source_tokenizer.encode_slotted([read], [bool(items)])[0]


@pytest.mark.parametrize(
    "pair",
    [
        ("- 나는 +82 2 1234 5678 집에 간다", "I go home +82 2 1234 5678"),  # an item that one side has
        ("- 나는 %s ☂", "- I go %s"),  # a sign that the vocabulary lacks
        ("나는\u00ad 간다", "I go"),
    ],
)
def test_inspect_reads_a_given_pair_as_it_is_scored(model: Path, pair: tuple[str, str]) -> None:
    from nmt.show.attention import Inspector

    inspector = Inspector.load(model / "run")
    (scored,) = PairScorer.of(ModelFolder.open(model / "run"), EngineOptions(threads=1)).score([pair], 0, Silent())
    source_ids, trace, target = inspector.trace(*pair)
    assert (source_ids, trace.target, target) == (scored.source, scored.target, pair[1])


def test_a_pair_is_scored_with_its_slots(model: Path) -> None:
    opened = ModelFolder.open(model / "run")
    scorer = PairScorer.of(opened, EngineOptions(threads=1))
    (given_pair, other) = scorer.score([("나는 %s 간다.", "I go %s."), ("나는 %s 간다.", "I go.")], 0, Silent())
    first = opened.tokenizers[0].first_reserved
    assert first in given_pair.source
    assert first in given_pair.target
    assert all(id < first for id in other.source)


def test_kinds_and_patterns_are_the_models(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("regex")
    corpus, output = str(model / "train"), str(tmp_path / "data")
    prepare = ["prepare", *PREPARE.split(), "--train", corpus, "--clean", "off", "-o", output]
    made = nmt(*prepare, "--kind", "code=off", "--kind", "tree=나무|tree")
    assert made.returncode == 0, made.stderr
    profile = Dataset.open(tmp_path / "data").profile
    assert profile is not None
    assert "code" not in profile.kinds
    assert profile.patterns == {"tree": "나무|tree"}
    made = nmt(*prepare, "--kind", "all=off")
    assert made.returncode == 0, made.stderr
    assert json.loads((tmp_path / "data" / "manifest.json").read_text())["profile"]["slots"] == 0
    refused = nmt(*prepare, "--kind", "cod=off")
    assert (refused.returncode, "nearest known name is code" in refused.stderr) == (2, True), refused.stderr


def test_no_line_is_lost_to_a_pattern_that_takes_too_long(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("regex")
    monkeypatch.setattr("nmt.text.verbatim.SECONDS", 0.05)
    profile = ModelFolder.open(model / "run").profile
    assert profile
    translator = Translator.load(model / "run", threads=1)
    translator.rewriter = Rewriter(translator.source_tokenizer, replace(profile, patterns={"slow": SLOW}), ("ko", "en"))
    translator.shaper = Shaper(translator.source_tokenizer, translator.rewriter)
    lines = ["나무 %s.", f"<b> {LONG_LINE}", "", f"{LONG_LINE}. 나무. {LONG_LINE}", "나무 %s."]
    progress = Recorder()
    translations = [translation.text for translation in translator.translate(lines, progress)]
    assert len(translations) == 5
    assert (translations[1].count("<b>"), translations[4].count("%s")) == (1, 1)
    said = [line for line in progress.warnings if "slow" in line]
    assert [line.split(":")[0] for line in said] == ["2 lines are read without `kind` slow, first line 2"]


def test_prepare_keeps_pairs_for_which_a_pattern_takes_too_long(tmp_path: Path) -> None:
    pytest.importorskip("regex")
    for language in ("ko", "en"):
        words = (CORPUS / f"train.{language}").read_text(encoding="utf-8").splitlines()[:60]
        lines = [*[f"{line} %s" for line in words], f"<b> {LONG_LINE}", "aaa"]
        (tmp_path / f"train.{language}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = ["prepare", "-s", "ko", "-t", "en", "--train", str(tmp_path / "train"), "--clean", "off"]
    made = nmt(*command, "--kind", f"slow={SLOW}", "-o", tmp_path / "data")
    assert made.returncode == 0, made.stderr
    said = [line for line in made.stderr.splitlines() if "slow" in line]
    assert len(said) == 1
    assert f"1 line is read without --kind slow, first {tmp_path}/train line 61: " in said[0]
    data = Dataset.open(tmp_path / "data")
    first = data.load_tokenizers()[0].first_reserved
    sources = [*data.train.ids(np.arange(len(data.train)))[0], *data.valid.ids(np.arange(len(data.valid)))[0]]
    assert [int((row >= first).sum()) for row in sources] == [1] * len(sources)
    assert len(sources) > 50


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        (f"{S0}Ein Hund", f"{S0} a dog", f"{S0} Ein Hund"),
        (f"Ein Hund{S0}", f"a dog {S0}", f"Ein Hund {S0}"),
        (f"ein{S0}zwei", f"one {S0} two", f"ein {S0} zwei"),
        (f"{S0}Datei{S1}", f"{S0}file{S1}", f"{S0}Datei{S1}"),  # tags are not apart from words
        (f"{S0}을 연다", f"open {S0}", f"{S0}을 연다"),  # a particle
        (f"{S0}, ja", f"{S0} yes", f"{S0}, ja"),
        (f"{S1}a", f"{S0} a", f"{S1}a"),
    ],
)
def test_signs_stand_apart_from_letters_where_they_do_in_the_source(text: str, source: str, expected: str) -> None:
    assert spaced(text, source) == expected


@pytest.mark.parametrize("unit", ["★ x ", "★", "<b>★</b> "])
def test_of_a_line_full_of_strange_signs_the_first_get_slots_and_none_overlap(tokenizer: Tokenizer, unit: str) -> None:
    rewriter = Rewriter(tokenizer, Profile(30, 1, 0.5, ".", ".", 0.0, 0.0, SLOTS, KINDS))
    text = unit * 20_000
    shown, items = rewriter.slotted(text, 1)
    assert filled(shown, items) == text
    assert len(items) == (1 if unit == "★" else SLOTS)
    assert "".join(items[:1]) == {"★ x ": "★", "★": text, "<b>★</b> ": "<b>"}[unit]


@pytest.mark.parametrize(
    "item",
    ['<a title="Read more. Now" href="x">', "`git commit. Then push`", "{{ Hello. World }}", '=IF(A1="Yes. No",B1,C1)'],
)
def test_a_mark_inside_of_what_stays_ends_no_sentence(tokenizer: Tokenizer, item: str) -> None:
    rewriter = Rewriter(tokenizer, Profile(90, 1, 0.5, ".", ".", slots=SLOTS, kinds=KINDS), ("en", "de"))
    line = f"Take {item} here. Then go on."
    whole = Sentence(rewriter.slotted(line, 1))
    (whole.pieces,) = tokenizer.encode_slotted([whole.text.text], [True])
    first, second = rewriter.sentences(line, 1, whole)
    assert (first.text.items, second.text.items) == ((item,), ())
    assert filled(*first.text) == f"Take {item} here."


@pytest.mark.parametrize("text", ["NATO", "- NATO", "  1. NATO", "{0} NATO", "<b>NATO</b>", "NATO (3)", "• NATO 2024"])
def test_a_word_in_capitals_is_alone_whatever_signs_stand_beside_it(text: str) -> None:
    rewriter = Rewriter(WordTokenizer(), Profile(90, 1, 0.5, ".", ".", 0.0, 0.0, SLOTS, KINDS), ("en", "de"))
    (sentence,) = rewriter.sentences(text, 1, Sentence(rewriter.slotted(text, 1), pieces=[9]))
    assert "NATO" in sentence.text.text
    (shouted,) = rewriter.sentences(f"{text} NOW", 1, Sentence(rewriter.slotted(f"{text} NOW", 1), pieces=[9]))
    assert "Nato" in shouted.text.text
    assert shouted.in_capitals


def test_an_indented_mark_comes_back_with_its_white_space() -> None:
    words = WordTokenizer()
    profile = Profile(90, 1, 0.0, "", "", slots=SLOTS, kinds=KINDS)
    translator = Translator(ReverseEngine(), words, words, profile=profile, sources=["en", "fr"])
    lines = ["  - item", "\t1. item", "  - One. Two.", "<b>- item</b>"]
    reversed_words = ["item   -", "item \t1.", "One.   - Two.", "item</b> <b>-"]
    assert [each.text for each in translator.translate(lines)] == reversed_words


def test_a_line_of_very_many_sentences_and_tags_is_split(tokenizer: Tokenizer) -> None:
    rewriter = Rewriter(tokenizer, Profile(90, 1, 0.5, ".", ".", slots=SLOTS, kinds=KINDS), ("en", "de"))
    line = "Take <b>it</b>. Now go. " * 30_000
    whole = Sentence(slotted(line, find), pieces=[9] * 99)
    assert len(rewriter.sentences(line.strip(), 1, whole)) == 60_000


def test_invisible_signs_that_the_vocabulary_lacks_do_not_cut_words(tokenizer: Tokenizer) -> None:
    rewriter = Rewriter(tokenizer, Profile(90, 1, 0.5, ".", ".", slots=SLOTS, kinds=KINDS))
    assert rewriter.slotted("The me\u00adnu of\u200b a \u2060file", 1).text == "The menu of a file"
    assert rewriter.slotted("👩\u200d👧 me\u00adnu", 1) == (f"{S0} menu", ("👩\u200d👧",))
    assert Rewriter(tokenizer, None).slotted("me\u00adnu", 1).text == "me\u00adnu"


def test_a_line_that_is_copied_keeps_its_white_space_and_its_words() -> None:
    words = WordTokenizer()
    known = KnownWords.of(["width silver"] * USUAL)
    profile = replace(Profile(90, 9, 0.0, "", ""), words=known)
    translator = Translator(ReverseEngine(), words, words, profile=profile)
    lines = ["1   2\t3", "for (i=0;  i<widht; i++) { x[i]=y[i]; }"]
    assert [each.text for each in translator.translate(lines)] == lines


def test_code_of_more_pieces_than_a_segment_has_is_copied_once() -> None:
    words = WordTokenizer()
    translator = Translator(ReverseEngine(), words, words, profile=Profile(9999, 9, 0.0, "", ""))
    line = " ".join(["a[i]={x};"] * 500)
    assert [each.text for each in translator.translate([line])] == [line]


def test_a_phrase_that_has_an_item_of_the_line_does_not_double_it() -> None:
    words = WordTokenizer()
    profile = Profile(90, 9, 0.0, "", "", slots=SLOTS, kinds=KINDS)
    translator = Translator(ReverseEngine(), words, words, profile=profile)
    segments = list(translator.shaper.segments(["open %s files"], 0, Recorder()))
    line = Request("open %s files", constraints=["%s Dateien"])
    ((phrase,), _) = translator.phrasebook.tell(segments, {0: line}, 0, Recorder())[0]
    assert f"{S0} Dateien" in {words.decode([pieces])[0] for pieces in phrase.pieces}
    assert not any("%s" in words.decode([pieces])[0] for pieces in phrase.pieces)
