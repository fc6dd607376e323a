"""The profile of a dataset's lines, and its copy in the model trained on them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import CORPUS, TinyRun
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.corpus.dataset import Dataset
from nmt.disk.manifest import NAME
from nmt.errors import DataError
from nmt.store.model_folder import ModelFolder
from nmt.text.profile import Profile, ProfileCounter
from nmt.text.tokenizer import Tokenizer

SOUND = Profile(30, 2, 0.99, "。", ".").facts()
ENDINGS = st.sampled_from(["a.", "a", "a!", "a. b.", "a. b. c", "가。나。", ""])


@settings(deadline=None)
@given(st.lists(st.tuples(ENDINGS, ENDINGS, st.integers(1, 9)), min_size=1, max_size=30), st.integers(1, 30))
def test_a_profile_says_what_a_plain_count_says(rows: list[tuple[str, str, int]], chunk: int) -> None:
    counter = ProfileCounter()
    for start in range(0, len(rows), chunk):
        some = rows[start : start + chunk]
        counter.add([row[:2] for row in some], [row[2] for row in some], [2 * row[2] for row in some])
    profile = counter.profile()
    assert profile.longest == max(pieces for _, _, pieces in rows)  # of so few, the longest is 1 in 1,000
    assert profile.sentences == max({"a. b.": 2, "a. b. c": 3, "가。나。": 2}.get(source, 1) for source, _, _ in rows)
    marks = [source[-1] for source, _, _ in rows if source.endswith((".", "!", "。"))]
    assert profile.final == pytest.approx(len(marks) / len(rows), abs=1e-5)
    assert profile.ratio == 2
    assert not marks or marks.count(profile.source_mark) == max(map(marks.count, marks))


def test_the_longest_line_counts_unless_it_is_an_outlier() -> None:
    for longest, counted in ((110, 110), (125, 125), (126, 125), (400, 125)):
        counter = ProfileCounter()
        counter.add([("a.", "b.")] * 1001, [100] * 1000 + [longest], [])
        assert counter.profile().longest == counted


def test_what_one_line_in_a_thousand_has_counts_as_seen_and_what_fewer_have_does_not() -> None:
    for rare, longest, sentences in ((10, 50, 3), (9, 6, 1)):  # 6: 5, and a quarter more
        counter = ProfileCounter()
        counter.add([("a.", "b.")] * (10_000 - rare), [5] * (10_000 - rare), [])
        counter.add([("a. b. c.", "d.")] * rare, [50] * rare, [])
        assert counter.profile() == Profile(longest, sentences, 1.0, ".", ".", 0.0, 0.0)


def test_a_dataset_and_the_model_trained_on_it_say_what_its_sources_looked_like(tiny_run: TinyRun) -> None:
    data = Dataset.open(tiny_run.data)
    sources = (CORPUS / "train.ko").read_text(encoding="utf-8").splitlines()[:300]
    pieces = Tokenizer.load(data.source_tokenizer_path).encode(sources)
    profile = data.profile
    assert profile is not None
    assert profile.longest == max(map(len, pieces))
    assert profile.sentences == max(source.count(". ") + source.count("? ") + 1 for source in sources)
    assert profile.final == pytest.approx(sum(source[-1] in ".?!" for source in sources) / 300, abs=1e-5)
    assert (profile.source_mark, profile.target_mark) == (".", ".")
    targets = (CORPUS / "train.en").read_text(encoding="utf-8").splitlines()[:300]
    target_pieces = Tokenizer.load(data.target_tokenizer_path).encode(targets)
    assert profile.ratio == pytest.approx(sum(map(len, target_pieces)) / sum(map(len, pieces)), abs=1e-5)
    assert ModelFolder.open(tiny_run.run / "model").profile == profile


@pytest.mark.parametrize(
    "facts",
    [
        None,
        [],
        "long",
        {},
        {**SOUND, "more": 1},
        {**SOUND, "longest": -1},
        {**SOUND, "longest": 10**9},
        {**SOUND, "longest": True},
        {**SOUND, "sentences": 2.0},
        {**SOUND, "ratio": 0},
        {**SOUND, "ratio": "1"},
        {**SOUND, "final": 1.1},
        {**SOUND, "final": "1"},
        {**SOUND, "source_mark": "\x1b[2J"},
        {**SOUND, "source_mark": ".."},
        {**SOUND, "source_mark": ""},
        {**SOUND, "target_mark": ["."]},
    ],
)
def test_a_strangers_profile_is_within_bounds_or_refused_by_name(tiny_run: TinyRun, tmp_path: Path, facts: Any) -> None:
    shutil.copytree(tiny_run.run / "model", tmp_path / "model")
    path = tmp_path / "model" / NAME
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "profile": facts}), encoding="utf-8")
    with pytest.raises(DataError, match=r"manifest\.json has an invalid profile: ") as caught:
        _ = ModelFolder.open(tmp_path / "model").profile
    assert str(caught.value).isprintable()


def test_a_sound_profile_is_read_as_it_was_written_and_an_older_model_has_none() -> None:
    assert Profile.read({"profile": SOUND}, "m") == Profile(30, 2, 0.99, "。", ".")
    assert Profile.read({}, "m") is None
