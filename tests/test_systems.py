"""Several systems and seeds: means, deviations, p-values, groups of runs, and their tables as text, LaTeX and CSV."""

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CORPUS, TinyRun, nmt
from fakes import ReverseEngine, WordTokenizer
from sacrebleu import sentence_bleu, sentence_chrf, sentence_ter
from typer.testing import CliRunner

from nmt.cli import app
from nmt.config import ModelConfig
from nmt.corpus.parallel import Corpus
from nmt.decoding.translator import Translator
from nmt.scoring.buckets import by_length
from nmt.scoring.evaluate import ScoringOptions, score_set, set_names
from nmt.scoring.metrics import NAMES, measures, score_corpus
from nmt.scoring.reports import SetReport
from nmt.scoring.seeds import common_name, group_by_settings, model_names, seed_of
from nmt.scoring.significance import randomization, welch
from nmt.scoring.systems import System, Texts
from nmt.scoring.tables import as_csv, escaped, latex, table
from nmt.store.model_folder import ModelFolder
from nmt.text.directions import side_of

REFERENCES = [
    f"the {noun} sat on a {place} {number}"
    for number in range(5)
    for noun in ("cat", "dog")
    for place in ("mat", "chair")
]


def wrong(seed: int, share: float) -> list[str]:
    """The references with some words replaced."""
    drawing = np.random.default_rng(seed)
    return [" ".join("x" if drawing.random() < share else word for word in line.split()) for line in REFERENCES]


GOOD = System("good", ("good-1", "good-2", "good-3"), tuple(wrong(seed, 0.1) for seed in (1, 2, 3)))
BAD = System("bad", ("bad-1", "bad-2"), tuple(wrong(seed, 0.3) for seed in (4, 5)))
METRICS = ("bleu", "chrf", "chrf++", "ter")


@pytest.fixture(scope="module")
def report() -> SetReport:
    return score_set(Texts("test", [GOOD, BAD], [REFERENCES], "en"), ScoringOptions(METRICS))


def test_a_system_has_the_mean_and_the_deviation_of_its_runs(report: SetReport) -> None:
    for entry in report.systems:
        scores = [score_corpus(lines, [REFERENCES], "en", METRICS, False) for lines in entry.system.outputs]
        for metric, result in entry.results.items():
            runs = [score[metric].score for score in scores]
            assert result.runs == pytest.approx(runs)
            assert result.score.score == pytest.approx(np.mean(runs))
            assert result.deviation == pytest.approx(np.std(runs, ddof=1))
            assert result.score.low is not None
            assert result.score.high is not None
            assert result.score.low < result.score.score < result.score.high
    (alone,) = score_set(Texts("test", [System.of("x", wrong(1, 0.1))], [REFERENCES], "en"), ScoringOptions()).systems
    assert alone.results["bleu"].deviation is None
    assert alone.results["bleu"].score == score_corpus(wrong(1, 0.1), [REFERENCES], "en")["bleu"]


def test_p_is_of_the_runs_means_and_p_over_seeds_is_welchs(report: SetReport) -> None:
    found = measures(METRICS, [REFERENCES], "en", [*GOOD.outputs, *BAD.outputs])
    for metric, measure in found.items():
        ours, theirs = (np.mean(measure.counts(system.outputs), axis=0) for system in (GOOD, BAD))
        result = report.systems[1].results[metric]
        assert result.p_value == randomization(measure.score, ours, theirs)
        assert result.p_seeds == welch(report.systems[0].results[metric].runs, result.runs)
    assert report.systems[0].results["bleu"].p_value is None


