"""Several directions in one model: tags, balance, what is held out, validation by the mean, and how to ask for one."""

import gzip
import json
import shutil
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations, permutations
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tomli_w
from conftest import CORPUS, nmt
from test_prepare import Warnings

from nmt import Translator
from nmt.cli.directions import parse_directions
from nmt.config import EngineOptions, ModelConfig, PrepareOptions, SearchOptions
from nmt.corpus.balance import balanced, repeated
from nmt.corpus.batches import Batch
from nmt.corpus.dataset import Dataset
from nmt.corpus.many import find_corpora, toward
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.decoding.checks import Checks
from nmt.decoding.directed import DirectedAligner, directed
from nmt.decoding.engine import Hypothesis, Query, length_limit
from nmt.decoding.engines import pytorch
from nmt.decoding.forced import ModelOfPairs, in_direction, translating_back
from nmt.decoding.loaded import Loaded
from nmt.decoding.loading import check_member, load_engine
from nmt.disk.manifest import read_manifest, write_manifest
from nmt.errors import DataError, MissingInputError, SettingsError, UsageError
from nmt.scoring.metrics import corpus_scores
from nmt.scoring.off_target import off_target, teller_of
from nmt.serve.detecting import Detector
from nmt.serve.directions import Directions, Served, check_different
from nmt.store.model_folder import ModelFolder
from nmt.text.directions import Direction, same_direction, side_of, spoken
from nmt.text.languages import same_language
from nmt.text.lines import one_line
from nmt.text.profile import Profile
from nmt.text.progress import Silent
from nmt.text.telling import Telling, frequencies_of
from nmt.text.terms import Glossary
from nmt.training import searches, synthetic
from nmt.training.mixed import Feed
from nmt.training.models import open_teacher
from nmt.training.request import TrainJob, TrainRequest, read_request
from nmt.training.scores import Scores
from nmt.training.stages import TEACHER, stages_of
from nmt.training.synthetic import Interrupted, Making, Texts

DIRECTIONS: tuple[Direction, ...] = (("en", "ko"), ("en", "fy"), ("ko", "en"))
OPTIONS = PrepareOptions(vocab_size=500, rules="language=off,script=off")
SIZES = {"ko": 240, "fy": 60}
SHORT = SearchOptions(max_length_factor=1.0)
ENGINES = ("torch", "ctranslate2")
ON_CPU = EngineOptions(device="cpu", threads=1)


class Many(NamedTuple):
    """A dataset of several directions, a run on it, and the text that it is made of."""

    text: Path
    data: Path
    run: Path


def lines_of(name: str) -> list[str]:
    return (CORPUS / name).read_text(encoding="utf-8").splitlines()


