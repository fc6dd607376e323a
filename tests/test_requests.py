"""Lines that ask for a beginning, for phrases and for none: from text to text, by a real model of random weights."""

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import CORPUS, TinyRun, nmt
from fakes import Recorder, ReverseEngine, WordTokenizer

from nmt import Request, SearchOptions, Translator
from nmt.config import EngineOptions
from nmt.decoding.beside import Beside
from nmt.decoding.engine import Hypothesis, Query
from nmt.decoding.engines.pytorch import PyTorchEngine
from nmt.decoding.formats import Format
from nmt.decoding.job import Job
from nmt.decoding.phrases import AvoidedWords, Phrasebook, Spelling
from nmt.decoding.remarks import Remarks
from nmt.errors import BusyError, DataError, MissingInputError, SettingsError
from nmt.store.model_folder import ModelFolder
from nmt.text.edges import has_words
from nmt.text.lines import PAUSE
from nmt.text.tokenizer import EOS, Tokenizer
from nmt.text.verbatim import find

SHORT = SearchOptions(beam_size=2, max_length_factor=0.3, min_length=8, no_repeat_ngram=1, phrases=True)


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        ("cat", "a cat sat", True),
        ("cat", "cat", True),
        ("cat", '"cat"-like', True),
        ("cat", "a category", False),
        ("cat", "a polecat", False),
        ("cat", "a category of cat", True),
        ("cat", "a Cat", False),
        ("cat", "cat_1", False),
        ("cat", "cat's", True),
        ("New York", "in New York.", True),
        ("New York", "in New  York.", False),
        ("cafe\u0301", "un cafe\u0301s", False),
        ("cafe", "un cafe\u0301", False),
        ("학교", "학교에 간다", True),
        ("학교", "대학교", False),
        ("NASA", "NASA는", True),
        ("猫", "私は猫が好き", True),
        ("NASA", "私はNASAが好き", True),
        ("%s", "100%s", True),
        ("7", "7시", True),
        ("7", "17", False),
        ("", "anything", False),
    ],
)
def test_words_are_in_a_text_where_they_are_no_part_of_longer_words(words: str, text: str, expected: bool) -> None:
    assert has_words(text, words) is expected


SPELLED = " a|ab| b|a|b|ab|ba| |.| aba|b a|.a|가| 가|가나|猫|a猫b|,"
PIECES = ["<pad>", "<unk>", "<s>", "</s>", *SPELLED.split("|")]


@pytest.mark.parametrize(
    "phrases", [["a"], ["ab"], ["ab a"], ["a", "b b"], ["a."], ["."], ["가"], ["가나 가"], ["猫"], ["b猫"]]
)
@pytest.mark.parametrize("seed", range(3))
def test_exactly_the_pieces_that_would_complete_an_avoided_phrase_are_forbidden(phrases: list[str], seed: int) -> None:
    spelling = Spelling([piece.encode() for piece in PIECES])
    avoided, chance = AvoidedWords(phrases, spelling), random.Random(seed)

    def is_there(text: str) -> bool:
        return any(has_words(text, phrase) for phrase in phrases)

    for _ in range(40):
        pieces: list[int] = []
        for _ in range(12):
            text = "".join(PIECES[piece] for piece in pieces)
            ordinary = range(EOS + 1, len(PIECES))
            # A letter after it shows what stands there however the text goes on.
            expected = {piece for piece in ordinary if is_there(text + PIECES[piece] + "x")}
            last = {piece for piece in ordinary if is_there(text + PIECES[piece])}
            ended = {EOS} if is_there(text) else set()
            assert set(avoided.after(pieces, is_last=False)) == expected | ended, text
            assert set(avoided.after(pieces, is_last=True)) == last | ended, text
            allowed = sorted(set(ordinary) - expected)
            if not allowed:
                break
            pieces.append(chance.choice(allowed))


@pytest.fixture(scope="module")
def model(tiny_run: TinyRun) -> ModelFolder:
    return ModelFolder.open(tiny_run.run)


@pytest.fixture(scope="module")
def tokenizer(model: ModelFolder) -> Tokenizer:
    return model.tokenizers[1]


def translator(model: ModelFolder, options: SearchOptions = SHORT, engine: str = "torch", **more: Any) -> Translator:
    return Translator.of(model, options, EngineOptions(engine=engine, threads=1, **more))


def lines_of(language: str, count: int) -> list[str]:
    return (CORPUS / f"train.{language}").read_text(encoding="utf-8").splitlines()[:count]


