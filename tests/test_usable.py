"""How probably a translation is usable: the regression, its calibration, and where both appear."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CORPUS, TinyRun, nmt
from test_run import train

from nmt import SearchOptions, Translation, Translator
from nmt.corpus.dataset import Dataset
from nmt.decoding.checks import Checks
from nmt.decoding.formats import json_line
from nmt.decoding.side_outputs import Review
from nmt.decoding.usable import FARTHEST, FEATURES, SURE, VERSION, Judge, Usable, features
from nmt.disk.manifest import NAME
from nmt.errors import DataError
from nmt.scoring.usable import FEWEST, MOST, Numbers, calibration, fit, newton, prior
from nmt.show.about import about
from nmt.store.model_folder import ModelFolder
from nmt.training.validation import length_factor

CHECKS = Checks("de")


def made(weights: Sequence[float], intercept: float = 0.5) -> Usable:
    """A regression with given weights, whose features are not scaled."""
    count = len(FEATURES)
    return Usable(50.0, 300, intercept, [0.0] * count, [1.0] * count, list(weights))


def only(name: str, weight: float) -> Usable:
    """A regression that looks at one feature alone."""
    return made([weight if feature == name else 0.0 for feature in FEATURES])


WEIGHTS = [-1.5, 0.25, 0.5, -0.125, -2.0]
SOUND = made(WEIGHTS).facts()


# --- the regression ---------------------------------------------------------------------------------------------------


def drawn(seed: int, weights: Sequence[float], rows: int = 400) -> tuple[Numbers, Numbers]:
    """Columns, the first of ones, and labels drawn from a logistic regression."""
    chance = np.random.default_rng(seed)
    columns = np.column_stack([np.ones(rows), chance.normal(size=(rows, len(weights) - 1))])
    labels = chance.random(rows) < 1 / (1 + np.exp(-columns @ np.array(weights)))
    return columns, labels.astype(np.float64)


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_of_the_posterior_vanishes_at_what_newton_finds(seed: int) -> None:
    columns, labels = drawn(seed, [0.5, 2.0, -1.0, 0.0])
    mean, precision = np.array([0.0, 0.0, -2.0, 1.0]), np.array([0.0001, 0.1, 1.0, 5.0])
    found = newton(columns, labels, mean, precision)

    def posterior(weights: Numbers) -> float:
        logit = columns @ weights
        likelihood = (labels * logit - np.log1p(np.exp(logit))).sum()
        return float(likelihood - (precision * (weights - mean) ** 2).sum() / 2)

    probability = 1 / (1 + np.exp(-columns @ found))
    gradient = columns.T @ (labels - probability) - precision * (found - mean)
    assert np.abs(gradient).max() < 1e-8
    chance = np.random.default_rng(seed)
    for _ in range(100):
        assert posterior(found) >= posterior(found + chance.normal(scale=0.1, size=4))


def test_in_one_dimension_newton_finds_the_best_of_a_fine_grid() -> None:
    columns, labels = drawn(7, [0.0, 1.5])
    columns = columns[:, 1:]
    grid = np.linspace(-5, 5, 100_001)
    logits = columns * grid
    losses = np.logaddexp(0, logits).sum(0) - (labels[:, None] * logits).sum(0) + 0.3 * (grid + 1) ** 2 / 2
    found = newton(columns, labels, np.array([-1.0]), np.array([0.3]))
    assert found[0] == pytest.approx(grid[losses.argmin()], abs=1e-4)


def test_lines_that_a_feature_divides_have_a_finite_weight() -> None:
    columns = np.column_stack([np.ones(100), np.linspace(-4, 4, 100)])
    labels = (columns[:, 1] > 0).astype(np.float64)
    found = newton(columns, labels, np.zeros(2), np.array([1e-4, 1 / 9]))
    assert np.isfinite(found).all()
    assert 1 < found[1] < 20


def simulated(rows: int, seed: int) -> tuple[list[Translation], list[str], list[float]]:
    """Translations with references, and how probable it was that each would be its reference: that has chrF 100."""
    chance = np.random.default_rng(seed)
    translations, references, probabilities = [], [], []
    for _ in range(rows):
        score, length = -chance.gamma(2.0, 0.4), int(chance.integers(3, 40))
        probability = 1 / (1 + math.exp(0.5 + 3 * math.log(SURE - score)))
        text = "ein Satz von vielen"
        translations.append(Translation("a line of text", text, score, source_pieces=length, target_pieces=length))
        references.append(text if chance.random() < probability else "ÄÖÜ")
        probabilities.append(probability)
    return translations, references, probabilities


def said(usable: Usable, translations: Sequence[Translation]) -> list[float]:
    judge = Judge(usable, CHECKS)
    return [judge.probability(translation) for translation in translations]


def test_known_probabilities_are_found_again_on_other_lines() -> None:
    translations, references, _ = simulated(MOST, 1)
    usable = fit(translations, references, CHECKS)
    assert usable is not None
    assert (usable.bound, usable.lines) == (50.0, MOST)
    others, their_references, known = simulated(4000, 2)
    found = said(usable, others)
    assert np.abs(np.array(found) - known).mean() < 0.03
    chrf = [100.0 * (other.text == line) for other, line in zip(others, their_references, strict=True)]
    assert calibration("m", found, chrf, usable.bound).error < 0.03


def test_of_many_lines_evenly_spaced_ones_count_and_of_too_few_or_one_kind_none() -> None:
    translations, references, _ = simulated(2 * MOST, 3)
    half, whole = fit(translations[::2], references[::2], CHECKS), fit(translations, references, CHECKS)
    assert half == whole
    assert fit(translations[: FEWEST - 1], references[: FEWEST - 1], CHECKS) is None
    assert fit(translations[:FEWEST], references[:FEWEST], CHECKS) is not None
    assert fit(translations[:FEWEST], [each.text for each in translations[:FEWEST]], CHECKS) is None
    assert fit(translations[:FEWEST], ["ÄÖÜ"] * FEWEST, CHECKS) is None


def test_a_failed_check_is_a_bad_sign_also_where_no_line_of_the_validation_set_failed_one() -> None:
    translations, references, _ = simulated(400, 4)
    usable = fit(translations, references, CHECKS)
    assert usable is not None
    assert usable.weights[FEATURES.index("checks")] == pytest.approx(prior()[0][1 + FEATURES.index("checks")])
    plain = translations[0]
    loop = replace(plain, text="ja ja ja ja ja ja")
    assert CHECKS.failed(loop.source, loop.text, (loop.source_pieces, loop.target_pieces)) == ["loop"]
    judge = Judge(usable, CHECKS)
    for doubted in (loop, replace(plain, checks=["cut-off"])):
        odds = [p / (1 - p) for p in (judge.probability(plain), judge.probability(doubted))]
        assert odds[1] < odds[0] / 5


# --- what it looks at -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 2.0])
def test_the_length_penalty_of_the_search_changes_no_feature(penalty: float) -> None:
    logprob, pieces = -6.0, 7
    scored = Translation("a b c d", "e f g", logprob / (pieces + 1) ** penalty, source_pieces=5, target_pieces=pieces)
    plain = replace(scored, score=logprob / (pieces + 1))
    assert features(scored, CHECKS, penalty) == pytest.approx(features(plain, CHECKS))
    usable = made(WEIGHTS)
    judges = [Judge.of(usable, CHECKS, SearchOptions(length_penalty=each)) for each in (penalty, 1.0)]
    assert all(judges)
    assert judges[0].probability(scored) == pytest.approx(judges[1].probability(plain))  # type: ignore[union-attr]


def test_blank_lines_are_usable_and_empty_translations_are_not() -> None:
    judge = Judge(made(WEIGHTS), CHECKS)
    assert judge.probability(Translation(" ", "", 0.0)) == 1.0
    assert judge.probability(Translation("a", "", -1.0, source_pieces=1)) == 0.0


@pytest.mark.parametrize("score", [0.0, -1e-300, -1e300, 1e300])
@pytest.mark.parametrize("weight", [1e6, -1e6])
def test_the_farthest_features_have_a_probability_too(score: float, weight: float) -> None:
    line = Translation("a", "b", score, source_pieces=1, target_pieces=10**6)
    for name in FEATURES:
        assert 0 <= Judge(only(name, weight), CHECKS).probability(line) <= 1


def test_a_feature_counts_no_more_beyond_what_was_seen() -> None:
    longer = [Translation("a", "b", -1.0, source_pieces=1, target_pieces=pieces) for pieces in (54, 1000, 10**6)]
    found = said(only("length", -1.0), longer)
    assert found == pytest.approx([1 / (1 + math.exp(FARTHEST - 0.5))] * 3)


def test_samples_and_what_consensus_chose_are_not_judged() -> None:
    usable = made(WEIGHTS)
    for options in (SearchOptions(sample=0), SearchOptions(mbr="chrf"), SearchOptions(sample=5, mbr="bleu")):
        assert Judge.of(usable, CHECKS, options) is None
    assert Judge.of(None, CHECKS, SearchOptions()) is None
    assert Judge.of(usable, CHECKS, SearchOptions(beam_size=1)) is not None


# --- calibration ------------------------------------------------------------------------------------------------------


def test_the_calibration_error_is_that_of_a_plain_definition() -> None:
    chance = np.random.default_rng(5)
    probabilities, chrf = chance.random(500), chance.random(500) * 100
    probabilities[:3] = 0.0, 1.0, 0.1
    error = 0.0
    for low in range(10):
        inside = (np.floor(probabilities * 10) == low) | ((low == 9) & (probabilities == 1))
        if inside.any():
            error += inside.mean() * abs(probabilities[inside].mean() - (chrf[inside] > 40).mean())
    found = calibration("m", probabilities.tolist(), chrf.tolist(), 40.0)
    assert found.error == pytest.approx(error)
    assert found.said == pytest.approx(probabilities.mean())
    assert found.found == pytest.approx((chrf > 40).mean())
    assert found.chrf == pytest.approx(chrf.mean())
    assert found.least == pytest.approx(chrf[np.argsort(probabilities, kind="stable")[:50]].mean())


# --- in a model -------------------------------------------------------------------------------------------------------


def test_it_is_read_as_it_was_written_and_counts_nothing_in_another_version_or_without_one() -> None:
    assert Usable.read({"usable": json.loads(json.dumps(SOUND))}, "m").facts() == SOUND  # type: ignore[union-attr]
    assert Usable.read({}, "m") is None
    assert Usable.read({"usable": {"version": VERSION + 1, "trees": []}}, "m") is None


def with_feature(name: str, column: Any) -> dict[str, Any]:
    return {**SOUND, "features": {**SOUND["features"], name: column}}


@pytest.mark.parametrize(
    "facts",
    [
        [],
        "yes",
        {"version": VERSION},
        {**SOUND, "features": {}},
        {**SOUND, "features": [1, 2]},
        {**SOUND, "bound": "50"},
        {**SOUND, "bound": 0},
        {**SOUND, "bound": 100},
        {**SOUND, "bound": True},
        {**SOUND, "lines": 1.5},
        {**SOUND, "lines": 0},
        {**SOUND, "intercept": None},
        {**SOUND, "intercept": 10**400},
        {**SOUND, "intercept": float("nan")},
        with_feature("more", [0, 1, 1]),
        with_feature("length", [0, 1]),
        with_feature("length", [0, 1, 1, 1]),
        with_feature("length", "011"),
        with_feature("length", [0, 0, 1]),
        with_feature("length", [0, -1, 1]),
        with_feature("length", [0, 1e-300, 1]),
        with_feature("length", [0, 1, True]),
        with_feature("length", [0, 1, 1e7]),
        with_feature("length", None),
    ],
)
def test_a_strangers_regression_is_within_bounds_or_refused_by_name(facts: Any) -> None:
    with pytest.raises(DataError, match=r"^m has an invalid regression of what is usable: ") as caught:
        Usable.read({"usable": facts}, "m")
    assert str(caught.value).isprintable()


def with_usable(tiny_run: TinyRun, folder: Path, facts: Any) -> Path:
    """A copy of the tiny model with a regression in its manifest."""
    shutil.copytree(tiny_run.run / "model", folder)
    manifest = json.loads((folder / NAME).read_text(encoding="utf-8"))
    (folder / NAME).write_text(json.dumps({**manifest, "usable": facts}), encoding="utf-8")
    return folder


def test_json_lines_say_it_where_the_model_can(tiny_run: TinyRun, tmp_path: Path) -> None:
    lines = (CORPUS / "test.ko").read_text(encoding="utf-8").splitlines()[:5]
    plain = list(Translator.load(tiny_run.run).translate([*lines, " "]))
    assert all(each.usable is None for each in plain)
    assert "usable" not in json.loads(json_line(0, plain[0]))
    model = with_usable(tiny_run, tmp_path / "model", SOUND)
    judged = list(Translator.load(model).translate([*lines, " "]))
    assert judged == plain
    expected = [*said(made(WEIGHTS), plain[:-1]), 1.0]
    assert [each.usable for each in judged] == pytest.approx(expected)
    assert [json.loads(json_line(0, each))["usable"] for each in judged] == [round(value, 3) for value in expected]
    assert next(Translator.load(model, SearchOptions(sample=0)).translate(lines)).usable is None
    assert next(Translator.load(model, ensemble=[tiny_run.run]).translate(lines)).usable is None


def test_the_table_of_a_model_says_what_it_calls_usable(tiny_run: TinyRun, tmp_path: Path) -> None:
    model = with_usable(tiny_run, tmp_path / "model", SOUND)
    assert dict(about(ModelFolder.open(model)))["usable"] == "chrF above 50, fitted on 300 lines"
    assert "usable" not in dict(about(ModelFolder.open(tiny_run.run)))


def test_a_share_to_review_is_of_the_least_usable_lines() -> None:
    usable = only("doubt", -1.0)
    judge = Judge(usable, CHECKS)
    scores = [-1.0, -3.0, -0.5, -2.0]
    lines = [
        Translation(f"line {score}", "text", score, source_pieces=3, target_pieces=3, judge=judge, checks=checks)
        for score, checks in zip(scores, [["loop"], [], [], []], strict=True)
    ]
    assert Review(Path("review"), 0.5).chosen(lines) == [1, 3]
    assert Review(Path("review"), 0.5).chosen([replace(line, judge=None) for line in lines]) == [0, 1]


def test_a_command_refuses_a_damaged_regression_in_one_line(tiny_run: TinyRun, tmp_path: Path) -> None:
    model = with_usable(tiny_run, tmp_path / "model", {**SOUND, "intercept": "high"})
    result = nmt("translate", model, CORPUS / "notes.ko")
    assert result.returncode == 65
    assert result.stderr.count("\n") == 1
    assert "model has an invalid regression of what is usable: " in result.stderr


# --- from training to evaluation --------------------------------------------------------------------------------------


@pytest.fixture
def low_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that some translations of a model of six updates reach, and a small validation set is enough."""
    for name, value in (("BOUND", 1.25), ("FEWEST", 10), ("FEWEST_EACH", 5)):
        monkeypatch.setattr(f"nmt.scoring.usable.{name}", value)