def write(prefix: Path, **sides: list[str]) -> Path:
    """Write the sides of a corpus, by their language; returns its prefix."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    for language, lines in sides.items():
        Path(f"{prefix}.{language}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return prefix


def backwards(line: str) -> str:
    """A line in a language of our own, whose words are those of English from behind."""
    return " ".join(word[::-1] for word in line.split())


def write_text(folder: Path) -> Path:
    """Corpora of en and ko, and of en and fy, of different sizes and of different lines."""
    english, korean = lines_of("train.en"), lines_of("train.ko")
    for name, first, count in (("train", 0, SIZES["ko"]), ("valid", 300, 16), ("test", 320, 12)):
        chosen = slice(first, first + count)
        write(folder / "en-ko" / name, en=english[chosen], ko=korean[chosen])
    for name, first, count in (("train", 400, SIZES["fy"]), ("valid", 500, 12), ("test", 520, 10)):
        own = english[first : first + count]
        write(folder / "en-fy" / name, en=own, fy=list(map(backwards, own)))
    return folder


def request(text: Path, output: Path, directions: tuple[Direction, ...] = DIRECTIONS, **more: Any) -> PrepareRequest:
    source, target = (side_of(directions, side) for side in (0, 1))
    sets: dict[str, Any] = {
        name: tuple(text / pair / name for pair in ("en-ko", "en-fy")) for name in ("train", "valid", "test")
    }
    return PrepareRequest(source, target, **{**sets, **more}, output=output, several=directions)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Many:
    """A run of 20 updates on three directions, made by the real commands."""
    folder = tmp_path_factory.mktemp("many")
    made = Many(write_text(folder / "text"), folder / "data", folder / "run")
    sets = [f"--{name}={made.text / pair / name}" for name in ("train", "valid", "test") for pair in ("en-ko", "en-fy")]
    rules = ["--vocab-size", "500", "--rule", "language=off", "--rule", "script=off"]
    shape = [f"--set=model.{name}=1" for name in ("encoder_layers", "decoder_layers")]
    shape += ["--set=model.width=32", "--set=model.feed_forward=64", "--set=training.odd_input=0.3"]
    for result in (
        nmt("prepare", "--directions", "en-ko,en-fy,ko-en", *sets, *rules, "-o", made.data),
        nmt(
            *("train", made.data, "-o", made.run, "--preset", "tiny", "--steps", "20", "--validate-every", "20"),
            *(*shape, "--threads", "1", "--device", "cpu"),
        ),
    ):
        assert result.returncode == 0, result.stderr
    return made


# --- directions and their corpora -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "directions"),
    [
        (("en", "hau,ibo", ""), [("en", "hau"), ("en", "ibo")]),
        (("en,ko", "ko,en", ""), [("en", "ko"), ("ko", "en")]),
        (("", "", "en-hau,hau-en"), [("en", "hau"), ("hau", "en")]),
        (("ko", "en", ""), [("ko", "en")]),
    ],
)
def test_flags_name_directions(flags: tuple[str, str, str], directions: list[Direction]) -> None:
    assert parse_directions(*flags) == directions


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("en", "", ""), "--target"),
        (("en", "ko", "en-ko"), "exclude"),
        (("", "", "en"), "no direction"),
        (("", "", "en-US-ko"), "no direction"),
        (("", "", "en-ko,en-ko"), "twice"),
        (("", "", "en-en"), "both 'en'"),
        (("en", ",".join(f"x{number}" for number in range(33)), ""), "at most 32"),
        (("e n", "ko", ""), "not the name"),
    ],
)
def test_flags_that_name_no_directions_are_refused(flags: tuple[str, str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_directions(*flags)


def test_a_prefix_is_read_for_each_direction_whose_files_are_there(tmp_path: Path) -> None:
    prefix = write(tmp_path / "a", en=["x"], ko=["y"])
    assert [corpus.languages for corpus in find_corpora(prefix, DIRECTIONS)] == [("en", "ko"), ("ko", "en")]
    with pytest.raises(MissingInputError, match="en → fy, fy → en"):
        find_corpora(prefix, (("en", "fy"), ("fy", "en")))


def test_one_file_with_both_sides_is_of_the_direction_in_its_name(tmp_path: Path) -> None:
    for name in ("news.en-fy.tsv", "news.tsv"):
        (tmp_path / name).write_text("a\tb\n")
    (corpus,) = find_corpora(tmp_path / "news.en-fy.tsv", DIRECTIONS)
    assert corpus.languages == ("en", "fy")
    with pytest.raises(DataError, match="does not say which"):
        find_corpora(tmp_path / "news.tsv", DIRECTIONS)


def test_a_direction_without_text_or_without_validation_is_refused(tmp_path: Path) -> None:
    text = write_text(tmp_path / "text")
    with pytest.raises(DataError, match="no training corpus of fy → en"):
        prepare(request(text, tmp_path / "d", (("en", "ko"), ("fy", "en")), train=(text / "en-ko/train",)), OPTIONS)
    with pytest.raises(DataError, match="no validation corpus of en → fy"):
        prepare(request(text, tmp_path / "d", DIRECTIONS[:2], valid=(text / "en-ko/valid",)), OPTIONS)


# --- the dataset ------------------------------------------------------------------------------------------------------


def rows_of(data: Dataset, name: str) -> list[tuple[Direction, list[int], list[int]]]:
    """Direction, source and target of each row of a split."""
    split = getattr(data, name)
    rows = np.arange(len(split))
    sources, targets = split.ids(rows)
    directions = data.directions_of(split.corpus_ids(rows))
    return [(d, s.tolist(), t.tolist()) for d, s, t in zip(directions, sources, targets, strict=True)]


def test_a_dataset_of_one_direction_has_nothing_of_all_this(tmp_path: Path) -> None:
    prefix = write_text(tmp_path / "text") / "en-fy/train"
    prepare(PrepareRequest("en", "fy", (prefix,), None, (), tmp_path / "data"), OPTIONS)
    facts = read_manifest(tmp_path / "data")
    assert not {"directions", "corpus_directions", "targets", "frequencies"} & facts.keys()
    assert "temperature" not in facts["options"]
    assert {each["weight"] for each in facts["corpora"]} == {1.0}
    data = Dataset.open(tmp_path / "data")
    tokenizer = data.load_tokenizers()[0]
    assert data.directions == (("en", "fy"),)
    assert not any(tokenizer.is_tag(source[0]) for _, source, _ in rows_of(data, "train"))


@pytest.mark.parametrize("name", ["train", "valid"])
def test_each_source_begins_with_the_tag_of_its_target(many: Many, name: str) -> None:
    data = Dataset.open(many.data)
    tokenizer = data.load_tokenizers()[0]
    rows = rows_of(data, name)
    assert {direction for direction, _, _ in rows} == set(DIRECTIONS)
    for (_, target), source, ids in rows:
        assert source[0] == tokenizer.tag(target)
        assert tokenizer.pieces(source[:1]) == [f"<2{target}>▁"]
        assert not any(map(tokenizer.is_tag, source[1:] + ids))


def test_a_language_of_few_pairs_that_is_spelled_by_bytes_is_named(tmp_path: Path) -> None:
    """The pairs of the other language hide it in the mean of all targets."""
    directions, english = (("en", "ko"), ("en", "fy")), lines_of("train.en")
    wanted = replace(OPTIONS, vocab_size=0, clean="off")

    def prepared(name: str, korean: list[str]) -> PrepareRequest:
        few = write(tmp_path / name / "few", en=english[: len(korean)], ko=korean)
        many = write(tmp_path / name / "many", en=english[:200], fy=list(map(backwards, english[:200])))
        return request(tmp_path, tmp_path / f"{name}.data", directions, train=(few, many), valid=None, test=())

    prepare(prepared("latin", english[:60]), wanted)
    warnings = Warnings()
    asked = replace(prepared("real", lines_of("train.ko")[:4]), vocabulary=tmp_path / "latin.data")
    prepare(asked, wanted, progress=warnings)
    targets: dict[str, list[int]] = {"ko": [], "fy": []}
    for (_, target), _, ids in rows_of(Dataset.open(asked.output), "train"):
        targets[target] += ids
    share, hidden = (np.isin(ids, np.arange(4, 260)).mean() for ids in (targets["ko"], targets["ko"] + targets["fy"]))
    assert hidden < 0.05 < share, "the example must be hidden"
    said = [line for line in warnings.lines if "single bytes" in line]
    assert [line.split(": ")[0] for line in said] == [f"{100 * share:.1f}% of the ko pieces are single bytes"]


def test_the_tag_counts_as_a_piece_of_the_longest_source(many: Many, tmp_path: Path) -> None:
    longest = max(len(source) for _, source, _ in rows_of(Dataset.open(many.data), "train"))
    wanted = replace(OPTIONS, max_length=longest - 1)
    prepare(request(many.text, tmp_path / "data", vocabulary=many.data), wanted)
    # A dataset with a longer row would not open.
    assert max(len(source) for _, source, _ in rows_of(Dataset.open(tmp_path / "data"), "train")) < longest


def kept_lines(folder: Path) -> dict[str, set[str]]:
    """The lines of dropped.tsv.gz by corpus."""
    dropped: dict[str, set[str]] = {}
    with gzip.open(folder / "dropped.tsv.gz", "rt", encoding="utf-8") as file:
        for line in file:
            corpus, rest = line.split("\t", 1)
            dropped.setdefault(corpus, set()).add(rest)
    return dropped


def test_each_direction_is_judged_as_if_it_were_alone(tmp_path: Path) -> None:
    """With text of which nothing is in two directions, the same pairs are dropped for the same reasons."""
    english, korean = lines_of("train.en"), lines_of("train.ko")
    junk = ["!!!", *english[200:220], english[3], "a " * 200]
    text = {
        "en-ko": write(tmp_path / "en-ko/train", en=english[:200] + junk, ko=[*korean[:200], *korean[230:253]]),
        "en-fy": write(
            tmp_path / "en-fy/train", en=english[300:420], fy=[f"{x} {x} {x}"[::-1] for x in english[300:420]]
        ),
    }
    both = (("en", "ko"), ("en", "fy"))
    sets: dict[str, Any] = {"valid": None, "test": ()}
    options = replace(OPTIONS, vocab_size=0, rules="in-valid=off,language=off")
    prepare(request(tmp_path, tmp_path / "both", both, train=tuple(text.values()), **sets), options)
    found = kept_lines(tmp_path / "both")
    for source, target in both:
        prefix = text[f"{source}-{target}"]
        alone = PrepareRequest(source, target, (prefix,), None, (), tmp_path / target)
        prepare(alone, options)
        assert found[str(prefix)] == kept_lines(tmp_path / target)[str(prefix)]
    assert any("language" not in line and "held-out" not in line for line in found[str(text["en-ko"])])


def test_what_any_direction_holds_out_is_kept_out_of_all(tmp_path: Path) -> None:
    text = write_text(tmp_path / "text")
    english = [line for line in lines_of("train.en")[320:332] if len(line.split()) >= 5]  # of the test set of en and ko
    assert len(english) >= 3
    write(tmp_path / "text/en-fy/leaks", en=english, fy=[f"nothing like it {n} really" for n in range(len(english))])
    train = (*(text / pair / "train" for pair in ("en-ko", "en-fy")), text / "en-fy/leaks")
    directions = (("en", "ko"), ("fy", "en"))  # where English is the source of one and the target of the other
    prepare(request(text, tmp_path / "data", directions, train=train), OPTIONS)
    dropped = kept_lines(tmp_path / "data")[str(text / "en-fy/leaks")]
    assert sum("in-test" in line for line in dropped) == len(english)
    near = {
        each["path"]: each["near"] for each in read_manifest(tmp_path / "data")["corpora"] if each["role"] == "test"
    }
    assert near[str(text / "en-ko/test")] >= len(english)


def test_pairs_drawn_for_validation_are_kept_out_of_all_directions(tmp_path: Path) -> None:
    """The same English lines in two directions: none of those that one draws is left in the other."""
    english = lines_of("train.en")[:300]
    train = (
        write(tmp_path / "a/train", en=english, ko=lines_of("train.ko")[:300]),
        write(tmp_path / "b/train", en=english[:230], fy=list(map(backwards, english[:230]))),  # draws others
    )
    prepare(request(tmp_path, tmp_path / "data", DIRECTIONS[:2], train=train, valid=None, test=()), OPTIONS)
    data = Dataset.open(tmp_path / "data")
    tokenizer = data.load_tokenizers()[0]
    long = {line for line in data.valid_source if len(line.split()) >= 5}
    assert len(long) > 5
    assert {direction for direction, _, _ in rows_of(data, "valid")} == set(DIRECTIONS[:2])
    trained = set(tokenizer.decode([source[1:] for _, source, _ in rows_of(data, "train")]))
    assert not trained & long


def test_pairs_are_exchanged_where_only_so_a_side_fits() -> None:
    pairs = [("a", "b")]
    assert toward(pairs, ("en", "ko"), ("en", "fy")) == pairs
    assert toward(pairs, ("fy", "ko"), ("en", "ko")) == pairs
    assert toward(pairs, ("en", "ko"), ("ko", "en")) == [("b", "a")]
    assert toward(pairs, ("en", "ko"), ("fy", "en")) == [("b", "a")]
    assert toward(pairs, ("en", "ko"), ("ko", "fy")) == [("b", "a")]
    assert toward(pairs, ("en", "ko"), ("fy", "de")) == pairs


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0, 100.0])
def test_an_epoch_has_each_direction_in_proportion_to_its_root(temperature: float) -> None:
    pairs = [100_000, 5_000, 40]
    seen = [count * weight for count, weight in zip(pairs, balanced(pairs, temperature), strict=True)]
    assert sum(seen) == pytest.approx(sum(pairs), rel=1e-4)
    for one, other, n, m in zip(seen, seen[1:], pairs, pairs[1:], strict=False):
        assert one / other == pytest.approx((n / m) ** (1 / temperature), rel=1e-3)


def test_the_weights_of_corpora_are_those_of_their_directions(many: Many) -> None:
    corpora = [each for each in read_manifest(many.data)["corpora"] if each["role"] == "train"]
    sizes = [each["kept"] for each in corpora]
    assert [each["weight"] for each in corpora] == balanced(sizes, 5.0)
    assert Dataset.open(many.data).train.rows_per_epoch == pytest.approx(sum(sizes), rel=1e-3)


def test_items_are_repeated_evenly() -> None:
    assert Counter(repeated(range(4), 2.5)) == Counter({0: 3, 1: 2, 2: 3, 3: 2})
    assert repeated(range(10), 0.5) == [0, 2, 4, 6, 8]
    assert repeated([], 3.0) == []


def test_a_vocabulary_without_a_piece_for_a_language_is_refused(many: Many, tmp_path: Path) -> None:
    write(many.text / "en-ny/train", en=lines_of("train.en")[:50], ny=lines_of("train.en")[50:100])
    wanted = (*DIRECTIONS, ("en", "ny"))
    train = tuple(many.text / pair / "train" for pair in ("en-ko", "en-fy", "en-ny"))
    with pytest.raises(DataError, match="no piece that asks for ny"):
        prepare(request(many.text, tmp_path / "d", wanted, train=train, valid=None, vocabulary=many.data), OPTIONS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("directions", [["en", "ko"]]),
        ("directions", [["en", "ko"], ["en", "ko"], ["ko", "en"]]),
        ("directions", [["en", "ko"], ["en", "de"]]),
        ("directions", "en-ko"),
        ("corpus_directions", [0, 1]),
        ("corpus_directions", [7] * 9),
        ("corpus_directions", None),
    ],
)
def test_facts_that_prepare_could_not_have_written_are_refused(
    many: Many, tmp_path: Path, name: str, value: Any
) -> None:
    shutil.copytree(many.data, tmp_path / "data")
    facts = read_manifest(tmp_path / "data")
    write_manifest(tmp_path / "data", {**facts, name: value})
    with pytest.raises(DataError, match="direction"):
        Dataset.open(tmp_path / "data")


# --- training ---------------------------------------------------------------------------------------------------------


def test_exchanged_pairs_ask_for_the_other_language(many: Many) -> None:
    job = read_request(TrainRequest(many.data, many.run.with_name("none"), "tiny", ({"training": {"steps": 9}},)))
    rows = np.arange(6)
    sources, targets = job.data.train.ids(rows)
    swapped = [row % 2 == 1 for row in rows]
    batch = Batch(
        rows,
        [targets[row] if swap else sources[row] for row, swap in zip(rows, swapped, strict=True)],
        [sources[row] if swap else targets[row] for row, swap in zip(rows, swapped, strict=True)],
    )
    (read,) = job.change([batch], 0)
    directions = job.data.directions_of(job.data.train.corpus_ids(rows))
    for row, (source, _) in enumerate(directions):
        if swapped[row]:
            assert read.sources[row].tolist() == [job.tokenizers[0].tag(source), *targets[row].tolist()]
            assert read.targets[row].tolist() == sources[row].tolist()[1:]
        else:
            assert read.sources[row].tolist() == sources[row].tolist()
            assert read.targets[row].tolist() == targets[row].tolist()


def test_odd_input_changes_the_text_behind_the_tag(many: Many) -> None:
    settings = {"training": {"steps": 9, "odd_input": 1.0}}
    job = read_request(TrainRequest(many.data, many.run.with_name("none"), "tiny", (settings,)))
    rows = np.arange(40)
    batch = Batch(rows, *job.data.train.ids(rows))
    shown = [job.change([batch], step)[0] for step in range(4)]
    assert any(a.tolist() != b.tolist() for each in shown for a, b in zip(each.sources, batch.sources, strict=True))
    for each in shown:
        assert [ids[0] for ids in each.sources] == [ids[0] for ids in batch.sources]
        assert not any(map(job.tokenizers[0].is_tag, np.concatenate([ids[1:] for ids in each.sources]).tolist()))


def test_both_directions_first_is_left_out_where_all_are_there_already(many: Many, tmp_path: Path) -> None:
    layers = ({"training": {"steps": 9}},)
    assert read_request(TrainRequest(many.data, tmp_path / "run", "tiny", layers)).config.training.bidirectional > 0
    two = (("en", "ko"), ("ko", "en"))
    text = (many.text / "en-ko/train",)
    sets: dict[str, Any] = {"train": text, "valid": (many.text / "en-ko/valid",), "test": ()}
    prepare(request(many.text, tmp_path / "data", two, **sets), OPTIONS)
    asked = TrainRequest(tmp_path / "data", tmp_path / "run", "tiny", layers)
    assert read_request(asked).config.training.bidirectional == 0


def refusal(check: Callable[..., object], *arguments: object) -> str:
    """How a check refuses its arguments; "" where it does not."""
    try:
        check(*arguments)
    except SettingsError as error:
        return str(error)
    return ""


def test_teachers_and_members_know_all_directions(many: Many) -> None:
    """By brute force: those of all sets of directions that are among the trained ones, which have tags."""
    model, data = ModelFolder.open(many.run), Dataset.open(many.data)
    for count in (1, 2, 3):
        for chosen in combinations(permutations(("en", "fy", "ko"), 2), count):
            data.directions = chosen
            is_known = count > 1 and set(chosen) <= set(DIRECTIONS)
            refused = refusal(open_teacher, many.run, data)
            assert is_known == (not refused)
            assert is_known or f"and {many.data} is {spoken(chosen)}; give a `teacher`" in refused
            other = replace(model, directions=chosen if count > 1 else (), source_language=chosen[0][0])
            other = replace(other, target_language=chosen[0][1])
            assert is_known == (not refusal(check_member, other, model))


CODES = ("de", "de_CH", "de_AT", "deu", "en", "en_US", "zh", "zho", "zh_Hans", "zh_Hant")


def test_a_direction_is_never_the_one_back() -> None:
    """Though both languages are variants of one; and alike codes name the same direction."""
    for first in permutations(CODES, 2):
        assert same_direction(first, first)
        assert not same_direction(first, (first[1], first[0]))
        assert not refusal(check_different, [first, (first[1], first[0])])
        for second in permutations(CODES, 2):
            same = same_direction(first, second)
            assert same == same_direction(second, first)
            assert not same or all(map(same_language, first, second))
            assert same or {*first} & {*second} or not all(map(same_language, first, second))
    assert same_direction(("de", "de_CH"), ("deu", "de_CH"))
    assert not same_direction(("de", "de_CH"), ("de", "de_AT"))


def test_terms_are_refused_for_several_directions(many: Many, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has several directions"):
        read_request(TrainRequest(many.data, tmp_path / "run", "tiny", ({"training": {"steps": 9, "terms": 0.1}},)))


def test_the_mean_of_directions_counts_each_once() -> None:
    scores = Scores({("en", "ko"): (10.0, 20.0), ("en", "fy"): (40.0, 30.0)}, {})
    assert scores.mean == (25.0, 25.0)
    assert scores.named == {"en-ko": (10.0, 20.0), "en-fy": (40.0, 30.0)}
    assert Scores({("en", "ko"): (10.0, 20.0)}, {}).named == {}


def test_the_mean_over_directions_is_validated_and_told(many: Many) -> None:
    (event,) = (
        event
        for event in map(json.loads, (many.run / "metrics.jsonl").read_text().splitlines())
        if event["event"] == "validation"
    )
    assert set(event["directions"]) == {"en-ko", "en-fy", "ko-en"}
    for metric in ("bleu", "chrf"):
        scores = [each[metric] for each in event["directions"].values()]
        assert event[metric] == pytest.approx(sum(scores) / 3)
    data, fy = Dataset.open(many.data), 1
    places = [place for place, (direction, _, _) in enumerate(rows_of(data, "valid")) if direction == DIRECTIONS[fy]]
    greedy = SearchOptions(beam_size=1)
    model = ModelFolder.open(many.run).toward("fy")
    translator = Translator.of(model, greedy, replace(ON_CPU, engine="torch"))
    hypotheses = [each.text for each in translator.translate([data.valid_source[place] for place in places])]
    _, chrf = corpus_scores(hypotheses, [data.valid_target[place] for place in places], "fy")
    assert event["directions"]["en-fy"]["chrf"] == pytest.approx(chrf)


class Reciting:
    """A teacher that translates each training source as its reference, and looks for no second translation."""

    workers = 1

    def __init__(self, data: Dataset) -> None:
        sources, targets = data.train.ids(np.arange(len(data.train)))
        self.known = {tuple(s.tolist()): t.tolist() for s, t in zip(sources, targets, strict=True)}

    def about(self) -> dict[str, str]:
        return {}

    def search(self, queries: list[Query], _: SearchOptions) -> list[list[Hypothesis]]:
        return [[Hypothesis(self.known[tuple(query.pieces)], 0.0)] for query in queries]


@pytest.fixture
def taught(many: Many, monkeypatch: pytest.MonkeyPatch) -> tuple[TrainJob, Texts]:
    """A job with such a teacher, and what that translates."""
    asked = TrainRequest(many.data, many.run.with_name("none"), "tiny", ({"training": {"steps": 9}},))
    job = read_request(replace(asked, teachers=(many.run,)))
    monkeypatch.setattr(searches, "load_engine", lambda *_: Reciting(job.data))
    monkeypatch.setattr(synthetic, "WINDOW", 64)
    return job, searches.by_teacher(job, 1)[0]


def test_what_a_teacher_says_is_held_to_the_language_of_its_row(taught: tuple[TrainJob, Texts]) -> None:
    """People's translations hardly ever fail the checks of their language, and all in Hangul do those of another."""
    job, texts = taught
    rows = np.arange(len(job.data.train))
    by_direction = Counter(job.data.directions_of(job.data.train.corpus_ids(rows)))
    *_, dropped = texts.pairs(rows, 1000, lambda: False, Silent())
    assert by_direction["en", "ko"] > 200
    assert dropped.total() < 0.05 * len(rows)
    lines = job.tokenizers[0].decode([ids.tolist() for ids in job.data.train.ids(rows)[0]])
    checks = [Checks.of(to, job.data.profile_of(to)) for _, to in job.data.directions_of(texts.corpora(rows))]
    lengths = [(int(source), int(target)) for source, target in zip(*job.data.train.lengths(rows), strict=True)]
    targets = job.tokenizers[1].decode([ids.tolist() for ids in job.data.train.ids(rows)[1]])
    lines_of_rows = zip(checks, lines, targets, lengths, strict=True)
    judged = [check.failed(line, target, pieces) for check, line, target, pieces in lines_of_rows]
    assert dropped == Counter(failed[0] for failed in judged if failed)

    corpora = range(job.data.train.corpora)
    into = [target for _, target in job.data.directions_of(corpora)]
    row = texts.corpora(rows).index(into.index("ko"))
    source, target = (side[row] for side in job.data.train.ids(rows))
    assert texts.forwards
    failed = texts.forwards.failed([source] * len(into), [target.tolist()] * len(into), corpora, 1000)
    assert [name == "wrong-script" for name in failed] == [language != "ko" for language in into]