def test_a_phrase_is_its_pieces_after_a_space_and_after_an_opening_mark(tokenizer: Tokenizer) -> None:
    book = Phrasebook(tokenizer, find, Remarks())
    for phrase in ("student", "to school", "Xylophon", "7", "猫"):
        spelled = [b"".join(tokenizer.spell(pieces)).decode() for pieces in book.constraint((phrase,))]
        assert spelled[0] == f" {phrase}"
        assert set(spelled[1:]) <= {phrase}
    assert len(book.constraint(("student", "pupil"))) >= 2


def random_phrases(count: int, seed: int = 0) -> Iterator[list[str]]:
    """Up to four words of each training target: side by side, or each by itself."""
    chance = random.Random(seed)
    for line in lines_of("en", count):
        words = [word.strip(".,!?\"'") for word in line.split()]
        number = min(chance.randint(1, 4), len(words))
        start = chance.randint(0, len(words) - number)
        chosen = line.split()[start : start + number]
        yield [" ".join(chosen).strip(".,!?\"'")] if chance.random() < 0.5 else chance.sample(words, number)


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_random_lists_of_up_to_four_words_are_all_in_their_translations(model: ModelFolder, count: int) -> None:
    asked = list(random_phrases(count))
    requests = [Request(line, constraints=phrases) for line, phrases in zip(lines_of("ko", count), asked, strict=True)]
    progress = Recorder()
    for phrases, translation in zip(asked, translator(model).translate(requests, progress), strict=True):
        assert all(has_words(translation.text, phrase) for phrase in phrases if phrase), (phrases, translation.text)
    assert not [warning for warning in progress.warnings if "as asked" in warning]


def test_all_that_is_asked_holds_together_and_in_any_batch(model: ModelFolder) -> None:
    lines = lines_of("ko", 60)
    asked = list(random_phrases(60, seed=1))
    unwanted = ["aot", "walkrc", "notir"]  # words that this model likes
    requests: list[str | Request] = [
        line
        if place % 5 == 0
        else Request(line, "Well then" if place % 2 else "", [phrases[:1]] if place % 3 else [], unwanted)
        for place, (line, phrases) in enumerate(zip(lines, asked, strict=True))
    ]
    texts = [
        [each.text for each in translator(model, batch_tokens=size).translate(requests)] for size in (1, 300, 4096)
    ]
    assert texts[0] == texts[1] == texts[2]
    plain = [each.text for each in translator(model, batch_tokens=300).translate(lines)]
    assert texts[0][::5] == plain[::5]
    assert any(has_words(text, word) for text in plain for word in unwanted)
    for place, (phrases, text) in enumerate(zip(asked, texts[0], strict=True)):
        if place % 5:
            assert not any(has_words(text, word) for word in unwanted if word not in " ".join(phrases).split())
            assert text.startswith("Well then") or place % 2 == 0
            assert place % 3 == 0 or not phrases[0] or has_words(text, phrases[0])


def test_one_of_several_forms_is_enough(model: ModelFolder) -> None:
    (translation,) = translator(model).translate([Request("나는 학생이다.", constraints=[("a pupil", "two students")])])
    assert has_words(translation.text, "a pupil") or has_words(translation.text, "two students")


def test_what_contradicts_itself_is_translated_and_a_warning_names_it(model: ModelFolder) -> None:
    progress = Recorder()
    requests: list[str | Request] = [
        "나는 학생이다.",
        Request("나는 학생이다.", constraints=["the book"], avoid=["book"]),
    ]
    plain, told = translator(model).translate(requests, progress)
    assert told.text == plain.text
    assert progress.warnings == ["1 translation is not as asked, first line 2 (it lacks the book)"]


def test_a_phrase_of_more_pieces_than_a_line_may_have_is_left_out_with_a_warning(model: ModelFolder) -> None:
    progress = Recorder()
    (translation,) = translator(model).translate([Request("나는 학생이다.", prefix="book " * 500)], progress)
    assert not translation.text.startswith("book book")
    assert progress.warnings == ["line 1 has a prefix or phrases of over 400 pieces: they are left out"]


SENTENCES = ["나는 학생이다.", "집에 간다.", "책을 읽는다.", "학교에 간다."]


def test_a_prefix_begins_the_first_sentence_of_a_line_and_no_other(model: ModelFolder) -> None:
    (one,) = translator(model).translate([Request(" ".join(SENTENCES), prefix="Well then")])
    assert one.text.startswith("Well then")
    assert one.text.count("Well then") == 1