@pytest.mark.usefixtures("low_bound")
def test_a_run_fits_it_on_its_validation_set_and_a_resumed_one_finds_the_same(short_data: Path, tmp_path: Path) -> None:
    train(short_data, tmp_path / "whole", odd_input=0.0)
    for stop in (1, 3, 0):
        train(short_data, tmp_path / "parts", stop_at=stop, odd_input=0.0)
    manifests = [(tmp_path / run / "model" / NAME).read_bytes() for run in ("whole", "parts")]
    assert manifests[0] == manifests[1]
    usable = Usable.read(json.loads(manifests[0]), "m")
    assert usable is not None
    assert (usable.bound, usable.lines) == (1.25, len(Dataset.open(short_data).valid))
    data = Dataset.open(short_data)
    search = SearchOptions(beam_size=1, max_length_factor=length_factor(data))
    translations = list(Translator.load(tmp_path / "whole", search, engine="torch").translate(data.valid_source))
    again = fit(translations, data.valid_target, Checks.of("en", data.profile))
    assert again is not None
    assert said(again, translations) == pytest.approx(said(usable, translations), abs=1e-3)


def test_evaluate_says_how_right_it_is(tiny_run: TinyRun, tmp_path: Path) -> None:
    model = with_usable(tiny_run, tmp_path / "model", SOUND)
    prefix = tmp_path / "test"
    for language in ("ko", "en"):
        lines = (CORPUS / f"test.{language}").read_text(encoding="utf-8").splitlines(keepends=True)[:120]
        prefix.with_suffix(f".{language}").write_text("".join(lines), encoding="utf-8")
    result = nmt("evaluate", model, prefix, "--json")
    assert result.returncode == 0, result.stderr
    (entry,) = json.loads(result.stdout)["sets"][0]["usable"]
    sources, references = (
        prefix.with_suffix(f".{language}").read_text(encoding="utf-8").splitlines() for language in ("ko", "en")
    )
    translations = list(Translator.load(model).translate(sources))
    from sacrebleu.metrics.chrf import CHRF

    chrf = [CHRF().sentence_score(each.text, [line]).score for each, line in zip(translations, references, strict=True)]
    probabilities = [each.usable or 0.0 for each in translations]
    expected = calibration(entry.pop("name"), probabilities, chrf, 50.0).to_json()
    assert expected.pop("name")
    assert entry == pytest.approx(expected, abs=1e-5)
    table = nmt("evaluate", model, prefix, "--no-confidence").stdout
    assert "test, usable" in table
    assert f"{entry['said']:.1%}" in table
    assert "usable: lines of a chrF above 50" in table