def test_json_has_the_runs_and_every_figure(report: SetReport) -> None:
    entry = json.loads(json.dumps(report.to_json()))
    assert entry["runs"] == ["good-1", "good-2", "good-3"]
    assert list(entry["bleu"]) == ["score", "low", "high", "signature", "deviation", "runs"]
    (theirs,) = entry["baselines"]
    assert (theirs["name"], theirs["runs"]) == ("bad", ["bad-1", "bad-2"])
    result = report.systems[1].results["chrf"]
    assert theirs["chrf"]["runs"] == pytest.approx(result.runs, abs=1e-6)
    assert theirs["chrf"]["deviation"] == pytest.approx(result.deviation, abs=1e-6)
    assert (theirs["chrf"]["p_value"], theirs["chrf"]["p_seeds"]) == (result.p_value, result.p_seeds)


# --- tables -----------------------------------------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_system_with_its_runs_and_both_p(report: SetReport) -> None:
    drawn = table([report])
    assert drawn.headings == ["set", "system", "lines", "runs"] + [
        cell for metric in METRICS for cell in (NAMES[metric], "p", "p(seeds)")
    ]
    theirs, ours = drawn.rows
    assert theirs[:4] == ["test", "bad", "20", "2"]
    assert ours[:4] == ["test", "good", "20", "3"]
    bleu = report.systems[1].results["bleu"]
    assert theirs[4] == f"{bleu.score.score:.2f} ± {bleu.deviation:.2f}"
    assert theirs[5:7] == [f"{bleu.p_value:.4f}", f"{bleu.p_seeds:.4f}"]
    assert ours[5:7] == ["", ""]
    assert [note.split(":")[0] for note in drawn.notes[len(METRICS) : -1]] == ["±", "p", "p(seeds)"]


NASTY = r"a\input{x}_%&#$~^<script>|\"{}한글" + "\x1b[31m\n"


def test_latex_escapes_whatever_a_name_holds(report: SetReport) -> None:
    texts = Texts(NASTY, [System.of(NASTY, wrong(1, 0.1)), System.of("b", wrong(2, 0.1))], [REFERENCES], "en")
    page = latex(table([score_set(texts, ScoringOptions(confidence=False))]))
    assert page.count("\n") == len(page.splitlines())
    code = [line for line in page.splitlines() if not line.startswith("%")]
    body = "\n".join(code)
    assert "\\input" not in body.replace("\\textbackslash{}input", "")
    for sign in "_%#~^<>|":
        assert not re.search(rf"(?<!\\)\{sign}", body), sign
    assert "한글" in body
    assert "\x1b" not in page
    columns = code[0].removeprefix(r"\begin{tabular}{").rstrip("}")
    assert {len(re.findall(r"(?<!\\)&", line)) for line in code if line.endswith(r"\\")} == {len(columns) - 1}
    assert code[-1] == r"\end{tabular}"


@pytest.mark.parametrize("text", ["plain words 1", "한글과 words", "3 ± 1"])
def test_text_without_commands_is_as_it_was(text: str) -> None:
    assert escaped(text).replace(r"$\pm$", "±") == text


def test_csv_has_a_row_for_each_system_and_run(report: SetReport) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([report]))))
    assert len(rows) == len(METRICS) * (1 + 3 + 1 + 2)
    systems = {(row["system"], row["metric"]): row for row in rows if not row["run"]}
    for entry in report.systems:
        for metric, result in entry.results.items():
            row = systems[entry.system.name, metric]
            assert float(row["score"]) == pytest.approx(result.score.score, rel=1e-5)
            assert float(row["deviation"]) == pytest.approx(result.deviation, rel=1e-5)
            runs = [float(row["score"]) for row in rows if row["run"] in entry.system.runs and row["metric"] == metric]
            assert runs == pytest.approx(result.runs, rel=1e-5)
    assert systems["good", "bleu"]["p_value"] == ""


# --- runs that differ by their seed -----------------------------------------------------------------------------------