def test_a_phrase_goes_into_the_sentence_of_its_line_that_loses_least_by_it_and_changes_no_other(
    model: ModelFolder,
) -> None:
    options = replace(SHORT, length_penalty=0.0)  # scores are sums
    for phrase in ("Well then", "book", "my friend", "school"):
        plain = list(translator(model, options).translate(SENTENCES))
        told = list(translator(model, options).translate([Request(one, constraints=[phrase]) for one in SENTENCES]))
        losses = [before.score - after.score for before, after in zip(plain, told, strict=True)]
        home = losses.index(min(losses))
        expected = " ".join((told if place == home else plain)[place].text for place in range(len(SENTENCES)))
        (line,) = translator(model, options).translate([Request(" ".join(SENTENCES), constraints=[phrase])])
        assert line.text == expected


def test_lines_that_have_their_phrases_already_are_searched_once(model: ModelFolder) -> None:
    class Counting(PyTorchEngine):
        searched = 0

        def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
            self.searched += len(queries)
            return super().search(queries, options)

    lines = lines_of("ko", 8)
    engine = translator(model).engine
    assert isinstance(engine, PyTorchEngine)
    counting = Counting(engine.model, engine.forbidden, piece_V=engine.columns.piece_V)
    plain = list(translator(model).translate(lines))
    requests = [Request(line, constraints=each.text.split()[:2]) for line, each in zip(lines, plain, strict=True)]
    told = list(Translator(counting, *model.tokenizers, SHORT, profile=model.profile).translate(requests))
    assert [(each.text, each.score) for each in told] == [(each.text, each.score) for each in plain]
    assert counting.searched == len(lines)


def test_a_blank_line_stays_blank(model: ModelFolder) -> None:
    progress = Recorder()
    translations = list(translator(model).translate([Request(" ", "Well", ["then"], ["the"]), ""], progress))
    assert [translation.text for translation in translations] == ["", ""]
    assert not progress.warnings


@pytest.mark.parametrize(
    "options",
    [
        SearchOptions(beam_size=5, n_best=2, max_length_factor=0.5),
        SearchOptions(beam_size=1, max_length_factor=0.5, no_repeat_ngram=2),
        SearchOptions(beam_size=3, max_length_factor=0.5, no_repeat_ngram=1, min_length=9),
        SearchOptions(beam_size=4, max_length_factor=0.5, min_length=15),
    ],
    ids=lambda options: f"beam {options.beam_size}, n-gram {options.no_repeat_ngram}, least {options.min_length}",
)
def test_both_engines_find_the_same(model: ModelFolder, options: SearchOptions) -> None:
    pytest.importorskip("ctranslate2")
    prefixes = ["Well then", "", "I am", "Xylophon 猫", ""]  # 猫 is bytes that no target of training had
    requests = [Request(line, prefixes[place % 5]) for place, line in enumerate(lines_of("ko", 60))]
    first, second = (
        # One line a batch: where lines of a batch differ in their limits, CTranslate2 may miss a cut that is the best.
        list(translator(model, options, name, batch_tokens=1).translate(requests))
        for name in ("torch", "ctranslate2")
    )
    assert [each.text for each in first] == [each.text for each in second]
    for place, (one, other) in enumerate(zip(first, second, strict=True)):
        # CTranslate2 counts a piece that it never produces as -10,000, near which float32 has steps of 0.001.
        assert one.score == pytest.approx(other.score, abs=1e-3 if "猫" in prefixes[place % 5] else 1e-5)
    assert all(each.text.startswith(prefixes[place % 5]) for place, each in enumerate(first))


def test_ctranslate2_refuses_phrases_and_auto_takes_pytorch_for_these_alone(model: ModelFolder) -> None:
    pytest.importorskip("ctranslate2")
    with pytest.raises(SettingsError, match="must or must not appear"):
        translator(model, SHORT, "ctranslate2")
    plain = translator(model, SearchOptions(), "ctranslate2")
    with pytest.raises(SettingsError, match="must or must not appear"):
        next(plain.translate([Request("나는 학생이다.", avoid=["a"])]))
    about = translator(model, SHORT, "auto").about()
    assert (about["engine"], about["phrases by"]) == ("ctranslate2", "torch")
    assert translator(model, SHORT, "auto", device="cpu", compute_type="int8").about()["compute type"] == "int8"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"constraints": "book"}, "`constraints` is of type str: pass a list of phrases"),
        ({"avoid": [("a", "b")]}, "`avoid` has a value of type tuple"),
        ({"constraints": [["book", 1]]}, "`constraints` has a value of type int"),
        ({"prefix": None}, "`prefix` has a value of type NoneType"),
    ],
)
def test_a_request_that_is_none_is_refused_in_words(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Request("text", **arguments)


def written(folder: Path, **texts: str) -> Beside:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Beside(**{name: folder / name for name in texts})


def test_files_beside_the_text_go_through_all_inputs_in_order(tmp_path: Path) -> None:
    beside = written(tmp_path, prefix="A\n\n \nD\n", constraints="\nx y\tz\n\n\t\n", avoid="\n\n\nq\n")
    beside.check_counts(4)
    first, second = list(beside.join(["1", PAUSE, "2"])), list(beside.join(["3", "4"]))
    beside.check_end()
    assert first == [Request("1", "A"), PAUSE, Request("2", constraints=("x y", "z"))]
    assert second == ["3", Request("4", "D", avoid=("q",))]


def test_files_of_another_length_are_an_error_with_both_counts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"`prefix` .*prefix has 2 lines, and the text 3"):
        written(tmp_path, prefix="A\nB\n").check_counts(3)
    written(tmp_path, prefix="A\nB\n").check_counts(None)
    with pytest.raises(DataError, match="has 2 lines, and the text at least 3"):
        list(written(tmp_path, prefix="A\nB\n").join("123"))
    longer = written(tmp_path, prefix="A\nB\n")
    list(longer.join("1"))
    with pytest.raises(DataError, match="has 2 lines, and the text 1"):
        longer.check_end()
    with pytest.raises(MissingInputError, match="there is no file"):
        Beside(avoid=tmp_path / "none")


