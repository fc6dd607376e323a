"""prepare: every pair is kept or counted, the bytes are the same each time, and no work is repeated."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from string import ascii_letters
from typing import Any

import numpy as np
import pytest
from conftest import nmt, plain, started
from fakes import Recorder
from hypothesis import given, settings
from hypothesis import strategies as st
from real_text import real_text

from nmt.cli.prepare import summary
from nmt.config import PrepareOptions
from nmt.corpus import judging, survey
from nmt.corpus import making as module
from nmt.corpus.cleaning import Cleaning
from nmt.corpus.dataset import Dataset
from nmt.corpus.encoder import Encoder
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.corpus.rules.held_out import HeldOut
from nmt.corpus.rules.rule import Chunk
from nmt.disk.manifest import read_manifest, write_manifest
from nmt.errors import CannotCreateError, DataError, MissingInputError
from nmt.text import processes
from nmt.text.progress import Progress, Silent
from nmt.text.tokenizer import Tokenizer, train_tokenizer
from nmt.text.verbatim import Grammar

KOREAN = [
    "나는 학교에 간다.",
    "너는 집에서 책을 읽는다.",
    "우리는 공원에 있었다.",
    "그는 어제 사과를 먹었다.",
    "비가 온다.",
]
ENGLISH = ["I go to school.", "You read a book at home.", "We were in the park.", "He ate an apple.", "It rains."]


def pair(number: int) -> tuple[str, str]:
    """A pair that differs from any other in two words at least, and so is no near-copy."""
    digits = f"{number:03}", f"{37 * number % 1000:03}"
    korean = ["".join("가나다라마바사자차카"[int(digit)] for digit in name) for name in digits]
    english = ["".join("bdfghklmnr"[int(digit)] + "a" for digit in name) for name in digits]
    return f"{korean[0]} {KOREAN[number % 5]} {korean[1]}", f"{english[0]} {ENGLISH[number % 5]} {english[1]}"


TRAIN = [pair(number) for number in range(60)]
VALID = [pair(number) for number in range(60, 70)]
TEST = [pair(number) for number in range(70, 80)]


def write(prefix: Path, pairs: Sequence[tuple[str, str]]) -> Path:
    for side, language in enumerate(("ko", "en")):
        text = "".join(f"{pair[side]}\n" for pair in pairs)
        Path(f"{prefix}.{language}").write_bytes(text.encode())
    return prefix


@pytest.fixture
def request_(tmp_path: Path) -> PrepareRequest:
    train, valid, test = (write(tmp_path / name, pairs) for name, pairs in zip(SETS, (TRAIN, VALID, TEST), strict=True))
    return PrepareRequest("ko", "en", (train,), valid, (test,), tmp_path / "data")


SETS = ("train", "valid", "test")
NO_SLOTS = PrepareOptions(clean="off", kinds="all=off")
OPTIONS = PrepareOptions(clean="off")  # most tests are of what becomes of pairs that are kept
CLEANED = PrepareOptions(rules="language=off")  # the texts have names that no language has


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def texts(data: Dataset) -> list[tuple[str, str]]:
    source, target = Tokenizer.load(data.source_tokenizer_path), Tokenizer.load(data.target_tokenizer_path)
    rows = range(len(data.train))
    sources = source.decode([ids.tolist() for ids in data.train.ids(rows)[0]])
    targets = target.decode([ids.tolist() for ids in data.train.ids(rows)[1]])
    return list(zip(sources, targets, strict=True))


@pytest.mark.parametrize("tokenizer", ["unigram", "bpe"])
@pytest.mark.parametrize("joint", [True, False])
def test_a_dataset_holds_the_text_that_went_in(request_: PrepareRequest, tokenizer: str, joint: bool) -> None:
    report = prepare(request_, PrepareOptions(tokenizer=tokenizer, joint_vocab=joint, clean="off"))
    data = Dataset.open(request_.output)
    assert texts(data) == TRAIN
    assert list(zip(data.valid_source, data.valid_target, strict=True)) == VALID
    assert len(data.valid) == len(VALID) == report.valid_pairs
    assert (data.source_language, data.target_language, data.joint) == ("ko", "en", joint)
    assert (data.source_tokenizer_path == data.target_tokenizer_path) == joint
    sizes = [Tokenizer.load(path).size for path in (data.source_tokenizer_path, data.target_tokenizer_path)]
    assert [data.source_vocabulary, data.target_vocabulary] == sizes
    assert not report.unchanged


def test_the_manifest_says_which_pieces_targets_use_and_older_datasets_are_read_for_it(
    request_: PrepareRequest,
) -> None:
    prepare(request_, OPTIONS)
    data = Dataset.open(request_.output)
    targets = [ids for split in (data.train, data.valid) for ids in split.ids(range(len(split)))[1]]
    used = sorted({0, 1, 2, 3, *(piece for ids in targets for piece in ids.tolist())})
    assert np.flatnonzero(data.target_pieces()).tolist() == used
    assert 4 < len(used) < data.target_vocabulary
    packed = data.manifest.pop("target_pieces")
    assert len(packed) == 2 * -(-data.target_vocabulary // 8)
    assert np.flatnonzero(data.target_pieces()).tolist() == used


HARD_KOREAN = [
    ("龘와 爨은 어려운 한자다.", "龘 and 爨 are hard hanja."),
    ("\uf90a\uf914 호환용 한자", "compatibility hanja"),
    ("ᄒᆞᆫ글 나랏말ᄊᆞ미", "old hangul"),
    (unicodedata.normalize("NFD", "풀어 쓴 한글"), "decomposed jamo"),
    ("ㅋㅋㅋ 👍🏽 👩‍👩‍👧‍👦 좋아요", "emoji 🇰🇷"),
    ("<s> 나는 </s> ▁ <0x0A> 간다", "typed <unk> signs ▁"),
    ("ＦＵＬＬ 전각　문자", "wide space and letters"),
]


def test_hard_korean_survives_prepare_and_decode_unchanged(request_: PrepareRequest) -> None:
    write(request_.train[0], [*TRAIN, *HARD_KOREAN])
    prepare(request_, OPTIONS)
    assert texts(Dataset.open(request_.output)) == [
        (unicodedata.normalize("NFC", " ".join(source.split())), target) for source, target in [*TRAIN, *HARD_KOREAN]
    ]


def test_test_pairs_are_recognised_in_training_in_another_spelling(request_: PrepareRequest, tmp_path: Path) -> None:
    def decomposed(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(unicodedata.normalize("NFD", source), target) for source, target in pairs]

    hundred = [pair(number) for number in range(200, 300)]
    same = [(unicodedata.normalize("NFD", "한국은 산이 많은 아름다운 나라이다"), "한국은 산이 많은 아름다운 나라이다")]
    write(request_.train[0], [*TRAIN, *hundred, *decomposed(TRAIN[:3]), *same])
    request = replace(request_, test=(write(tmp_path / "test", decomposed(hundred)),))
    warnings = Warnings()
    report = prepare(request, CLEANED, progress=warnings)
    assert report.corpora[0].dropped == {"in-test": 100, "duplicate": 3, "source-equals-target": 1}
    assert [corpus.near for corpus in report.corpora if corpus.role == "test"] == [100]
    line = "test: 100 of 100 lines have a near-copy in the training corpora, 100 pairs were left out"
    assert line in summary(report, request.output)
    assert sorted(warnings.lines) == [
        f"{tmp_path}/test: 100 lines are not in Unicode's normal form NFC, and converted to it",
        f"{tmp_path}/train: 4 lines are not in Unicode's normal form NFC, and converted to it",
    ]


def test_real_korean_survives_prepare_and_decode_unchanged(tmp_path: Path) -> None:
    news = real_text("ko-en-news")
    prepare(PrepareRequest("ko", "en", (news / "test",), news / "valid", (), tmp_path / "data"), NO_SLOTS, workers=2)
    dropped = {int(line.split("\t")[1]) for line in dropped_lines(tmp_path / "data")}
    sides = [
        Path(f"{news / 'test'}.{language}").read_text(encoding="utf-8").split("\n")[:-1] for language in ("ko", "en")
    ]
    lines = [pair for number, pair in enumerate(zip(*sides, strict=True), start=1) if number not in dropped]
    assert texts(Dataset.open(tmp_path / "data")) == [(" ".join(ko.split()), " ".join(en.split())) for ko, en in lines]


def dropped_lines(folder: Path) -> list[str]:
    return gzip.decompress((folder / "dropped.tsv.gz").read_bytes()).decode().splitlines()


def test_every_rule_is_counted_and_each_dropped_line_is_listed(request_: PrepareRequest, tmp_path: Path) -> None:
    first = [
        ("", "x"),
        ("the same on both sides", "The same on both sides."),
        ("ab", "x" * 60),
        TEST[3],
        VALID[4],
        TRAIN[0],
        TRAIN[0],
    ]
    second = [*TRAIN, ("긴 " * 300, "long " * 300)]
    request = replace(request_, train=(write(tmp_path / "first", first), write(tmp_path / "second", second)))
    write(tmp_path / "valid", [*VALID, ("", "blank"), ("same", "same")])
    write(tmp_path / "test", [*TEST, ("", "blank")])
    report = prepare(request, CLEANED)
    assert dropped_lines(request.output) == [
        f"{tmp_path}/first\t1\tempty\t1",
        f"{tmp_path}/first\t2\tsource-equals-target\t1",
        f"{tmp_path}/first\t3\tlength-ratio\t6.763",
        f"{tmp_path}/first\t4\tin-test\t1",
        f"{tmp_path}/first\t5\tin-valid\t1",
        f"{tmp_path}/first\t7\tduplicate\t1",
        f"{tmp_path}/second\t1\tduplicate\t1",
        f"{tmp_path}/second\t61\trepetition\t51.69",
        f"{tmp_path}/valid\t11\tempty\t1",
    ]
    assert [(corpus.role, corpus.pairs, corpus.kept) for corpus in report.corpora] == [
        ("train", 7, 1),
        ("train", 61, 59),
        ("valid", 12, 11),
        ("test", 11, 11),
    ]
    data = Dataset.open(request.output)
    assert len(data.train) == report.train_pairs == 60
    assert data.valid_source[-1] == "same"
    assert data.train.corpus_ids([0, 1, 59]) == [0, 1, 1]


LINE = st.sampled_from(["", " ", "a", "b", "a b c", "한국어 문장", "x" * 25, "word " * 40])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.tuples(LINE, LINE), min_size=1, max_size=12), min_size=1, max_size=3), st.booleans())
def test_counts_add_up_whatever_goes_in(
    tmp_path_factory: pytest.TempPathFactory, corpora: list[list[tuple[str, str]]], named: bool
) -> None:
    folder = tmp_path_factory.mktemp("counts")
    train = tuple(write(folder / f"train{number}", pairs) for number, pairs in enumerate(corpora))
    valid = write(folder / "valid", [("발 리드", "va lid")]) if named else None
    request = PrepareRequest("ko", "en", train, valid, (), folder / "data")
    try:
        report = prepare(request, PrepareOptions(max_length=30, clean="off"))
    except DataError:
        assert not request.output.exists()
        return
    for corpus, pairs in zip(report.corpora, [len(pairs) for pairs in corpora] + [1] * named, strict=True):
        assert corpus.pairs == pairs == corpus.kept + sum(corpus.dropped.values())
    data = Dataset.open(request.output)
    trained = [corpus for corpus in report.corpora if corpus.role == "train"]
    assert len(data.train) == sum(corpus.kept for corpus in trained) == report.train_pairs
    held_out = sum(corpus.dropped.get("held-out", 0) for corpus in trained)
    assert len(data.valid) == len(data.valid_source) == report.valid_pairs == (1 if named else held_out)
    assert len(dropped_lines(request.output)) == sum(sum(corpus.dropped.values()) for corpus in report.corpora)


@pytest.mark.parametrize("options", [PrepareOptions(), PrepareOptions(tokenizer="bpe", joint_vocab=False)])
def test_the_same_inputs_and_options_give_the_same_bytes_for_any_workers(
    request_: PrepareRequest, tmp_path: Path, options: PrepareOptions
) -> None:
    made = []
    for workers in (1, 2, 5):
        output = tmp_path / f"data{workers}"
        prepare(replace(request_, output=output, valid=None), options, workers)
        made.append(contents(output))
    assert made[0] == made[1] == made[2]


def test_judging_in_several_processes_gives_the_same_bytes(
    request_: PrepareRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.corpus.parallel.CHUNK_PAIRS", 7)
    request = replace(request_, train=request_.train * 2)
    started: list[int] = []

    class Counted(processes._Worker):
        def __init__(self, sender: ThreadPoolExecutor) -> None:
            super().__init__(sender)
            started.append(self.process.pid)

    monkeypatch.setattr(processes, "_Worker", Counted)
    prepare(request, CLEANED, 3)
    assert not started, "it is a small corpus"
    monkeypatch.setattr("nmt.corpus.means.WORTH_PROCESSES", 0)
    for workers in (1, 2, 3):
        output = tmp_path / f"data{workers}"
        prepare(replace(request, output=output), CLEANED, workers)
        assert contents(output) == contents(request.output)
    assert len(started) == (1 + 2 + 1 + 2) + (1 + 3 + 1 + 3)  # one learns what is usual, one the vocabulary


def test_the_hash_seed_of_python_changes_nothing(request_: PrepareRequest, tmp_path: Path) -> None:
    made = []
    for seed in ("1", "2"):
        output = tmp_path / f"data{seed}"
        done = started("prepare", *flags(replace(request_, output=output)), env={**plain(), "PYTHONHASHSEED": seed})
        assert done.returncode == 0, done.stderr
        made.append(contents(output))
    assert made[0] == made[1]


def test_chunks_and_shards_change_nothing(
    request_: PrepareRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(request_, OPTIONS)
    monkeypatch.setattr("nmt.corpus.parallel.CHUNK_PAIRS", 7)
    prepare(replace(request_, output=tmp_path / "other"), OPTIONS)
    assert contents(request_.output) == contents(tmp_path / "other")


def test_the_bar_of_cleaning_knows_the_number_of_pairs(request_: PrepareRequest) -> None:
    progress = Recorder()
    prepare(request_, OPTIONS, progress=progress)
    assert progress.totals[0] == len(TRAIN) + len(VALID) + len(TEST)


def test_run_again_with_nothing_changed_it_does_nothing(request_: PrepareRequest) -> None:
    first = prepare(request_, OPTIONS)
    before = {path: path.stat().st_mtime_ns for path in request_.output.iterdir()}
    os.utime(request_.output / "manifest.json", (0, 0))
    again = prepare(request_, OPTIONS, workers=2)
    assert again == replace(first, unchanged=True)
    after = {path: path.stat().st_mtime_ns for path in request_.output.iterdir()}
    manifest = request_.output / "manifest.json"
    assert after.pop(manifest) >= before.pop(manifest), "Make would run it for ever"
    assert after == before


def touch_up(request: PrepareRequest) -> tuple[PrepareRequest, PrepareOptions]:
    write(request.train[0], [*TRAIN[:-1], ("바뀐 문장", "a changed line")])
    return request, OPTIONS


@pytest.mark.parametrize(
    "change",
    [
        touch_up,
        lambda request: (replace(request, test=()), OPTIONS),
        lambda request: (replace(request, train=request.train * 2), OPTIONS),
        lambda request: (request, PrepareOptions(joint_vocab=False)),
        lambda request: (request, PrepareOptions(max_length=20)),
        lambda request: ((request.output / "train-rows.bin").write_bytes(b"x" * 28) and request, OPTIONS),
        lambda request: ((request.output / "tokenizer.model").unlink() or request, OPTIONS),
    ],
    ids=["text", "no test", "twice", "separate", "max length", "a broken file", "a missing file"],
)
def test_any_change_makes_it_anew(
    request_: PrepareRequest, change: Callable[[PrepareRequest], tuple[PrepareRequest, PrepareOptions]]
) -> None:
    prepare(request_, OPTIONS)
    changed, options = change(request_)
    assert not prepare(changed, options).unchanged
    Dataset.open(request_.output)
    assert prepare(changed, options).unchanged


@pytest.mark.parametrize("name", ["licence", "columns", "model", "vocabulary", "weights", "mono"])
def test_what_was_given_and_is_left_out_makes_it_anew(request_: PrepareRequest, tmp_path: Path, name: str) -> None:
    """And so does what is given again; then the dataset has the bytes that it had at first."""
    write(tmp_path / "books", [pair(number) for number in range(80, 90)])
    table = tmp_path / "pairs.tsv"
    table.write_text("".join(f"{source}\t{target}\n" for source, target in TRAIN), encoding="utf-8")
    request = replace(request_, train=(table,))
    if name == "vocabulary":
        prepare(replace(request, output=tmp_path / "other"), OPTIONS)
    given = {
        "licence": "MIT",
        "columns": ("2", "1"),
        "model": Even(),
        "vocabulary": tmp_path / "other",
        "weights": (2.0,),
        "mono": (tmp_path / "books.en",),
    }
    with_it = replace(request, **{name: given[name]})  # type: ignore[arg-type]
    made = []
    for asked in (with_it, request, with_it):
        assert not prepare(asked, OPTIONS).unchanged
        assert prepare(asked, OPTIONS).unchanged
        made.append(contents(request.output))
    assert made[0] == made[2] != made[1]


class Even:
    """A model of the rule ``model`` that finds all pairs alike."""

    name, digest = "even", "1"

    def about(self) -> dict[str, str | int]:
        return {"model": self.digest}

    def score(self, pairs: Sequence[tuple[str, str]], progress: Progress) -> list[float]:
        return [-1.0] * len(pairs)


def test_the_digest_tells_other_data_and_not_another_making(request_: PrepareRequest, tmp_path: Path) -> None:
    def digest(request: PrepareRequest, options: PrepareOptions = OPTIONS) -> str:
        shutil.rmtree(request.output, ignore_errors=True)
        prepare(request, options)
        return Dataset.open(request.output).digest

    write(request_.train[0], [*TRAIN, TRAIN[0]])
    first = digest(request_)
    write(tmp_path / "moved", [*TRAIN, TRAIN[0]])
    assert digest(replace(request_, output=tmp_path / "elsewhere", train=(tmp_path / "moved",))) == first
    assert digest(request_, PrepareOptions(joint_vocab=False)) != first
    write(tmp_path / "valid", VALID[1:])
    assert digest(request_) != first


def test_a_failed_prepare_leaves_the_old_dataset_and_nothing_else(request_: PrepareRequest, tmp_path: Path) -> None:
    prepare(request_, OPTIONS)
    before = contents(request_.output)
    Path(f"{request_.train[0]}.ko").write_bytes(b"\xff\n" * 60)
    with pytest.raises(DataError, match=r"train\.ko line 1 byte 1 is not UTF-8"):
        prepare(request_, OPTIONS)
    assert contents(request_.output) == before
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_what_prepare_did_not_make_is_not_replaced(request_: PrepareRequest) -> None:
    output = request_.output
    output.mkdir()
    (output / "thesis.tex").write_text("years of work")
    for manifest in ({"kind": "something else"}, {"kind": "nmt dataset", "files": {}}):
        with pytest.raises(CannotCreateError, match=r"data/(manifest\.json|thesis\.tex) is no part of a dataset"):
            prepare(request_, OPTIONS)
        (output / "manifest.json").write_text(json.dumps(manifest))
    assert (output / "thesis.tex").read_text() == "years of work"
    shutil.rmtree(output)
    output.write_text("a file")
    with pytest.raises(CannotCreateError):
        prepare(request_, OPTIONS)


def test_a_run_in_the_folder_of_its_dataset_is_not_deleted(request_: PrepareRequest) -> None:
    prepare(request_, OPTIONS)
    (request_.output / "run").mkdir()
    (request_.output / "run" / "metrics.jsonl").write_text("days of work")
    assert prepare(request_, OPTIONS).unchanged
    with pytest.raises(CannotCreateError, match="data/run is no part"):
        prepare(request_, PrepareOptions(max_length=20))
    assert (request_.output / "run" / "metrics.jsonl").exists()
    assert prepare(request_, OPTIONS).unchanged


def test_a_vocabulary_that_does_not_fit_names_corpus_and_size(request_: PrepareRequest) -> None:
    with pytest.raises(DataError, match=r"train: a vocabulary of 8000 pieces is too large for the text; choose \d+ or"):
        prepare(request_, PrepareOptions(vocab_size=8000))
    assert not request_.output.exists()


def test_sizes_that_do_not_fit_are_refused_together_by_language(request_: PrepareRequest) -> None:
    write(request_.train[0], [(source, f"{target} Here some other words follow.") for source, target in TRAIN])

    def refusal(size: int) -> tuple[str, str]:
        with pytest.raises(DataError) as caught:
            prepare(request_, PrepareOptions(vocab_size=size, joint_vocab=False))
        return caught.value.what, caught.value.mend

    what, mend = refusal(8000)
    bounds = re.search(r"does not fit the text: ko gives at most (\d+), en gives at most (\d+)$", what)
    assert bounds, what
    korean, english = map(int, bounds.groups())
    smaller, larger = sorted((korean, english))
    assert mend == f"choose {smaller} or fewer, or auto"
    assert refusal(larger)[0].endswith(f"{'ko' if smaller == korean else 'en'} gives at most {smaller}")
    assert not prepare(request_, PrepareOptions(vocab_size=smaller, joint_vocab=False)).unchanged
    what, mend = refusal(265)
    assert re.search(r": ko needs at least \d+, en needs at least \d+$", what), what
    most = max(map(int, re.findall(r"least (\d+)", what)))
    assert mend == f"choose {most} or more, or auto"


def junk(lines: int, length: int) -> list[tuple[str, str]]:
    letters = Random(1)
    sides = ["".join(letters.choices(ascii_letters, k=length)) for _ in range(2 * lines)]
    return list(zip(sides[::2], sides[1::2], strict=True))


@pytest.mark.parametrize("length", [4000, 600])
def test_what_is_dropped_as_too_long_never_shapes_the_vocabulary(request_: PrepareRequest, length: int) -> None:
    """One length is too long by its characters; the other is known to be too long only with a vocabulary."""
    prepare(request_, OPTIONS)
    clean = (request_.output / "tokenizer.model").read_bytes()
    write(request_.train[0], [*TRAIN, *junk(30, length)])
    report = prepare(request_, OPTIONS)
    assert report.corpora[0].dropped == {"too-long": 30}
    assert (request_.output / "tokenizer.model").read_bytes() == clean


def test_a_corpus_of_nothing_but_overlong_lines_says_so(request_: PrepareRequest) -> None:
    write(request_.train[0], junk(5, 4000))
    with pytest.raises(DataError, match=r"no pair of .*train is left, .*\(dropped: too-long 5"):
        prepare(request_, OPTIONS)


def test_a_side_fits_by_its_pieces_whether_they_are_counted_or_plainly_too_many() -> None:
    tokenizer = Tokenizer(train_tokenizer(["abcdefghijklmnop " * 50, "a b c"], "unigram", 300, exact=False), "long")
    assert tokenizer.longest > 6, "the example must have a piece of a whole word"
    encoder = Encoder(tokenizer, tokenizer, max_length=4, grammar=Grammar(()))
    words = [" ".join(["abcdefghijklmnop"] * count) for count in range(12)]
    texts = [*words, *(f"{word}{' ' * 200}a" for word in words), "x" * 5, "e\u0301" * 40, " " * 300 + "a"]
    pairs = [(text, "a") for text in texts] + [("a", text) for text in texts]
    source, _, fits = encoder.encode(pairs)
    counted = [[len(ids) for ids in tokenizer.encode([pair[side] for pair in pairs])] for side in (0, 1)]
    assert fits.tolist() == [max(lengths) <= 4 for lengths in zip(*counted, strict=True)]
    assert [len(ids) for ids in source] != counted[0], "what is plainly too long was cut nevertheless"


def test_a_vocabulary_of_another_script_is_said(request_: PrepareRequest, tmp_path: Path) -> None:
    english = [(target.lower() + " x", target) for _, target in TRAIN]
    train = write(tmp_path / "english", english)
    prepare(replace(request_, train=(train,), valid=None, test=(), output=tmp_path / "english.data"), OPTIONS)
    warnings = Warnings()
    prepare(replace(request_, vocabulary=tmp_path / "english.data"), OPTIONS, progress=warnings)
    (said,) = warnings.lines
    data = Dataset.open(request_.output)
    ids = np.concatenate(data.train.ids(range(len(data.train)))[0])
    share = np.isin(ids, np.arange(4, 260)).mean()
    assert said.startswith(f"{100 * share:.1f}% of the ko pieces are single bytes: ")


def test_a_size_that_is_asked_for_is_kept(request_: PrepareRequest) -> None:
    assert prepare(request_, PrepareOptions(vocab_size=330)).source_vocabulary == 330


def test_one_pair_is_a_corpus(tmp_path: Path) -> None:
    train = write(tmp_path / "train", [("나는 간다", "I go")])
    warnings = Warnings()
    report = prepare(PrepareRequest("ko", "en", (train,), None, (), tmp_path / "data"), OPTIONS, progress=warnings)
    assert (report.train_pairs, report.valid_pairs) == (1, 0)
    data = Dataset.open(tmp_path / "data")
    assert texts(data) == [("나는 간다", "I go")]
    assert (len(data.valid), data.valid_source) == (0, [])
    assert len(warnings.lines) == 1


class Warnings(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, line: str) -> None:
        self.lines.append(line)


def test_without_a_validation_set_some_training_pairs_become_one(request_: PrepareRequest) -> None:
    warnings = Warnings()
    report = prepare(replace(request_, valid=None), OPTIONS, progress=warnings)
    data = Dataset.open(request_.output)
    held_out = list(zip(data.valid_source, data.valid_target, strict=True))
    assert len(held_out) == report.valid_pairs == 3
    assert sorted([*held_out, *texts(data)]) == sorted(TRAIN)
    assert warnings.lines == []


def test_near_copies_of_drawn_validation_pairs_leave_training_and_counts_add_up(
    request_: PrepareRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [(f"{source} {source}", f"{target} {target}") for source, target in TRAIN]
    near = [(f"{source} 더", target.replace("a", "the", 1)) for source, target in long]  # a word, on both sides
    first, second = write(tmp_path / "first", long), write(tmp_path / "second", near)
    request = replace(request_, train=(first, second), valid=None, test=())
    report = prepare(request, OPTIONS)
    data = Dataset.open(request.output)
    held_out = list(zip(data.valid_source, data.valid_target, strict=True))
    rule = HeldOut("in-valid", "the validation set", held_out)
    rule.learn(Chunk([]))
    assert len(held_out) == 6
    assert rule.judge(Chunk(texts(data))).max() == 0
    for corpus in report.corpora:
        assert corpus.pairs == 60 == corpus.kept + sum(corpus.dropped.values())
    assert sum(corpus.dropped["in-valid"] for corpus in report.corpora) == 6
    assert [line.split("\t")[2:] for line in dropped_lines(request.output)].count(["in-valid", "0.9"]) == 6
    told = {rule["name"]: rule for rule in Cleaning.open(request.output).facts["rules"]}
    assert (told["in-valid"]["dropped"], sum(told["in-valid"]["bins"])) == (6, 120 - 6)
    monkeypatch.setattr("nmt.corpus.means.WORTH_PROCESSES", 0)
    monkeypatch.setattr("nmt.corpus.parallel.CHUNK_PAIRS", 7)
    prepare(replace(request, output=tmp_path / "other"), OPTIONS, 2)
    assert contents(request.output) == contents(tmp_path / "other")
    prepare(replace(request, output=tmp_path / "off"), replace(OPTIONS, rules="in-valid=off"))
    assert len(Dataset.open(tmp_path / "off").train) == 120 - 6


@pytest.mark.parametrize("role", ["train", "valid", "test"])
def test_missing_and_empty_corpora_are_named(request_: PrepareRequest, role: str) -> None:
    path = request_.output.parent / f"{role}.en"
    path.write_bytes(b"")
    Path(f"{request_.output.parent / role}.ko").write_bytes(b"")
    with pytest.raises(DataError, match=rf"{role}\.ko line 1 is missing: the file is empty"):
        prepare(request_, OPTIONS)
    path.unlink()
    with pytest.raises(MissingInputError, match=rf"there is no file .*{role}\.en"):
        prepare(request_, OPTIONS)
    assert not request_.output.exists()


@pytest.mark.parametrize(
    ("role", "pairs", "reason"),
    [
        (
            "train",
            [("", "a"), ("This is the same.", "This is the same.")],
            r"no pair of .*train is left, .* \(dropped: empty 1, source-equals-target 1",
        ),
        ("train", [("긴 " * 300, "long " * 300)], r"no pair of .*train is left, .* \(dropped: too-long 1"),
        ("train", VALID, r"no pair of .*train is left, .* \(dropped: in-valid 10"),
        ("valid", [("", "")], r"no pair of .*valid is left, .* \(dropped: empty 1"),
    ],
)
def test_nothing_left_says_why(request_: PrepareRequest, role: str, pairs: list[tuple[str, str]], reason: str) -> None:
    write(request_.output.parent / role, pairs)
    with pytest.raises(DataError, match=reason):
        prepare(request_, PrepareOptions(clean="normal" if "equals" in reason else "off"))


@pytest.mark.parametrize(
    "pairs", [[*TRAIN, ("하나 더", "one more")], TRAIN[:-1], [*TEST, *TRAIN[10:]]], ids=["longer", "shorter", "other"]
)
@pytest.mark.parametrize("stage", ["Scan", "learn_tokenizers"])
def test_a_corpus_that_changes_meanwhile_is_refused(
    request_: PrepareRequest, monkeypatch: pytest.MonkeyPatch, pairs: list[tuple[str, str]], stage: str
) -> None:
    def change_and_do(*arguments: Any) -> Any:
        write(request_.train[0], pairs)
        return do(*arguments)

    owner = module if hasattr(module, stage) else judging
    do = getattr(owner, stage)
    monkeypatch.setattr(owner, stage, change_and_do)
    with pytest.raises(DataError, match=r"train\.(ko|en) changed while it was read"):
        prepare(request_, OPTIONS)
    assert not request_.output.exists()


def test_a_sample_teaches_the_tokenizer_of_a_large_corpus(
    request_: PrepareRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = survey.Sample
    monkeypatch.setattr(survey, "Sample", lambda longest, *limits: sample(longest, 8))
    prepare(request_, OPTIONS)
    assert texts(Dataset.open(request_.output)) == TRAIN


def test_a_dataset_of_another_kind_version_or_state_is_refused(request_: PrepareRequest) -> None:
    prepare(request_, OPTIONS)
    manifest = read_manifest(request_.output)
    with pytest.raises(MissingInputError):
        Dataset.open(request_.output.parent / "absent")
    for change in ({"kind": "other"}, {"format": 1}, {"format": 999}, {"joint": None, "source_language": None}):
        facts = {name: fact for name, fact in {**manifest, **change}.items() if name != "files" and fact is not None}
        write_manifest(request_.output, facts)
        with pytest.raises(DataError, match="data"):
            Dataset.open(request_.output)
    write_manifest(request_.output, {name: fact for name, fact in manifest.items() if name != "files"})
    Dataset.open(request_.output)
    (request_.output / "train-00000.source.bin").write_bytes(np.zeros(3, np.uint16).tobytes())
    with pytest.raises(DataError, match=r"train-00000.source.bin has 6 bytes"):
        Dataset.open(request_.output)


def flags(request: PrepareRequest) -> list[str]:
    named = [f"--train={path}" for path in request.train] + [f"--test={path}" for path in request.test]
    return ["-t", "en", "-s", "ko", *named, f"--valid={request.valid}", "-o", str(request.output), "--clean", "off"]


def test_the_command_says_what_it_did_on_stderr_alone(request_: PrepareRequest) -> None:
    done = nmt("prepare", *flags(request_))
    assert (done.returncode, done.stdout) == (0, "")
    assert "60 pairs to train on, 10 to validate on" in done.stderr
    done = nmt("prepare", *flags(request_))
    assert (done.returncode, done.stdout) == (0, "")
    assert "is up to date" in done.stderr
    done = nmt("prepare", *flags(request_), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--vocab-size", "8000"], 65, "too large for the text; choose"),
        (["--vocab-size", "many"], 2, "neither a number nor auto"),
        (["--max-length", "0"], 78, "prepare.max_length is 0"),
        (["--tokenizer", "words"], 2, "'words'"),
        (["--train", "absent"], 66, "there is no file absent.ko"),
        (["-t", "ko"], 2, "both 'ko'"),
        (["-t", "../en"], 2, "not the name of a language"),
    ],
)
def test_what_goes_wrong_is_one_line_and_its_code(
    request_: PrepareRequest, arguments: list[str], code: int, message: str
) -> None:
    given = flags(request_)[2:] if "-t" in arguments else flags(request_)
    done = nmt("prepare", *given, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("nmt: error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_an_output_that_prepare_did_not_make_is_one_line_and_its_code(request_: PrepareRequest) -> None:
    (request_.output / "inside").mkdir(parents=True)
    done = nmt("prepare", *flags(request_))
    assert (done.returncode, done.stdout) == (73, "")
    assert (
        done.stderr == f"nmt: error: {request_.output}/inside is no part of a dataset that nmt made; "
        "move it, or choose another place\n"
    )


def test_prepare_needs_no_torch(request_: PrepareRequest) -> None:
    code = (
        "import sys\nimport nmt.corpus.prepare, nmt.corpus.dataset, nmt.corpus.batches\n"
        "assert not {'torch', 'sacrebleu', 'ctranslate2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
