"""Translating with a glossary: its terms are in the translations, plainly where the model says them by itself."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import CORPUS, TinyRun, nmt
from fakes import Recorder, WordTokenizer

from nmt import Request, SearchOptions, Translator
from nmt.config import EngineOptions
from nmt.decoding.checks import TERM
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.engines.both import BothEngines
from nmt.decoding.placing import Search
from nmt.decoding.rewriting import Rewriter
from nmt.decoding.segments import Segment
from nmt.decoding.shaping import Shaper
from nmt.decoding.terms import term_counts, term_summary
from nmt.decoding.translation import TermUse, Translation
from nmt.errors import SettingsError
from nmt.store.model_folder import ModelFolder
from nmt.text.edges import has_words
from nmt.text.mistyped import USUAL, KnownWords
from nmt.text.profile import Profile
from nmt.text.reserved import TERM_SIGNS
from nmt.text.term_forms import Term
from nmt.text.terms import Glossary
from nmt.text.tokenizer import Tokenizer

SHORT = SearchOptions(beam_size=2, max_length_factor=0.3, min_length=8, no_repeat_ngram=1)
TERMS = {"학생": ["pupil", "school child"], "집": "mansion", "책": "volume", "물": [], "나": "myself"}
PROFILE = Profile(100, 5, 0.9, ".", ".")


@pytest.fixture(scope="module")
def model(tiny_run: TinyRun) -> ModelFolder:
    return ModelFolder.open(tiny_run.run)


@pytest.fixture(scope="module")
def tokenizer(model: ModelFolder) -> Tokenizer:
    return model.tokenizers[0]


def translator(
    model: ModelFolder, terms: dict[str, Any], engine: str = "torch", options: SearchOptions = SHORT
) -> Translator:
    wanted = EngineOptions(engine=engine, threads=1, device="cpu")
    return Translator.of(model, options, wanted, glossary=Glossary.of(terms, ("ko",), "en"))


def lines_of(count: int) -> list[str]:
    return (CORPUS / "train.ko").read_text(encoding="utf-8").splitlines()[:count]


def test_all_terms_are_in_the_translations_and_told(model: ModelFolder) -> None:
    lines = lines_of(60)
    translations = list(translator(model, TERMS).translate(lines))
    uses = [use for translation in translations for use in translation.terms or []]
    assert len(uses) > 8
    assert {use.source for use in uses} >= {"학생", "집", "나"}
    for translation in translations:
        assert translation.terms is not None
        for source, target, kept in translation.terms:
            assert source in translation.source
            assert target in [*([TERMS[source]] if isinstance(TERMS[source], str) else TERMS[source]), source]
            assert kept
            assert has_words(translation.text.lower(), target.lower())
    others = [each for each in translations if not each.terms]
    plain = list(translator(model, {}).translate([each.source for each in others]))
    assert [each.text for each in plain] == [each.text for each in others]
    assert [each.score for each in plain] == pytest.approx([each.score for each in others])


class Noting:
    """A second engine that notes what it is asked."""

    def __init__(self, both: BothEngines) -> None:
        self.asked: list[Query] = []
        self.engine = both._load()
        both._load = lambda: self  # type: ignore[assignment,return-value]

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        self.asked += queries
        return self.engine.search(queries, options)


def test_only_what_lacks_a_term_goes_to_pytorch_and_both_engines_find_the_same(model: ModelFolder) -> None:
    pytest.importorskip("ctranslate2")
    lines = lines_of(60)
    both = translator(model, TERMS, "auto")
    assert isinstance(both.engine, BothEngines)
    noting = Noting(both.engine)
    first, second = list(translator(model, TERMS).translate(lines)), list(both.translate(lines))
    assert [(each.text, each.terms) for each in first] == [(each.text, each.terms) for each in second]
    assert [each.score for each in first] == pytest.approx([each.score for each in second], abs=1e-4)
    plain = list(translator(model, {}).translate(lines))
    lacking = sum(bool(each.terms) and each.text != bare.text for each, bare in zip(first, plain, strict=True))
    assert len(noting.asked) == lacking
    assert all(query.constraints for query in noting.asked)
    about = both.about()
    assert (about["engine"], about["phrases by"]) == ("ctranslate2", "torch")
    assert "torch version" in about


def test_a_term_that_the_plain_translation_has_inflected_is_left_as_it_is(model: ModelFolder) -> None:
    pytest.importorskip("ctranslate2")
    lines = [line for line in lines_of(40) if "나는" in line]
    plain = list(translator(model, {}).translate(lines))
    for line, bare in zip(lines, plain, strict=True):
        word = max((word.strip(".,?!") for word in bare.text.split()), key=len)
        both = translator(model, {"나": ["nowhere", f"{word}s".capitalize()]}, "auto")
        (translation,) = both.translate([line])
        assert translation.terms is not None
        if translation.terms[0].target != "nowhere":
            assert translation.text == bare.text
            assert translation.score == pytest.approx(bare.score, abs=1e-4)
            assert isinstance(both.engine, BothEngines)
            assert both.engine._loaded is None
            return
    pytest.fail("no word of these is a stem of its plural")


def test_constraints_too_leave_plain_search_to_ctranslate2(model: ModelFolder) -> None:
    pytest.importorskip("ctranslate2")
    options = replace(SHORT, phrases=True)
    both = Translator.of(model, options, EngineOptions(threads=1, device="cpu"))
    assert isinstance(both.engine, BothEngines)
    lines = lines_of(30)
    (plain,) = both.translate([Request(lines[0])])
    (same,) = both.translate([Request(lines[0], constraints=[plain.text.split()[0]])])
    assert (same.text, both.engine._loaded) == (plain.text, None)
    asked = [Request(line, constraints=["pupil", "the book"][: place % 3]) for place, line in enumerate(lines)]
    torch = Translator.of(model, options, EngineOptions(engine="torch", threads=1, device="cpu"))
    first, second = list(torch.translate(asked)), list(both.translate(asked))
    assert [each.text for each in first] == [each.text for each in second]
    assert both.engine._loaded is not None


def test_ctranslate2_alone_is_refused_with_a_glossary(model: ModelFolder) -> None:
    pytest.importorskip("ctranslate2")
    with pytest.raises(SettingsError, match="must or must not appear"):
        translator(model, TERMS, "ctranslate2")


def test_a_term_goes_into_the_sentence_that_has_it(model: ModelFolder) -> None:
    line = "나는 학생이다. 집에 간다. 책을 읽는다. 학교에 간다."
    whole = next(translator(model, {"책": "volume"}).translate([line]))
    parts = [next(translator(model, {"책": "volume"}).translate([part])) for part in line.split(" ") if part]
    assert whole.terms == [TermUse("책", "volume", True)]
    third = next(translator(model, {"책": "volume"}).translate(["책을 읽는다."]))
    plain = [next(translator(model, {}).translate([f"{part}."])).text for part in line.rstrip(".").split(". ")]
    plain[2] = third.text
    assert whole.text == " ".join(plain)
    assert len(parts) == 8


def test_terms_and_constraints_of_one_line_hold_together(model: ModelFolder) -> None:
    (translation,) = translator(model, TERMS).translate([Request("나는 학생이다.", constraints=["the book"])])
    assert has_words(translation.text, "the book")
    assert [use.kept for use in translation.terms or []] == [True, True]


def shaped(
    tokenizer: Tokenizer, profile: Profile, line: str, terms: dict[str, str | Sequence[str]]
) -> list[tuple[str, list[str]]]:
    """The segments of a line as they are spelled, with their terms."""
    glossary = Glossary.of(terms, ("ko",), "en")
    segments = Shaper(tokenizer, Rewriter(tokenizer, profile, ("ko", "en")), glossary).segments([line], 0, Recorder())
    return [
        (b"".join(tokenizer.spell(segment.told or segment.pieces)).decode().strip(), [w.words for w in segment.terms])
        for segment in segments
    ]


def test_no_term_is_found_in_what_stays_as_it_is(tokenizer: Tokenizer) -> None:
    profile = replace(PROFILE, slots=16, kinds=("tag", "address"))
    found = shaped(tokenizer, profile, "책을 <b>책</b> https://a.kr/b 읽는다.", {"책": "volume", "집": "x", "b": "y"})
    assert [words for _, words in found] == [["책", "책"]]


def test_a_model_that_knows_annotations_reads_translations_after_the_terms(tokenizer: Tokenizer) -> None:
    told = replace(PROFILE, terms=True)
    line = "나는 책을 읽는다. 물을 마신다."
    plain = [("나는 책을 읽는다.", ["나", "책"]), ("물을 마신다.", ["물"])]
    profile = replace(PROFILE, sentences=1)
    assert shaped(tokenizer, profile, line, TERMS) == plain
    assert shaped(tokenizer, replace(profile, terms=True), line, TERMS) == [
        ("나는\ufde0 myself\ufde1 책을\ufde0 volume\ufde1 읽는다.", ["나", "책"]),
        ("물을\ufde0 물\ufde1 마신다.", ["물"]),
    ]
    assert shaped(tokenizer, told, "책\ufde0 x\ufde1", TERMS) == shaped(tokenizer, PROFILE, "책\ufde0 x\ufde1", TERMS)
    reserved = tokenizer.first_reserved
    shaper = Shaper(tokenizer, Rewriter(tokenizer, told, ("ko", "en")), Glossary.of(TERMS, ("ko",), "en"))
    (segment,) = shaper.segments(["책"], 0, Recorder())
    assert [piece - reserved for piece in segment.told if piece >= reserved] == [17, 18]
    assert segment.pieces == tokenizer.encode(["책"])[0]


def recased(line: str, terms: dict[str, str]) -> list[str]:
    """The words of the terms in a line that is translated as a sentence."""
    words = WordTokenizer()
    profile = Profile(90, 9, 0.5, ".", ".", 0.0, 0.0)
    glossary = Glossary.of(terms, ("en",), "de")
    shaper = Shaper(words, Rewriter(words, profile, ("en", "de")), glossary)
    return [found.words for segment in shaper.segments([line], 0, Recorder()) for found in segment.terms]


def test_terms_are_found_as_the_author_wrote_them() -> None:
    assert recased("Contact Us Today For Help", {"US": "USA", "help": "Hilfe"}) == ["Help"]
    assert recased("Please Restart Your Acme Cloud Server", {"Acme Cloud": ""}) == ["Acme Cloud"]
    assert recased("RESTART THE SERVER", {"server": "Server"}) == ["SERVER"]
    # In capitals nobody can tell IT from it.
    assert recased("IT WORKS FOR US", {"US": "USA", "IT": "IT", "work": "Werk"}) == ["WORKS"]


def test_a_word_of_the_glossary_is_not_put_right() -> None:
    words = WordTokenizer()
    profile = replace(Profile(90, 9, 0.0, "", ""), words=KnownWords.of(["silver"] * USUAL))
    line = "a sliver list"
    for glossary, text in ((None, "a silver list"), (Glossary.of({"sliver": "x"}, ("en",), "de"), line)):
        translator = Translator(Answers(words, {}), words, words, profile=profile, glossary=glossary)
        (segment,) = translator.shaper.segments([line], 0, Recorder())
        assert words.decode([segment.pieces]) == [text]


def test_a_segment_that_is_too_long_has_terms_in_its_parts_and_no_annotations(tokenizer: Tokenizer) -> None:
    line = "책 " * 500
    found = shaped(tokenizer, replace(PROFILE, terms=True, longest=10**6), line, TERMS)
    assert len(found) > 1
    assert sum(len(words) for _, words in found) == 500
    assert not any("\ufde0" in text for text, _ in found)


def test_links_of_annotated_sources_name_the_words_of_the_line(model: ModelFolder, tmp_path: Path) -> None:
    shutil.copytree(model.folder, tmp_path / "model")
    told = replace(SHORT, alignments=True, check=True)
    (translation,) = translator(model, TERMS, options=told).translate(["나는 학생이다. 책을 읽는다."])
    glossary = Glossary.of(TERMS, ("ko",), "en")
    assert model.profile
    annotating = Translator.of(model, told, EngineOptions(engine="torch", threads=1), glossary=glossary)
    rewriter = Rewriter(model.tokenizers[0], replace(model.profile, terms=True), ("ko", "en"))
    annotating.shaper = Shaper(model.tokenizers[0], rewriter, glossary)

    def tell(segments: Sequence[Segment], search: Search) -> None:
        for segment in segments:
            segment.added, segment.pieces = len(segment.told) - len(segment.pieces), [*segment.told]
        assert all(segment.added for segment in segments)
        search([*segments])

    annotating.placing = replace(annotating.placing, tell=tell)
    (again,) = annotating.translate(["나는 학생이다. 책을 읽는다."])
    assert again.source_pieces == translation.source_pieces
    assert again.alignment
    assert max(source for source, _ in again.alignment) <= 3
    assert all(use.kept for use in again.terms or [])


class Answers:
    """An engine with one answer to each source, phrases or not."""

    workers = 1
    scores = False

    def __init__(self, words: WordTokenizer, answers: dict[str, str]) -> None:
        self.words, self.answers = words, answers
        self.asked: list[str] = []

    def supports(self, options: SearchOptions) -> str | None:
        return None

    def about(self) -> dict[str, str | int]:
        return {"engine": "answers"}

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        sources = self.words.decode([query.pieces for query in queries])
        self.asked += sources
        return [[Hypothesis(self.words.encode([self.answers[source]])[0], -1.0)] for source in sources]


def test_what_lacks_a_term_is_told_and_taken_if_that_helps() -> None:
    words, begin, end = WordTokenizer(), TERM_SIGNS[0], TERM_SIGNS[1]
    plain = {"a menu": "die Karte", "the menu": "das Menü", "this menu": "hier"}
    told = {f"a menu{begin} Menü{end}": "ein Menü hier", f"this menu{begin} Menü{end}": "dort"}
    engine = Answers(words, plain | told)
    profile, options = replace(PROFILE, terms=True), SearchOptions(phrases=True)
    glossary = Glossary([Term("menu", ("Menü",))])
    translator = Translator(engine, words, words, options, profile=profile, glossary=glossary)
    found = [each.text for each in translator.translate(list(plain))]
    assert found == ["ein Menü hier", "das Menü", "hier"]  # for the last one it is searched, which this engine ignores
    assert engine.asked == [*plain, *told, "this menu"]


def test_a_line_that_lacks_a_term_is_counted_and_fails_the_check() -> None:
    words = WordTokenizer()
    answers = {"a menu": "ein Menü", "the menu": "die Karte", "two menus file": "zwei Menüs Datei", "none": "keine"}
    glossary = Glossary([Term("menu", ("Menü",)), Term("file", ("Akte", "Dateien"))], ("en",), "de")
    options = SearchOptions(check=True, phrases=True)
    told = Translator(Answers(words, answers), words, words, options, glossary=glossary)
    translations = list(told.translate(list(answers)))
    assert [each.terms for each in translations] == [
        [("menu", "Menü", True)],
        [("menu", "Menü", False)],
        [("menus", "Menü", True), ("file", "Dateien", True)],
        [],
    ]
    assert [TERM in (each.checks or []) for each in translations] == [False, True, False, False]
    counted = term_counts(translations)
    assert term_summary(counted) == "3 of 4 terms were kept; 1 line lacks one"
    assert term_summary(term_counts(translations[:1])) == "1 of 1 terms were kept"
    assert term_summary(term_counts([Translation("x", "y", 0.0)])) == "no line has a term of the glossary"


def test_the_command_reads_the_file_tells_the_terms_and_resumes_by_its_contents(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    (tmp_path / "in.ko").write_text("나는 학생이다.\n집에 간다.\n\n", encoding="utf-8")
    (tmp_path / "terms.tsv").write_text("학생\tpupil\n", encoding="utf-8")
    command: list[str | Path] = [
        "translate",
        tiny_run.run,
        tmp_path / "in.ko",
        "-o",
        tmp_path / "out",
        "--glossary",
        tmp_path / "terms.tsv",
    ]
    command += ["--format", "jsonl", "--max-length-factor", "0.5", "--threads", "1"]
    made = nmt(*command)
    assert made.returncode == 0, made.stderr
    assert "nmt: 1 of 1 terms were kept\n" in made.stderr
    entries = [json.loads(line) for line in (tmp_path / "out").read_text(encoding="utf-8").splitlines()]
    assert [entry["terms"] for entry in entries] == [[{"source": "학생", "target": "pupil", "kept": True}], [], []]
    missing = nmt(*command[:-8], "--glossary", tmp_path / "none.tsv")
    assert (missing.returncode, "there is no file" in missing.stderr) == (66, True)
    (tmp_path / "terms.tsv").write_text("학생 pupil\n", encoding="utf-8")
    bad = nmt(*command)
    assert bad.returncode == 65
    assert "terms.tsv line 1 has no tab" in bad.stderr


def test_other_terms_are_another_job(model: ModelFolder) -> None:
    told = [translator(model, terms).about() for terms in (TERMS, TERMS, {"책": "book"})]
    assert told[0] == told[1] != told[2]
    assert "glossary" not in Translator.of(model, SHORT, EngineOptions(engine="torch")).about()


def test_evaluate_scores_translations_with_their_terms(tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "t.ko").write_text("나는 학생이다.\n집에 간다.\n", encoding="utf-8")
    (tmp_path / "t.en").write_text("I am a pupil.\nI go home.\n", encoding="utf-8")
    (tmp_path / "terms.tsv").write_text("학생\tpupil\n", encoding="utf-8")
    told = "--glossary", tmp_path / "terms.tsv"
    made = nmt("evaluate", tiny_run.run, tmp_path / "t", *told, "-o", tmp_path / "out", "--max-length-factor", "0.5")
    assert made.returncode == 0, made.stderr
    assert "1 of 1 terms were kept" in made.stderr
    assert has_words((tmp_path / "out").read_text(encoding="utf-8").splitlines()[0].lower(), "pupil")
    refused = nmt("evaluate", "--hyp", tmp_path / "t.en", "--ref", tmp_path / "t.en", *told)
    assert refused.returncode == 2