def of_teacher(taught: tuple[TrainJob, Texts], folder: Path, most: float = inf, seconds: float = inf) -> Making:
    job, texts = taught
    return Making(folder / TEACHER, texts, job.data, "work", (1, 1), most, Silent(), seconds, least=most)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_an_epoch_reads_each_pair_of_a_teacher_as_often_as_the_pair_that_it_is_made_of(
    taught: tuple[TrainJob, Texts], tmp_path: Path, share: float
) -> None:
    job, train = taught[0], taught[0].data.train
    of_teacher(taught, tmp_path).make(lambda: False)
    feed = Feed(job.data, stages_of(job.config.training, True), share, tmp_path)
    feed.open(1)
    real, made = np.arange(len(train)), np.arange(len(train), len(feed.rows))
    names = [
        tuple(tuple(ids.tolist()) for ids in pair)
        for pair in zip(*feed.rows.ids(np.arange(len(feed.rows))), strict=True)
    ]
    weights = dict(zip(names, train.weight(real), strict=False))
    wanted = np.array([weights[name] for name in names[len(train) :]])
    assert len(set(wanted)) == 2, "both corpora"
    assert len(made) > 0.95 * len(train)
    assert feed.rows.weight(made) == pytest.approx(wanted)
    assert feed.rows.weight(real) == pytest.approx(train.weight(real) * (share < 1))
    assert feed.rows.rows_per_epoch == pytest.approx(train.rows_per_epoch * (share < 1) + wanted.sum())