def copied_run(tiny_run: TinyRun, folder: Path, **changed: Any) -> Path:
    """A copy of the tiny run that says to have been trained with other settings."""
    shutil.copytree(tiny_run.run / "model", folder / "model")
    text = (tiny_run.run / "config.toml").read_text()
    for name, value in changed.items():
        text, times = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert times == 1
    (folder / "config.toml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def runs(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs that differ by their seed, one with another rate, and the first's model by itself."""
    folder = tmp_path_factory.mktemp("runs")
    made = [copied_run(tiny_run, folder / f"base-seed{seed}", seed=seed) for seed in (1, 2)]
    made.append(copied_run(tiny_run, folder / "fast-seed1", learning_rate=0.01))
    alone = folder / "alone"
    shutil.copytree(tiny_run.run / "model", alone)
    return [*made, alone]


def test_runs_with_settings_equal_but_for_the_seed_are_one_system(runs: list[Path]) -> None:
    models = [(path, ModelFolder.open(path)) for path in runs]
    assert group_by_settings(models) == [[0, 1], [2], [3]]
    inside = [(path / "model", model) for path, model in models[:2]]
    assert group_by_settings(inside) == [[0, 1]]
    assert group_by_settings([models[0], models[0]]) == [[0], [1]]
    assert [seed_of(path) for path in runs] == [1, 2, 1, None]


@pytest.mark.parametrize("inside", ["", "model"])
def test_runs_that_began_with_other_models_are_other_systems(tiny_run: TinyRun, tmp_path: Path, inside: str) -> None:
    """A run is known by its folder or by the model in it; one of an earlier version has no environment."""
    began = [
        {"init": "parents/de", "init_sha256": "d" * 64, "teachers_sha256": ""},
        {"init": "copies/de", "init_sha256": "d" * 64, "teachers_sha256": ""},
        {"init": "parents/fr", "init_sha256": "f" * 64, "teachers_sha256": ""},
        {"teachers": "a\nb", "init_sha256": "", "teachers_sha256": f"{'d' * 64}\n{'f' * 64}"},
        {"teachers": "a", "init_sha256": "", "teachers_sha256": "d" * 64},
        {"init_sha256": "", "teachers_sha256": ""},
        {},
    ]
    models = []
    for seed, facts in enumerate(began, start=1):
        run = copied_run(tiny_run, tmp_path / f"run-{seed}", seed=seed)
        if facts:
            (run / "environment.json").write_text(json.dumps(facts))
        models.append((run / inside, ModelFolder.open(run)))
    assert group_by_settings(models) == [[0, 1], [2], [3], [4], [5, 6]]


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["base-seed1", "base-seed2"], "base"),
        (["base-s10", "base-s11"], "base"),
        (["base.1", "base.2"], "base"),
        (["class1", "class2"], "class"),
        (["1", "2"], "1"),
        (["only-seed1"], "only-seed1"),
    ],
)
def test_a_system_is_called_what_its_runs_have_in_common(names: list[str], common: str) -> None:
    assert common_name(names) == common


def test_models_have_short_names_that_tell_them_apart(tmp_path: Path) -> None:
    paths = [tmp_path / "a/run", tmp_path / "b/run", tmp_path / "c/other/model"]
    assert model_names(paths) == [str(paths[0]), str(paths[1]), "other"]


def test_one_command_makes_the_table_of_seeds_against_another_preset(runs: list[Path], tmp_path: Path) -> None:
    text = tmp_path / "test"
    for side in ("ko", "en"):
        lines = (CORPUS / f"test.{side}").read_text("utf-8").splitlines(keepends=True)[:20]
        (tmp_path / f"test.{side}").write_text("".join(lines), "utf-8")
    (tmp_path / "human.en").write_bytes((tmp_path / "test.en").read_bytes())
    command: list[str | Path] = [
        "evaluate",
        *runs[:2],
        text,
        "--baseline",
        runs[2],
        "--baseline",
        tmp_path / "human.en",
    ]
    command += ["--metrics", "chrf", "--threads", "1", "--beam-size", "1", "--quiet"]
    done = nmt(*command)
    assert done.returncode == 0, done.stderr
    heads, _, *rows = done.stdout.splitlines()
    assert heads.split() == ["set", "system", "lines", "runs", "chrF", "p"]
    assert [row.split()[:4] for row in rows[:3]] == [
        ["test", "fast-seed1", "20", "1"],
        ["test", "human.en", "20", "1"],
        ["test", "base", "20", "2"],
    ]
    assert rows[0].split()[-1] == "1.0000"  # a copy
    assert rows[1].split()[4] == "100.00"
    assert rows[2].split()[4:] == [rows[0].split()[4], "±", "0.00"]