@dataclass
class Stopping(ReverseEngine):
    """An engine that runs out of memory where a line has a stop."""

    stop: int = -1

    def search(self, queries: Sequence[Query], options: SearchOptions) -> list[list[Hypothesis]]:
        if any(self.stop in query.pieces for query in queries):
            raise BusyError("no room", "give more")
        return super().search(queries, options)


def test_a_job_resumes_at_the_first_line_that_asks_for_something_else(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("a\nb\nc\nd stop\n", encoding="utf-8")
    tokenizer, engine = WordTokenizer(), Stopping()

    def run(prefix: str) -> tuple[Recorder, list[list[list[int]]]]:
        engine.batches.clear()
        progress = Recorder()
        job = Job([tmp_path / "in"], str(tmp_path / "out"), Format(), beside=written(tmp_path, prefix=prefix))
        job.run(lambda: Translator(engine, tokenizer, tokenizer, window=1), progress, lambda: sys.stdout.buffer, None)
        return progress, engine.batches

    engine.stop = tokenizer.number("stop")
    with pytest.raises(BusyError, match="resumes after line 3"):
        run("\nx\n\n\n")
    engine.stop = -1
    progress, batches = run("\ny\n\n\n")
    assert progress.notes == ["resuming after line 1: the input has changed"]
    assert len(batches) == 3


def test_the_command_reads_the_files_and_says_what_is_wrong_with_them(tiny_run: TinyRun, tmp_path: Path) -> None:
    for name, text in (
        ("a.ko", "나는 학생이다.\n\n"),
        ("b.ko", "집에 간다.\n"),
        ("prefix", "Well\n\nSo\n"),
        ("terms", "book\n\ntwo books\tpupil\n"),
        ("unwanted", "the\n\na\n"),
        ("short", "Well\n\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")

    def run(*arguments: str, **options: Any) -> Any:
        return nmt("translate", tiny_run.run, *arguments, "--max-length-factor", "0.5", cwd=tmp_path, **options)

    told = ("--prefix", "prefix", "--constraints", "terms", "--avoid", "unwanted")
    result = run("a.ko", "b.ko", *told)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("Well")
    assert has_words(lines[0], "book")
    assert lines[1] == ""
    assert lines[2].startswith("So")
    assert all(has_words(lines[2], phrase) for phrase in ("two books", "pupil"))
    folder = run("a.ko", "b.ko", *told, "-o", "out/")
    assert folder.returncode == 0, folder.stderr
    assert (tmp_path / "out/a.ko").read_text(encoding="utf-8").splitlines() == lines[:2]
    assert (tmp_path / "out/b.ko").read_text(encoding="utf-8").splitlines() == lines[2:]

    wrong = run("a.ko", "b.ko", "--prefix", "short", "-o", "none")
    assert wrong.returncode == 65
    assert wrong.stderr.endswith(
        "nmt: error: --prefix short has 2 lines, and the text 3; give it one line for each line of text\n"
    )
    assert not (tmp_path / "none").exists()
    piped = run("--prefix", "short", input="나는 학생이다.\n" * 3)
    assert piped.returncode == 65
    assert "--prefix short has 2 lines, and the text at least 3" in piped.stderr
    same = run("a.ko", "--prefix", "short", "-o", "short")
    assert same.returncode == 2, "an output is none of the files that are read"
    both = run("a.ko", "--constraints", "short", "--engine", "ctranslate2")
    assert both.returncode == 78
    assert "phrases that must or must not appear" in both.stderr
