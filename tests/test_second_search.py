"""What looks wrong is searched again: what is taken and what is left alone, by an exact engine and by a real model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import CORPUS, TinyRun
from fakes import AnswerEngine, Recorder, WordTokenizer

from nmt import Request, SearchOptions, Translation, Translator
from nmt.config import EngineOptions
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.formats import Format
from nmt.decoding.job import Job
from nmt.errors import BusyError
from nmt.store.model_folder import ModelFolder
from nmt.text.profile import Profile

LOOP, OTHER, GOOD = "x x x x", "y y y y", "x y z w"
Answers = dict[str, list[str]]
Again = dict[tuple[str, int], list[str]]


def made(answers: Answers, again: Again | None = None, **options: Any) -> tuple[Translator, AnswerEngine]:
    words = WordTokenizer()
    engine = AnswerEngine(words, answers, again or {})
    options = {"check": True, **options}
    return Translator(engine, words, words, SearchOptions(**options), target_language="de"), engine


def only(translator: Translator, line: str | Request) -> Translation:
    (translation,) = translator.translate([line])
    return translation


def test_a_loop_is_searched_without_repeats_and_a_sound_line_once() -> None:
    translator, engine = made({"a b": [LOOP], "c": ["x"]}, {("a b", 2): [GOOD]})
    mended, sound = translator.translate(["a b", "c"])
    assert (mended.text, mended.checks, mended.mended) == (GOOD, [], True)
    assert (sound.text, sound.checks, sound.mended) == ("x", [], False)
    assert engine.asked == [("a b", 5, 0), ("c", 5, 0), ("a b", 2, 3)]


def test_what_still_fails_is_searched_more_widely() -> None:
    translator, engine = made({"a b": [LOOP]}, {("a b", 2): [OTHER], ("a b", 10): [GOOD]})
    assert only(translator, "a b").text == GOOD
    assert [beam for _, beam, _ in engine.asked] == [5, 2, 10]


def test_another_hypothesis_of_the_list_is_taken_if_it_fails_less() -> None:
    translator, _ = made({"a b": [LOOP]}, {("a b", 2): [OTHER, GOOD]})
    found = only(translator, "a b")
    assert found.text == GOOD
    assert found.score == pytest.approx(-0.2)


def test_what_fails_as_many_checks_changes_nothing() -> None:
    translator, _ = made({"a b": [LOOP]}, {("a b", 2): [OTHER], ("a b", 10): [OTHER, OTHER]})
    found = only(translator, "a b")
    assert (found.text, found.checks, found.mended) == (LOOP, ["loop"], False)


def test_of_two_faults_one_may_be_mended() -> None:
    translator, _ = made({"a b 77": [LOOP]}, {("a b 77", 2): ["x y z"]})
    found = only(translator, "a b 77")
    assert (found.text, found.checks, found.mended) == ("x y z", ["number"], False)


CLAUSES = "a b c d, e f g h"


def test_a_line_is_cut_where_a_clause_ends_and_its_parts_are_joined() -> None:
    translator, engine = made({CLAUSES: [LOOP], "a b c d,": ["p q r s"], "e f g h": ["t u v"]})
    found = only(translator, CLAUSES)
    assert (found.text, found.checks, found.mended) == ("p q r s t u v", [], True)
    assert found.score == pytest.approx(-0.1)
    assert [source for source, _, _ in engine.asked] == [CLAUSES] * 3 + ["a b c d,", "e f g h"]


def test_parts_that_fail_together_change_nothing() -> None:
    translator, _ = made({CLAUSES: [LOOP], "a b c d,": [LOOP], "e f g h": ["t u v"]})
    assert only(translator, CLAUSES).text == LOOP


@pytest.mark.parametrize("line", ["a b c d e f g h", "a, b", "a, b c d e f g h"])
def test_no_line_is_cut_within_a_clause_nor_at_its_edge(line: str) -> None:
    translator, engine = made({line: [LOOP]})
    assert only(translator, line).text == LOOP
    assert {source for source, _, _ in engine.asked} == {line}


def test_the_list_of_a_mended_line_is_ordered_by_failed_checks_then_score() -> None:
    translator, _ = made({"a b": [LOOP, GOOD]}, {("a b", 2): [LOOP, GOOD]}, n_best=2)
    found = only(translator, "a b")
    assert [found.text, *(other.text for other in found.alternatives)] == [GOOD, LOOP]


def test_only_the_sentence_that_fails_is_searched_again() -> None:
    words = WordTokenizer()
    engine = AnswerEngine(words, {"A b.": ["X."], "C d.": [LOOP]}, {("C d.", 2): ["Y."]})
    profile = Profile(longest=9, sentences=1, final=0.9, source_mark=".", target_mark=".")
    translator = Translator(engine, words, words, SearchOptions(check=True), profile=profile)
    assert only(translator, "A b. C d.").text == "X. Y."
    assert [source for source, _, block in engine.asked if block] == ["C d."]


@pytest.mark.parametrize("options", [{"sample": 0}, {"mbr": "chrf"}])
def test_samples_and_what_consensus_chose_are_checked_and_left_alone(options: dict[str, Any]) -> None:
    translator, engine = made({"a b": [LOOP]}, {("a b", 2): [GOOD]}, **options)
    found = only(translator, "a b")
    assert (found.text, found.checks) == (LOOP, ["loop"])
    assert len(engine.asked) == 1


def test_without_check_nothing_is_searched_again() -> None:
    translator, engine = made({"a b": [LOOP]}, {("a b", 2): [GOOD]}, check=False)
    assert only(translator, "a b") == Translation("a b", LOOP, -0.1, source_pieces=2, target_pieces=4)
    assert len(engine.asked) == 1


def test_what_was_asked_for_is_asked_for_again_and_the_line_is_not_cut() -> None:
    translator, engine = made({CLAUSES: [LOOP]}, {(CLAUSES, 2): [GOOD]}, phrases=True)
    request = Request(CLAUSES, prefix="so", constraints=["x"], avoid=["n"])
    assert only(translator, request).text == f"so {GOOD}"
    first, again = engine.queries
    assert engine.words.decode([first.prefix, again.prefix]) == ["so", "so"]
    assert (first.constraints, [*map(list, again.constraints[0])]) == ((), engine.words.encode(["x"]))
    assert again.avoided is first.avoided is not None
    assert {source for source, _, _ in engine.asked} == {CLAUSES}


def test_the_users_own_ban_on_repeats_and_lengths_stay() -> None:
    translator, engine = made({"a b": [LOOP]}, no_repeat_ngram=2, min_length=1, beam_size=20)
    only(translator, "a b")
    assert engine.asked == [("a b", 20, 2), ("a b", 2, 2), ("a b", 40, 2)]


class Full(AnswerEngine):
    """Runs out of memory in every second search."""

    def answer(self, query: Query, options: SearchOptions) -> list[Hypothesis]:
        if options.no_repeat_ngram:
            raise BusyError("no room", "give more")
        return super().answer(query, options)


def test_a_second_search_without_memory_loses_no_line() -> None:
    words = WordTokenizer()
    translator = Translator(Full(words, {"a b": [LOOP], "c": ["x"]}), words, words, SearchOptions(check=True))
    assert [each.text for each in translator.translate(["a b", "", "c"])] == [LOOP, "", "x"]


def test_a_job_that_resumes_counts_the_lines_of_both_processes(tmp_path: Path) -> None:
    lines = ["a b", "c", "d", "e 77"]
    (tmp_path / "in").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(answers: Answers) -> Recorder:
        words, progress = WordTokenizer(), Recorder()
        engine = AnswerEngine(words, answers, {("a b", 2): [GOOD]})
        translator = Translator(engine, words, words, SearchOptions(check=True), window=2)
        job = Job([tmp_path / "in"], str(tmp_path / "out"), Format())
        job.run(lambda: translator, progress, lambda: pytest.fail("nothing goes to standard output"), None)
        return progress

    with pytest.raises(KeyError):
        run({"a b": [LOOP], "c": [LOOP]})
    assert not (tmp_path / "out").exists()
    progress = run({"d": ["x"], "e 77": ["x"]})
    assert progress.notes[-1] == "2 of 4 lines look wrong: loop 1, number 1; 1 was mended by a second search"
    assert (tmp_path / "out").read_text(encoding="utf-8") == f"{GOOD}\n{LOOP}\nx\nx\n"


ASKED = SearchOptions(beam_size=2, check=True, max_length_factor=1.0)


@pytest.fixture(scope="module")
def model(tiny_run: TinyRun) -> ModelFolder:
    return ModelFolder.open(tiny_run.run)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return (CORPUS / "train.ko").read_text(encoding="utf-8").splitlines()[:30]


def translations(model: ModelFolder, options: SearchOptions, engine: str, lines: list[str]) -> list[Translation]:
    wanted = EngineOptions(engine=engine, threads=1)
    return list(Translator.of(model, options, wanted).translate(lines))


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_a_real_model_mends_a_line_alone_as_in_batches(model: ModelFolder, lines: list[str], engine: str) -> None:
    pytest.importorskip("ctranslate2")
    plain = translations(model, replace(ASKED, check=False), engine, lines)
    together = translations(model, ASKED, engine, lines)
    alone = [only(Translator.of(model, ASKED, EngineOptions(engine=engine, threads=1)), line) for line in lines[:8]]
    assert [each.text for each in together[:8]] == [each.text for each in alone]
    assert [each.checks for each in together[:8]] == [each.checks for each in alone]
    assert any(each.mended for each in together), "nothing was mended: the test shows nothing"
    for first, now in zip(plain, together, strict=True):
        if not (now.checks or now.mended):
            assert (now.text, now.score) == (first.text, first.score)


def test_both_engines_mend_the_same(model: ModelFolder, lines: list[str]) -> None:
    pytest.importorskip("ctranslate2")
    left, right = (translations(model, ASKED, engine, lines) for engine in ("torch", "ctranslate2"))
    assert [(each.text, each.checks) for each in left] == [(each.text, each.checks) for each in right]


def test_links_and_token_scores_are_those_of_the_mended_line(model: ModelFolder, lines: list[str]) -> None:
    asked = replace(ASKED, alignments=True, token_scores=True)
    for each in translations(model, asked, "torch", lines[:12]):
        assert each.tokens is not None
        assert each.alignment is not None
        assert sum(piece != "</s>" for piece, _ in each.tokens) == each.target_pieces
        assert all(source < len(each.source.split()) for source, _ in each.alignment)
        assert all(target < len(each.text.split()) for _, target in each.alignment)