def test_further_texts_are_translated_behind_those_that_are(
    taught: tuple[TrainJob, Texts], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a process that was stopped; and where no time is left for more, those stay."""
    windows, translated, folder = Texts.pairs, list[int](), tmp_path / TEACHER
    whole = of_teacher(taught, tmp_path / "whole").make(lambda: False)

    def counted(self: Texts, rows: Any, *rest: Any) -> Any:
        made = windows(self, rows, *rest)
        translated.extend(rows)
        return made

    def files(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.glob("*.bin")}

    monkeypatch.setattr(Texts, "pairs", counted)
    few = of_teacher(taught, tmp_path, 100).make(lambda: False)
    assert few["texts"] == len(translated) == 100
    before = files(folder)
    assert of_teacher(taught, tmp_path, 200, seconds=-1.0).make(lambda: False)["texts"] == 100
    assert files(folder) == before
    with pytest.raises(Interrupted):
        of_teacher(taught, tmp_path).make(lambda: len(translated) > 200)
    assert files(folder) == before
    made = of_teacher(taught, tmp_path).make(lambda: False)
    assert sorted(translated) == list(range(whole["texts"])), "each once"
    assert {name: made[name] for name in ("texts", "pairs", "dropped")} == {
        name: whole[name] for name in ("texts", "pairs", "dropped")
    }
    assert files(folder) == files(tmp_path / "whole" / TEACHER)


# --- the model --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINES)
def test_a_directed_engine_reads_the_tag_before_the_text(many: Many, name: str) -> None:
    model = ModelFolder.open(many.run).toward("fy")
    plain = load_engine(model, SHORT, replace(ON_CPU, engine=name))
    tag = model.tag
    assert tag is not None
    pieces = [model.tokenizers[0].encode(["I go home.", "The flower is pretty."])][0]
    queries, targets = [Query(each) for each in pieces], [each[:3] for each in pieces]
    by_hand = [Query([tag, *each], tags=1) for each in pieces]
    engine = directed(plain, tag)
    assert engine.search(queries, SHORT) == plain.search(by_hand, SHORT)
    assert engine.score(queries, targets) == plain.score(by_hand, targets)
    assert [query.limit(SHORT) for query in by_hand] == [query.limit(SHORT) for query in queries]


def test_no_word_comes_from_the_tag(many: Many) -> None:
    model = ModelFolder.open(many.run).toward("ko")
    engine = pytorch.load_engine([model], "cpu", 1)
    (pieces,) = model.tokenizers[0].encode(["I go home."])
    (weights,) = DirectedAligner(engine, model.tag or 0).align([Query(pieces)], [pieces[:4]])
    assert weights.shape == (4, len(pieces))
    assert weights.sum(1) == pytest.approx(np.ones(4))


def test_the_commands_and_the_library_translate_into_the_language_that_is_asked_for(many: Many) -> None:
    lines = lines_of("test.en")[:6]
    (many.text / "lines.en").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    options = replace(SHORT, min_length=4)  # so young a model says nothing
    engines = {name: Translator.load(many.run, options, engine=name, threads=1, device="cpu") for name in ENGINES}
    found = {
        to: [list(translator.translate(lines, to=to)) for translator in engines.values()] for to in ("fy", "ko", "fy")
    }
    texts = {to: [[each.text for each in one] for one in both] for to, both in found.items()}
    assert all(torch == ctranslate2 for torch, ctranslate2 in texts.values())
    assert [each.score for each in found["fy"][0]] != [each.score for each in found["ko"][0]]
    result = nmt(
        *("translate", many.run, many.text / "lines.en", "--to", "ko", "--threads", "1", "--device", "cpu"),
        *("--max-length-factor", "1", "--min-length", "4"),
    )
    assert result.stdout.splitlines() == texts["ko"][0], result.stderr


@pytest.mark.parametrize("to", ["ko", "fy"])
def test_a_tag_changes_the_scores(many: Many, to: str) -> None:
    """The tags are read: the same text has another probability in the other language."""
    scores = {}
    for language in ("ko", "fy"):
        model = ModelFolder.open(many.run).toward(language)
        engine = directed(load_engine(model, SHORT, replace(ON_CPU, engine="torch")), model.tag)
        (pieces,) = model.tokenizers[0].encode(["I go home."])
        scores[language] = engine.score([Query(pieces)], [pieces])[0].score
    assert scores["ko"] != scores["fy"]


@pytest.mark.parametrize(
    ("command", "to", "message"),
    [
        ("translate", "", "translates into ko, fy, en; name"),
        ("evaluate", "fr", "not into 'fr'"),
        ("score", "", "translates into ko, fy, en; name"),
    ],
)
def test_a_model_of_several_targets_is_asked_for_one_of_them(many: Many, command: str, to: str, message: str) -> None:
    flags = ["--to", to] if to else []
    result = nmt(
        command, many.run, many.text / "en-ko/test.en" if command == "translate" else many.text / "en-ko/test", *flags
    )
    assert result.returncode == 78
    assert message in result.stderr
    assert "--to ko" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_service_has_all_directions_of_a_model(many: Many) -> None:
    options, engine = replace(SHORT, beam_size=2), replace(ON_CPU, threads=1)
    service = Directions.load([many.run], options, engine, None)
    assert {(each.source, each.target) for each in service.served} == set(DIRECTIONS)
    for each in service.served:
        alone = Translator.load(many.run, options, threads=1, device="cpu", to=each.target)
        for translator in (each.plain, each.n_best):
            assert [line.text for line in translator.translate(["I go home."], to=each.target)] == [
                line.text for line in alone.translate(["I go home."])
            ]
    with pytest.raises(SettingsError, match="two models translate"):
        Directions.load([many.run, many.run], options, engine, None)
    with pytest.raises(SettingsError, match="`glossary` is of one direction"):
        Directions.load([many.run], options, engine, Path("terms.tsv"))


def test_the_library_asks_for_a_language_too(many: Many) -> None:
    translator = Translator.load(many.run, threads=1, device="cpu")
    with pytest.raises(SettingsError, match="ko, fy, en"):
        translator.translate(["I go."])
    with pytest.raises(SettingsError, match="not into 'de'"):
        translator.translate(["I go."], to="de")
    one = Translator.load(many.run, SHORT, threads=1, device="cpu", to="kor")
    assert one.target_language == "ko"
    assert len(list(one.translate(["I go."]))) == 1


def test_a_model_of_one_direction_takes_its_own_language() -> None:
    model = ModelFolder(Path("model"), ModelConfig(), "ko", "en")
    assert model.toward("eng") is model
    assert model.toward() is model
    with pytest.raises(SettingsError, match="leave `to` out"):
        model.toward("ko")


def test_a_model_of_several_sources_and_one_target_need_not_be_asked() -> None:
    facts: dict[str, Any] = {"targets": {"en": {}}}
    several = ModelFolder(Path("model"), ModelConfig(), "mul", "en", facts, "", (("ko", "en"), ("fy", "en")))
    assert several.toward("").pairs == (("ko", "en"), ("fy", "en"))


def test_a_glossary_has_the_forms_of_every_source_language(many: Many) -> None:
    pytest.importorskip("snowballstemmer")
    pairs = (("de", "ko"), ("en", "ko"))
    several = replace(ModelFolder.open(many.run), source_language="mul", target_language="ko", directions=pairs)
    terms = partial(Glossary.of, {"Katze": "고양이", "cat": "고양이"})
    glossary = Loaded.of([several], SHORT, replace(ON_CPU, engine="torch"), terms).arguments("ko")["glossary"]
    assert [found.words for found in glossary.find("Die Katzen sehen cats")] == ["Katzen", "cats"]


def test_a_target_has_facts_of_its_own(many: Many, tmp_path: Path) -> None:
    shutil.copytree(many.run / "model", tmp_path / "model")
    facts = read_manifest(tmp_path / "model")
    english, korean = (
        Profile.read(ModelFolder.open(tmp_path / "model").toward(to).manifest, "") for to in ("en", "ko")
    )
    assert english != korean
    del facts["targets"]["ko"]
    write_manifest(tmp_path / "model", facts)
    with pytest.raises(DataError, match="says nothing of ko"):
        ModelFolder.open(tmp_path / "model").toward("ko")


def made_up(*pairs: Direction) -> ModelFolder:
    """A model without files; ``toward`` has what it needs."""
    facts: dict[str, Any] = {"targets": {target: {} for _, target in pairs}}
    several = pairs if len(pairs) > 1 else ()
    return ModelFolder(Path("M"), ModelConfig(), side_of(pairs, 0), side_of(pairs, 1), facts, directions=several)


BOTH_WAYS = made_up(("en", "hau"), ("hau", "en"), ("en", "ibo"), ("ibo", "en"))


@pytest.mark.parametrize(
    ("model", "wanted", "target"),
    [
        (BOTH_WAYS, ("hau", "en"), "en"),
        (BOTH_WAYS, ("en", "hau"), "hau"),
        (BOTH_WAYS, ("en", "ha"), "hau"),
        (BOTH_WAYS, ("hau", "ibo"), None),
        (BOTH_WAYS, ("en", "fy"), None),
        (made_up(("hau", "en")), ("hau", "en"), "en"),
        (made_up(("ha", "eng")), ("hau", "en"), "eng"),
        (made_up(("en", "hau")), ("hau", "en"), None),
        (made_up(("en", "zho_Hans"), ("en", "zho_Hant")), ("en", "zho_Hant"), "zho_Hant"),
        (made_up(("en", "zho_Hans"), ("en", "zho_Hant")), ("en", "zho"), None),
        (made_up(("zho_Hans", "en"), ("zho_Hant", "en")), ("zho", "en"), "en"),
    ],
)
def test_a_model_judges_pairs_of_a_direction_that_it_has(
    model: ModelFolder, wanted: Direction, target: str | None
) -> None:
    """Also as the other direction of dual cross-entropy, and by the rule `model`."""
    found = in_direction(model, wanted)
    assert (found and found.target_language) == target
    if target:
        assert translating_back(model, [(wanted[1], wanted[0])], "F") == found
        assert ModelOfPairs(model, wanted, ON_CPU).name == "M"
        return
    mend = f"give a model that translates {spoken([wanted])}"
    for refused in (
        lambda: translating_back(model, [(wanted[1], wanted[0])], "F"),
        lambda: ModelOfPairs(model, wanted, ON_CPU),
    ):
        with pytest.raises(SettingsError, match=f"translates {spoken(model.pairs)}, and") as told:
            refused()
        assert told.value.mend == mend


def test_the_other_direction_is_that_of_all_corpora() -> None:
    with pytest.raises(SettingsError, match="corpora of one direction, and these are hau → en, ibo → en"):
        translating_back(BOTH_WAYS, [("hau", "en"), ("ibo", "en")], "F")


def test_a_model_of_both_ways_is_its_own_other_direction(many: Many, tmp_path: Path) -> None:
    shutil.copytree(many.run / "model", model := tmp_path / "model")
    settings = tomllib.loads((model / "config.toml").read_text())
    settings["languages"]["directions"].append(["fy", "en"])
    (model / "config.toml").write_text(tomli_w.dumps(settings))
    write_manifest(model, read_manifest(model, verify=False))

    def scores(*flags: str | Path) -> list[list[float]]:
        result = nmt("score", model, many.text / "en-fy/test", *flags, "--format", "tsv", "--threads", "1")
        assert result.returncode == 0, result.stderr
        return [list(map(float, line.split("\t")[2:])) for line in result.stdout.splitlines()]

    there, back = ([score for (score,) in scores("--to", to)] for to in ("fy", "en"))
    dual = scores("--to", "fy", "--reverse", model)
    assert [row[1] for row in dual] == pytest.approx(there)
    assert [row[2] for row in dual] == pytest.approx(back)


def test_translations_into_another_language_are_counted(many: Many) -> None:
    result = nmt(
        *("evaluate", many.run, many.text / "en-fy/test", "--to", "fy", "--json", "--threads", "1", "--device", "cpu"),
        *("--max-length-factor", "1", "--no-confidence"),
    )
    assert result.returncode == 0, result.stderr
    (found,) = json.loads(result.stdout)["sets"]
    (told,) = found["off_target"]
    assert told["lines"] == sum(told["languages"].values()) <= found["lines"] == 10


def test_languages_of_a_model_are_told_apart(many: Many) -> None:
    """Given whole test sets in the place of translations, nearly all lines are in their own language."""
    by = teller_of([ModelFolder.open(many.run).toward("fy")])
    assert by is not None
    english = lines_of("train.en")[600:700]

    def other(lines: list[str], target: str) -> int:
        return off_target("", fake(english, lines), by._replace(target=target)).count

    assert other(list(map(backwards, english)), "fy") <= 5
    assert other(lines_of("train.ko")[600:700], "ko") <= 2
    assert other(lines_of("train.ko")[600:700], "fy") >= 95
    assert other(list(map(backwards, english)), "ko") >= 95


def test_a_service_asks_the_model_which_of_its_languages_a_text_is_in(many: Many) -> None:
    """``fy`` has words of our own, which py3langid never saw; a text in a third language of the model is in neither."""
    pytest.importorskip("py3langid")
    service = Directions.load([many.run], SHORT, ON_CPU, None)
    into = service.find("en", "ko")
    assert into
    among = [Served(source, "ko", into.plain, into.n_best) for source in ("en", "fy")]
    detector = Detector(service.served)
    english = lines_of("train.en")[600:700]

    def told(lines: list[str]) -> Counter[str]:
        chosen = [detector.choose(line, among) for line in lines]
        return Counter(each[0].source if each else "" for each in chosen)

    assert told(english)["en"] >= 95
    assert told(list(map(backwards, english)))["fy"] >= 95
    assert told(lines_of("train.ko")[600:700])[""] >= 95
    blank = detector.choose("", among)
    assert blank is not None
    assert (blank[0], round(blank[1], 3)) == (among[0], 0.333)


def fake(sources: list[str], texts: list[str]) -> list[Any]:
    from nmt.decoding.translation import Translation

    return [Translation(source, text, 0.0) for source, text in zip(sources, texts, strict=True)]


def test_a_text_is_taken_for_another_language_only_where_that_is_much_likelier() -> None:
    telling = Telling({"a": frequencies_of({1: 50, 2: 50}), "b": frequencies_of({1: 60, 3: 40})})
    assert telling.likely([], "a") == "a"
    assert telling.likely([1], "a") == "a"
    assert telling.likely([3, 3, 3], "a") == "b"
    assert telling.likely([9, 9], "a") == "a"
    assert telling.probabilities([1, 9, 1]) == pytest.approx({"a": 25 / 61, "b": 36 / 61})
    assert telling.probabilities([9]) == {"a": 0.5, "b": 0.5}
    assert Telling.read({"frequencies": telling.facts()}, "") == telling


@pytest.mark.parametrize("pieces", ["1", "1 -2", "-1 2", "a b", "1 5 2 99", 7, ""])
def test_frequencies_that_nothing_counted_are_refused(pieces: Any) -> None:
    with pytest.raises(DataError, match="frequencies"):
        Telling.read({"frequencies": {"a": {"total": 100, "pieces": pieces}}}, "it")


@pytest.mark.parametrize(("source", "target"), [("en", "fy"), ("ko", "en")])
def test_a_package_for_argos_asks_for_its_language_by_itself(
    many: Many, tmp_path: Path, source: str, target: str
) -> None:
    """argostranslate puts no tag in front of a line, so CTranslate2 has to."""
    import ctranslate2
    import sentencepiece

    package = tmp_path / "x.argosmodel"
    made = nmt("export", many.run, "--to", "argos", "--direction", f"{source}-{target}", "-o", package)
    assert made.returncode == 0, made.stderr
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path / "installed")
    root = tmp_path / "installed" / f"translate-{source}_{target}"
    # Words that training had, which nothing takes for mistyped.
    lines = (many.text / "en-ko" / f"train.{source}").read_text(encoding="utf-8").splitlines()[:3]
    options = SearchOptions(beam_size=2, max_length_factor=0.5)
    translator = Translator.load(many.run, options, threads=1, engine="ctranslate2", to=target)
    ours = list(translator.translate(lines))
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(root / "sentencepiece.model"))
    model = ctranslate2.Translator(str(root / "model"), intra_threads=1)
    for line, its in zip(lines, ours, strict=True):
        encoded = [pieces.encode(line, out_type=str)]
        limit = length_limit(its.source_pieces, 0.5)
        lengths = {"max_decoding_length": limit, "min_decoding_length": 0}  # 1 by default, which changes scores
        (found,) = model.translate_batch(encoded, beam_size=2, return_scores=True, **lengths)
        assert its.text == one_line(pieces.decode(found.hypotheses[0]))
        assert found.scores[0] == pytest.approx(its.score, abs=1e-6)
