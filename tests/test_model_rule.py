"""``prepare --rule model=MODEL``: the scores are those of ``nmt score``, comparing decides, and a kill loses none."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
from conftest import TinyRun, nmt, write_corpus
from test_prepare import Warnings, contents, pair, write

from nmt.config import PrepareOptions
from nmt.corpus.cleaning import Cleaning
from nmt.corpus.prepare import PrepareRequest, judge_alone, prepare
from nmt.errors import BusyError
from nmt.show.corpus_report import report
from nmt.text.progress import Progress

RIGHT = [pair(number) for number in range(700)]
WRONG = [(RIGHT[number][0], RIGHT[number + 7][1]) for number in range(600, 690)]
OPTIONS = PrepareOptions(clean="off", tokenizer="bpe", rules="order=off,tags=2")


class Knows:
    """A model that knows the right pairs: these are likely, others are not, each by a little more or less."""

    name, digest = "stub", "1"

    def __init__(self, knows: Sequence[tuple[str, str]], fails: int = 0) -> None:
        self.knows, self.fails = set(knows), fails
        self.asked: list[int] = []

    def about(self) -> Mapping[str, str | int]:
        return {"model": self.digest}

    def score(self, pairs: Sequence[tuple[str, str]], progress: Progress) -> list[float]:
        self.asked.append(len(pairs))
        if len(self.asked) == self.fails:
            raise BusyError("the machine is busy", "again")
        return [-(1 if one in self.knows else 6) - crc32(repr(one).encode()) / (1 << 32) for one in pairs]


@pytest.fixture
def request_(tmp_path: Path) -> PrepareRequest:
    """A request for 600 right pairs and 90 wrong ones."""
    train = write(tmp_path / "train", [*RIGHT[:600], *WRONG])
    return PrepareRequest("ko", "en", (train,), None, (), tmp_path / "data", model=Knows(RIGHT))


def test_pairs_as_improbable_as_exchanged_ones_are_dropped_and_counted_everywhere(request_: PrepareRequest) -> None:
    made = prepare(request_, OPTIONS)
    (corpus,) = made.corpora
    dropped = corpus.dropped["model"]
    assert corpus.pairs == corpus.kept + sum(corpus.dropped.values())
    lines = gzip.decompress((request_.output / "dropped.tsv.gz").read_bytes()).decode().splitlines()
    told = {int(line.split("\t")[1]): float(line.split("\t")[3]) for line in lines if line.split("\t")[2] == "model"}
    scores = dict(zip(range(601, 691), Knows(RIGHT).score(WRONG, Warnings()), strict=True))
    assert told == pytest.approx({line: -scores[line] for line in told}, abs=1e-3)
    assert len(told) == dropped >= 0.8 * len(WRONG)
    cleaning = Cleaning.open(request_.output)
    (rule,) = (rule for rule in cleaning.facts["rules"] if rule["name"] == "model")
    assert 2 < rule["threshold"] < 7
    assert (rule["dropped"], sum(rule["bins"])) == (dropped, 690)
    assert (
        min(-scores[line] for line in told) > rule["threshold"] >= max(-scores[line] for line in scores.keys() - told)
    )
    page = report(cleaning, "data")
    assert 'id="rule-model"' in page
    assert "Settings: clean=off · rule order=off · rule tags=2 · rule model=stub<" in page
    assert json.loads((request_.output / "manifest.json").read_text())["model"] == {"path": "stub", "sha256": "1"}
    assert judge_alone(request_, OPTIONS).corpora[0].dropped["model"] == dropped
    assert prepare(request_, OPTIONS).unchanged


def test_of_right_pairs_alone_none_is_dropped(request_: PrepareRequest) -> None:
    request = replace(request_, train=(write(request_.output.parent / "right", RIGHT[:600]),))
    assert "model" not in prepare(request, OPTIONS).corpora[0].dropped


def test_a_model_that_cannot_tell_pairs_from_exchanged_ones_drops_none_and_a_warning_says_so(
    request_: PrepareRequest,
) -> None:
    warnings = Warnings()
    made = prepare(replace(request_, model=Knows([])), OPTIONS, progress=warnings)
    assert "model" not in made.corpora[0].dropped
    (warning,) = (line for line in warnings.lines if "exchanged" in line)
    assert warning.startswith("stub finds only ")


@pytest.mark.parametrize("fails", [1, 9, 20, 27])
def test_scores_are_not_asked_for_again_after_a_kill_and_the_bytes_are_the_same(
    request_: PrepareRequest, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    for module in ("late", "again"):
        monkeypatch.setattr(f"nmt.corpus.{module}.AT_A_TIME", 100)
    whole = Knows(RIGHT)
    prepare(replace(request_, output=request_.output.with_name("whole"), model=whole), OPTIONS)
    first, second = Knows(RIGHT, fails), Knows(RIGHT)
    if fails <= len(whole.asked):
        with pytest.raises(BusyError):
            prepare(replace(request_, model=first), OPTIONS)
    prepare(replace(request_, model=second), OPTIONS)
    assert len(second.asked) == (len(whole.asked) - fails + 1 if fails <= len(whole.asked) else len(whole.asked))
    assert contents(request_.output) == contents(request_.output.with_name("whole"))


def test_the_scores_of_the_rule_are_those_of_nmt_score(tiny_run: TinyRun, tmp_path: Path) -> None:
    train = write_corpus(tmp_path, "train", 400, 250)
    for suffix in ("ko", "en"):
        with Path(f"{train}.{suffix}").open("a") as file:
            file.write("긴 " * 500 + "\n" if suffix == "ko" else "long\n")  # has no score
    scored = nmt("score", tiny_run.run, train, "--quiet")
    wanted = [float(line) for line in scored.stdout.splitlines()]
    flags: list[str | Path] = [
        "--clean",
        "off",
        "--rule",
        f"model={tiny_run.run}",
        "--max-length",
        "2000",
        "--vocab",
        tiny_run.run,
    ]
    done = nmt("prepare", "-s", "ko", "-t", "en", "--train", train, *flags, "-o", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    (rule,) = (rule for rule in Cleaning.open(tmp_path / "data").facts["rules"] if rule["name"] == "model")
    assert rule["unknown"] == 1
    shown = [*rule["survivors"], *rule["victims"]]
    assert len(shown) >= 20
    for score, _, line, *_ in shown:
        assert score == pytest.approx(-wanted[line - 1], abs=1e-4)
    bins = [0] * len(rule["bins"])
    for score in wanted[:-1]:
        bins[min(int(-score / rule["highest"] * len(bins)), len(bins) - 1)] += 1
    assert rule["bins"] == bins


@pytest.mark.parametrize(
    ("languages", "rules", "code", "words"),
    [
        (("en", "ko"), ["model={run}"], 78, "translates ko → en, and the corpora are en → ko; give a model"),
        (("ko", "en"), ["model={run}", "model={run}"], 2, "--rule model is given twice"),
        (("ko", "en"), ["model="], 2, "names no model"),
        (("ko", "en"), ["model={data}/none"], 66, "none"),
    ],
)
def test_a_mistake_is_one_line(
    tiny_run: TinyRun, tmp_path: Path, languages: tuple[str, str], rules: list[str], code: int, words: str
) -> None:
    train = write_corpus(tmp_path, "train", 0, 3)
    named = [f"--rule={rule.format(run=tiny_run.run, data=tiny_run.data)}" for rule in rules]
    done = nmt("prepare", "-s", languages[0], "-t", languages[1], "--train", train, *named, "-o", tmp_path / "data")
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert words in done.stderr
    assert not (tmp_path / "data").exists()