def with_scores(run: Path, **scores: Any) -> Path:
    """The run, whose model says to have these validation scores."""
    file = run / "model/manifest.json"
    manifest = json.loads(file.read_text())
    manifest["validation"] = {**manifest["validation"], **scores} if scores else {}
    file.write_text(json.dumps(manifest))
    return run


@pytest.fixture
def validated(tiny_run: TinyRun, tmp_path: Path) -> list[Path]:
    """Three runs of one system and one of another, with known scores."""
    scores = [(30.0, 1.5), (31.0, 1.25), (35.5, 2.0)]
    runs = [
        with_scores(copied_run(tiny_run, tmp_path / f"base-seed{seed}", seed=seed), bleu=bleu, loss=loss)
        for seed, (bleu, loss) in enumerate(scores, start=1)
    ]
    return [*runs, with_scores(copied_run(tiny_run, tmp_path / "other", learning_rate=0.01), bleu=20)]


def report_runs(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_report_shows_mean_and_deviation_of_validation_over_seeds(validated: list[Path]) -> None:
    done = report_runs(*validated)
    assert done.exit_code == 0, done.stderr
    heads, _, base, other, note = done.stdout.splitlines()
    assert heads.split() == ["system", "runs", "BLEU", "chrF", "loss", "perplexity"]
    bleu, loss = ([30.0, 31.0, 35.5], [1.5, 1.25, 2.0])
    assert base.split()[:5] == ["base", "3", f"{np.mean(bleu):.2f}", "±", f"{np.std(bleu, ddof=1):.2f}"]
    assert f"{np.mean(loss):.3f} ± {np.std(loss, ddof=1):.3f}" in base
    assert other.split()[:3] == ["other", "1", "20.00"]
    assert "±" not in other
    assert note.startswith("of the validation set")
    base_json, other_json = json.loads(report_runs(*validated, "--format", "json").stdout)["systems"]
    assert (base_json["name"], base_json["seeds"], base_json["bleu"]["runs"]) == ("base", [1, 2, 3], bleu)
    assert base_json["bleu"]["deviation"] == pytest.approx(np.std(bleu, ddof=1), abs=1e-6)
    assert other_json["bleu"] == {"mean": 20.0, "deviation": None, "runs": [20.0]}
    rows = list(csv.DictReader(io.StringIO(report_runs(*validated, "--format", "csv").stdout)))
    assert [(row["system"], row["seed"], float(row["bleu"])) for row in rows] == [
        ("base", "1", 30.0),
        ("base", "2", 31.0),
        ("base", "3", 35.5),
        ("other", "1", 20.0),
    ]
    assert report_runs(*validated, "--format", "latex").stdout.count("&") == 3 * 5


@pytest.mark.parametrize("value", ["high", None, True, float("nan"), [1]])
def test_report_refuses_scores_that_training_cannot_have_written(validated: list[Path], value: Any) -> None:
    with_scores(validated[0], bleu=value)
    assert "manifest.json" in str(report_runs(validated[0]).exception)


def test_report_says_what_it_cannot_show(validated: list[Path], tiny_run: TinyRun) -> None:
    with_scores(validated[0])
    assert "was not validated yet" in str(report_runs(validated[0]).exception)
    assert "is a dataset; name the page to write" in str(report_runs(tiny_run.data).exception)
    assert "is a model without its run" in str(report_runs(*validated, "-o", "x.html").exception)


# --- models as baselines, with an engine that needs none --------------------------------------------------------------


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A model de → en that reverses its input. A copy may be named by other directions, as ``fr-en,de-en``."""
    folder = tmp_path / "model-folder"
    folder.mkdir()
    (folder / "config.toml").write_text("")
    tokenizer = WordTokenizer()

    def opened(path: Path) -> ModelFolder:
        name = "de-en" if path == folder else path.name
        pairs = tuple((source, target) for source, _, target in (pair.partition("-") for pair in name.split(",")))
        facts: dict[str, Any] = {"targets": {target: {} for _, target in pairs}}
        several = pairs if len(pairs) > 1 else ()
        return ModelFolder(path, ModelConfig(), side_of(pairs, 0), side_of(pairs, 1), facts, directions=several)

    monkeypatch.setattr(ModelFolder, "open", opened)
    monkeypatch.setattr(Translator, "of", lambda *_, **__: Translator(ReverseEngine(), tokenizer, tokenizer))
    (tmp_path / "test.de").write_text("d c b a\nh g f e\n" * 10)
    (tmp_path / "test.en").write_text("a b c d\ne f g i\n" * 10)
    (tmp_path / "other").write_text("a b c d\nx f g i\n" * 20)
    return folder


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_a_file_is_the_baseline_of_all_sets_one_after_another(model: Path, tmp_path: Path) -> None:
    done = run(model, tmp_path / "test", tmp_path / "test", "--baseline", tmp_path / "other", "--json")
    first, second = json.loads(done.stdout)["sets"]
    assert first == second
    wanted = score_corpus(["a b c d", "x f g i"] * 10, [["a b c d", "e f g i"] * 10], "en")
    assert first["baselines"][0]["bleu"]["score"] == pytest.approx(wanted["bleu"].score, abs=1e-6)
    done = run(model, tmp_path / "test", "--baseline", tmp_path / "other")
    assert "other has 40 lines and the test sets have 20; give the translations of all sets" in str(done.exception)


def test_a_model_is_the_baseline_of_a_file_and_translates_its_source(model: Path, tmp_path: Path) -> None:
    files: list[str | Path] = ["--hyp", tmp_path / "test.en", "--ref", tmp_path / "test.en", "--baseline", model]
    done = run(*files, "--src", tmp_path / "test.de", "--json")
    (entry,) = json.loads(done.stdout)["sets"]
    wanted = score_corpus(["a b c d", "e f g h"] * 10, [["a b c d", "e f g i"] * 10], "en")
    assert entry["baselines"][0]["name"] == "model-folder"
    assert entry["baselines"][0]["chrf"]["score"] == pytest.approx(wanted["chrf"].score, abs=1e-6)
    assert "is a model, and there is nothing to translate; name --src" in str(run(*files).exception)


def test_a_set_of_a_model_has_further_references(model: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.write_text("a b c d\ne f g h\n" * 10)
    done = run(model, tmp_path / "test", "--ref", second, "--json")
    (entry,) = json.loads(done.stdout)["sets"]
    assert entry["bleu"]["score"] == 100.0
    assert "nrefs:2" in entry["bleu"]["signature"]
    refused = run(model, tmp_path / "test", tmp_path / "test", "--ref", second)
    assert "--ref is a further reference of one test set" in str(refused.exception)
    (tmp_path / "test.fr").write_text((tmp_path / "test.de").read_text())
    refused = run(*copies(model, "de-en,fr-en"), tmp_path / "test", "--ref", second)
    assert "--ref is a further reference of one test set" in str(refused.exception)


def copies(model: Path, *names: str) -> list[Path]:
    """Models of the directions that their names tell."""
    return [shutil.copytree(model, model.parent / name) for name in names]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["de-en", "fr-en"], "de-en translates de → en, and {tmp}/fr-en fr → en"),
        (
            ["de-en,fr-en", "pl-en,cs-en"],
            "de-en,fr-en translates de → en, fr → en, and {tmp}/pl-en,cs-en pl → en, cs → en",
        ),
        (["de-en,fr-en", "de-en", "fr-en"], "de-en,fr-en translates de → en, and {tmp}/fr-en fr → en"),
    ],
)
def test_models_without_a_direction_in_common_are_refused(
    names: list[str], message: str, model: Path, tmp_path: Path
) -> None:
    done = run(*copies(model, *names), tmp_path / "test")
    told = f"{tmp_path}/{message.format(tmp=tmp_path)}; compare models that have a direction in common"
    assert str(done.exception) == told


@pytest.mark.parametrize("names", [["de-en,fr-en", "de-en"], ["de-en", "fr-en,de-en"], ["de-en,fr-en", "deu-eng"]])
def test_models_are_compared_in_the_directions_that_all_have(names: list[str], model: Path, tmp_path: Path) -> None:
    models = copies(model, *names)
    done = run(*models, tmp_path / "test", "--json")
    (entry,) = json.loads(done.stdout)["sets"]
    assert [other["name"] for other in entry["baselines"]] == [names[1]]
    (tmp_path / "test.fr").write_text((tmp_path / "test.de").read_text())
    done = run(*models, tmp_path / "test", "--json")
    assert json.loads(done.stdout)["sets"] == [entry]
    left_out = f"{tmp_path}/test: fr → en is left out, for {models[1]} translates"
    assert (left_out in done.stderr) == (names[0] != "de-en")


@pytest.mark.parametrize(
    ("sets", "names"),
    [
        ([("a/test", "de-en")], ["test"]),
        ([("a/test", "de-en"), ("a/more.tsv", "de-en")], ["test", "more.tsv"]),
        ([("a/test", "de-en"), ("b/test", "de-en")], ["a/test", "b/test"]),
        ([("test", "de-en"), ("test", "fr-en")], ["test.de-en", "test.fr-en"]),
        ([("a/test", "de-en"), ("b/test", "fr-en")], ["test.de-en", "test.fr-en"]),
        ([("a/x", "de-en"), ("b/x", "de-en"), ("b/x", "fr-en")], ["a/x.de-en", "b/x.de-en", "x.fr-en"]),
        ([("x.de-en.tsv", "de-en"), ("x.fr-en.tsv", "fr-en")], ["x.de-en.tsv", "x.fr-en.tsv"]),
    ],
)
def test_sets_have_names_that_tell_them_apart(sets: list[tuple[str, str]], names: list[str]) -> None:
    corpora = [Corpus(Path(path), (), languages=(pair[:2], pair[3:])) for path, pair in sets]
    assert set_names(corpora) == names


def test_the_sets_of_one_path_are_named_by_their_directions_in_every_format(model: Path, tmp_path: Path) -> None:
    (several,) = copies(model, "de-en,fr-en")
    (tmp_path / "test.fr").write_text((tmp_path / "test.de").read_text())
    json_lines, rows, sets = (
        run(several, tmp_path / "test", "--format", format).stdout for format in ("jsonl", "csv", "json")
    )
    names = ["test.de-en", "test.fr-en"]
    assert list(dict.fromkeys(json.loads(line)["set"] for line in json_lines.splitlines())) == names
    assert list(dict.fromkeys(row["set"] for row in csv.DictReader(io.StringIO(rows)))) == names
    assert [entry["name"] for entry in json.loads(sets)["sets"]] == names


def test_a_set_of_a_direction_that_a_model_lacks_is_refused(model: Path, tmp_path: Path) -> None:
    several, one = copies(model, "de-en,fr-en", "de-en")
    shutil.copy(tmp_path / "test.en", tmp_path / "other.en")
    shutil.copy(tmp_path / "test.de", tmp_path / "other.fr")
    (tmp_path / "test.fr-en.tsv").write_text("a b\tb a\n")
    for name in ("other", "test.fr-en.tsv"):
        done = run(several, one, tmp_path / "test", tmp_path / name)
        assert (
            str(done.exception) == f"{tmp_path}/{name} is fr → en, and {one} translates de → en; leave one of them out"
        )


@pytest.mark.parametrize(("format", "begins"), [("latex", "% needs"), ("csv", "set,system,run"), ("json", "{")])
def test_a_format_is_chosen_by_name(model: Path, tmp_path: Path, format: str, begins: str) -> None:
    assert run(model, tmp_path / "test", "--format", format).stdout.startswith(begins)


# --- lines and groups of lines ----------------------------------------------------------------------------------------


def test_each_line_has_the_score_of_sacrebleu_for_every_run(report: SetReport) -> None:
    records = [json.loads(record) for record in report.records()]
    assert [(record["set"], record["id"]) for record in records] == [("test", number) for number in range(20)]
    for number, record in enumerate(records):
        assert record["references"] == [REFERENCES[number]]
        names = [(output["system"], output["run"]) for output in record["outputs"]]
        assert names == [(system.name, run) for system in (GOOD, BAD) for run in system.runs]
        outputs = [*GOOD.outputs, *BAD.outputs]
        for output, lines in zip(record["outputs"], outputs, strict=True):
            assert output["translation"] == lines[number]
            pair = lines[number], [REFERENCES[number]]
            wanted = {"bleu": sentence_bleu(*pair), "chrf": sentence_chrf(*pair), "ter": sentence_ter(*pair)}
            for metric, score in wanted.items():
                assert output[metric] == pytest.approx(score.score, abs=1e-5)


def test_buckets_hold_each_line_once_and_their_counts_add_up_to_the_whole() -> None:
    drawing = np.random.default_rng(1)
    lines = [" ".join("abcdefghij"[drawing.integers(10)] for _ in range(length)) for length in range(1, 61)]
    output = [line.replace("a", "x") for line in lines]
    texts = Texts("test", [System.of("x", output)], [lines], "en", lines)
    found = score_set(texts, ScoringOptions(METRICS, confidence=False))
    buckets = by_length(texts)
    assert [(bucket.name, len(bucket.lines)) for bucket in buckets] == [
        ("up to 5", 5),
        ("6 to 10", 5),
        ("11 to 20", 10),
        ("21 to 40", 20),
        ("over 40", 20),
    ]
    assert sorted(number for bucket in buckets for number in bucket.lines) == list(range(60))
    (entry,) = found.systems
    for metric, measure in found.measures.items():
        sums = sum(entry.counts[metric][0][bucket.lines].sum(0) for bucket in buckets)
        assert measure.score(sums) == pytest.approx(entry.results[metric].score.score)
        for bucket in buckets:
            part, ref = ([side[number] for number in bucket.lines] for side in (output, lines))
            wanted = score_corpus(part, [ref], "en", [metric], False)[metric].score
            assert bucket.scores(entry, found.measures)[metric] == pytest.approx(wanted)


def test_a_bucket_of_several_runs_has_their_mean(report: SetReport) -> None:
    (bucket,) = report.buckets()["length"]
    assert bucket.name == "6 to 10"
    for entry in report.systems:
        wanted = {metric: result.score.score for metric, result in entry.results.items()}
        assert bucket.scores(entry, report.measures) == pytest.approx(wanted)


def test_buckets_are_printed_on_request(model: Path, tmp_path: Path) -> None:
    done = run(model, tmp_path / "test", "--baseline", tmp_path / "test.en", "--buckets")
    *_, theirs, ours = done.stdout.splitlines()
    assert theirs.split() == ["up", "to", "5", "test.en", "20", "100.0", "100.0"]
    assert ours.split()[:5] == ["up", "to", "5", "model-folder", "20"]
    assert "test, length" in done.stdout
    plain = run(model, tmp_path / "test").stdout
    assert "length" not in plain
    assert "buckets" not in json.loads(run(model, tmp_path / "test", "--json").stdout)["sets"][0]
