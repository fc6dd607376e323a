"""``nmt evaluate``: translates and scores sets, scores files, warns, and prints JSON and a table."""

import gzip
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from fakes import Recorder, ReverseEngine, WordTokenizer
from typer.testing import CliRunner

from nmt.cli import app
from nmt.config import EngineOptions, ModelConfig, SearchOptions
from nmt.corpus.parallel import find_corpus
from nmt.decoding.translator import Translator
from nmt.errors import DataError, MissingInputError, NmtError, UsageError
from nmt.scoring.evaluate import Files, Models, ScoringOptions, Sets, evaluate_files, evaluate_models
from nmt.scoring.metrics import measures, score_corpus
from nmt.scoring.significance import randomization
from nmt.store.model_folder import ModelFolder

SOURCES = ["a b c d e", "f g h i", "k l m n o p", "one two three four five"] * 5
REFERENCES = ["e d c b a", "i h g x f", "p o n m l k", "five four three two one"] * 5
HYPOTHESES = [" ".join(reversed(source.split())) for source in SOURCES]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a test set of de → en by prefix, one by TSV, and a file of hypotheses."""
    write(tmp_path / "test.de", SOURCES)
    write(tmp_path / "test.en", REFERENCES)
    write(tmp_path / "more.tsv", [f"{left}\t{right}" for left, right in zip(SOURCES, REFERENCES, strict=True)])
    write(tmp_path / "hypotheses", HYPOTHESES)
    return tmp_path


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model de → en that reverses its input."""
    tokenizer = WordTokenizer()
    opened = ModelFolder(Path("MODEL"), ModelConfig(), "de", "en")
    monkeypatch.setattr(ModelFolder, "open", lambda path: opened)
    monkeypatch.setattr(Translator, "of", lambda *_, **__: Translator(ReverseEngine(), tokenizer, tokenizer))


def run(*arguments: str | Path) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout, result.stderr


@pytest.mark.usefixtures("model")
def test_a_translated_set_scores_what_its_translations_score(folder: Path) -> None:
    progress = Recorder()
    models = Models([(Path("MODEL"), ModelFolder.open(Path("MODEL")))], SearchOptions(), EngineOptions())
    (report,) = evaluate_models(models, Sets([find_corpus(folder / "test", "de", "en")]), ScoringOptions(), progress)
    assert report.name == "test"
    assert report.hypotheses == HYPOTHESES
    assert report.scores == score_corpus(HYPOTHESES, [REFERENCES], "en")
    assert progress.advanced == len(SOURCES)


@pytest.mark.usefixtures("model")
def test_json_holds_the_keys_of_the_contract_for_each_set(folder: Path) -> None:
    output, _ = run("MODEL", folder / "test", folder / "more.tsv", "--json", "--metrics", "bleu,chrf,ter")
    first, second = json.loads(output)["sets"]
    assert list(first) == ["name", "lines", "bleu", "chrf", "ter", "warnings"]
    assert (first["name"], second["name"], first["lines"]) == ("test", "more.tsv", 20)
    assert {**first, "name": ""} == {**second, "name": ""}
    for name, expected in score_corpus(HYPOTHESES, [REFERENCES], "en", ["bleu", "chrf", "ter"]).items():
        assert list(first[name]) == ["score", "low", "high", "signature"]
        assert first[name]["score"] == pytest.approx(expected.score, abs=1e-6)
        assert first[name]["low"] <= first[name]["high"]
        assert first[name]["signature"] == expected.signature


def test_files_are_scored_like_a_set_and_need_no_model(folder: Path) -> None:
    output, _ = run("--hyp", folder / "hypotheses", "--ref", folder / "test.en", "--json", "--no-confidence")
    (entry,) = json.loads(output)["sets"]
    expected = score_corpus(HYPOTHESES, [REFERENCES], "en", confidence=False)
    assert entry["name"] == "hypotheses"
    assert entry["bleu"]["score"] == pytest.approx(expected["bleu"].score, abs=1e-6)
    assert (entry["bleu"]["low"], entry["bleu"]["high"]) == (None, None)
    assert entry["warnings"] == []


def test_a_perfect_translation_has_round_figures_and_a_compressed_references_language_is_seen(folder: Path) -> None:
    reference = folder / "test.zh.gz"
    reference.write_bytes(gzip.compress((folder / "test.en").read_bytes()))
    output, _ = run("--hyp", reference, "--ref", reference, "--json")
    bleu = json.loads(output)["sets"][0]["bleu"]
    assert (bleu["score"], bleu["low"], bleu["high"]) == (100.0, 100.0, 100.0)
    assert "tok:zh" in bleu["signature"]


@pytest.mark.usefixtures("model")
def test_the_hypotheses_are_written_where_asked(folder: Path) -> None:
    run("MODEL", folder / "test", "--output", folder / "out", "--no-confidence")
    assert (folder / "out").read_text(encoding="utf-8").splitlines() == HYPOTHESES


def test_search_flags_reach_the_translator(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SearchOptions] = []
    opened = ModelFolder(Path("MODEL"), ModelConfig(), "de", "en")
    monkeypatch.setattr(ModelFolder, "open", lambda path: opened)

    def translator(model: ModelFolder, options: SearchOptions, *_: Any, **__: Any) -> Translator:
        asked.append(options)
        words = WordTokenizer()
        return Translator(ReverseEngine(), words, words)

    monkeypatch.setattr(Translator, "of", translator)
    run("MODEL", folder / "test", "--no-confidence", "--whole-lines", "--beam-size", "3", "--length-penalty", "0.5")
    assert asked == [SearchOptions(3, 0.5, whole_lines=True)]


@pytest.mark.usefixtures("model")
def test_people_get_a_table_with_intervals_and_signatures(folder: Path) -> None:
    output, _ = run("MODEL", folder / "test", folder / "more.tsv")
    heading, _rule, first, second, *signatures = output.splitlines()
    assert heading.split() == ["set", "lines", "BLEU", "chrF"]
    bleu = score_corpus(HYPOTHESES, [REFERENCES], "en")["bleu"]
    assert bleu.low is not None
    assert bleu.high is not None
    assert first.split()[:5] == ["test", "20", f"{bleu.score:.1f}", "±", f"{(bleu.high - bleu.low) / 2:.1f}"]
    assert second.split()[1:] == first.split()[1:]
    assert signatures[0] == f"BLEU {bleu.signature}"
    assert [line.split()[0] for line in signatures] == ["BLEU", "chrF"]


def test_a_baseline_gets_a_row_and_every_score_of_the_system_a_p_value(folder: Path) -> None:
    baseline = write(folder / "other", [line.replace("f", "x") for line in HYPOTHESES])
    command: list[str | Path] = ["--hyp", folder / "hypotheses", "--ref", folder / "test.en", "--baseline", baseline]
    table, _ = run(*command)
    heads, _, theirs, ours, *_, explained, significant = table.splitlines()
    assert heads.split() == ["system", "lines", "BLEU", "p", "chrF", "p"]
    assert theirs.split()[:2] == ["other", "20"]
    assert ours.split()[:2] == ["hypotheses", "20"]
    assert explained.startswith("p: ")
    assert "from hypotheses by chance" in explained
    assert "under 0.05" in significant
    (entry,) = json.loads(run(*command, "--json")[0])["sets"]
    expected = score_corpus([line.replace("f", "x") for line in HYPOTHESES], [REFERENCES], "en")
    both = [HYPOTHESES, [line.replace("f", "x") for line in HYPOTHESES]]
    measured = measures(["bleu", "chrf"], [REFERENCES], "en", both)
    (baseline,) = entry["baselines"]
    assert baseline["name"] == "other"
    for name, score in expected.items():
        assert baseline[name]["score"] == pytest.approx(score.score, abs=1e-5)
        p = randomization(measured[name].score, *measured[name].counts(both))
        assert baseline[name]["p_value"] == p
        assert f" {p:.4f}" in theirs


@pytest.mark.usefixtures("model")
def test_a_baseline_of_another_length_is_refused(folder: Path) -> None:
    short = write(folder / "short", HYPOTHESES[:-1])
    with pytest.raises(DataError, match=r"short has 19 lines and .*test\.en has 20"):
        evaluate_files(Files(folder / "hypotheses", [folder / "test.en"], None, [short]), ScoringOptions(), Recorder())
    with pytest.raises(DataError, match=r"short has 19 lines and the test sets have 20"):
        run("MODEL", folder / "test", "--baseline", short)


def test_unequal_files_are_refused_with_their_names_and_counts(folder: Path) -> None:
    short = write(folder / "short", HYPOTHESES[:-1])
    with pytest.raises(DataError, match=r"short has 19 lines and .*test\.en has 20"):
        evaluate_files(Files(short, [folder / "test.en"], None), ScoringOptions(), Recorder())
    with pytest.raises(DataError, match=r"short has 19 lines and .*hypotheses has 20"):
        evaluate_files(Files(folder / "hypotheses", [folder / "test.en"], short), ScoringOptions(), Recorder())


def test_what_makes_scores_doubtful_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmt.scoring.words.find_spec", lambda name: None)
    reference = write(folder / "test.ko", ["나는 집에 간다 ."] * 12 + [""] * 8)
    hypothesis = write(folder / "some", ["a b c d e", "", *["x"] * 18])
    report = evaluate_files(
        Files(hypothesis, [reference], folder / "test.de"), ScoringOptions(confidence=False), Recorder()
    )
    assert [warning.split(":")[0] for warning in report.warnings] == [
        "BLEU cuts words by 13a, since ko-mecab is not installed",
        "1 of 20 hypotheses are empty",
        "8 of 20 references are empty",
        "the references look tokenized (' .'), so BLEU is not comparable with other results",
        "the hypotheses are written in LATIN and the references in HANGUL",
    ]
    output, errors = run("--hyp", hypothesis, "--ref", reference, "--json", "--no-confidence")
    assert json.loads(output)["sets"][0]["warnings"] == report.warnings
    assert errors.count("some: ") == len(report.warnings)
    copied = evaluate_files(
        Files(folder / "test.de", [folder / "test.en"], folder / "test.de"), ScoringOptions(), Recorder()
    )
    assert copied.warnings == ["20 of 20 hypotheses are the source unchanged"]
    source = write(folder / "source", [unicodedata.normalize("NFD", "나는 집에 간다")] * 20)
    hypothesis = write(folder / "composed", ["나는 집에 간다"] * 20)
    copied = evaluate_files(
        Files(hypothesis, [source], source), ScoringOptions(("chrf",), confidence=False), Recorder()
    )
    assert copied.warnings == [
        "20 of 20 references are not in Unicode's NFC, as translations are",
        "20 of 20 hypotheses are the source unchanged",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("MODEL",),
        ("--hyp", "x"),
        ("--ref", "x"),
        ("MODEL", "--hyp", "x", "--ref", "y"),
        ("MODEL", "PATH", "--src", "x"),
    ],
)
def test_half_a_request_is_a_mistake_of_usage(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--hyp FILE --ref FILE"):
        run(*arguments)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("bleu,chfr", "the nearest known name is chrf$"),
        ("perplexity", r"choose one of bleu, chrf, chrf\+\+, ter, comet$"),
        ("meteor", "choose one of bleu"),
        (",", "bleu, chrf"),
    ],
)
def test_an_unknown_metric_is_told_at_once_with_the_nearest(names: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run("MODEL", "PATH", "--metrics", names)


def test_a_missing_set_is_told_before_the_model_is_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Translator:
        raise AssertionError("loaded")

    monkeypatch.setattr(ModelFolder, "open", lambda path: ModelFolder(path, ModelConfig(), "de", "en"))
    monkeypatch.setattr(Translator, "of", refuse)
    with pytest.raises(MissingInputError, match="absent"):
        run("MODEL", folder / "test", folder / "absent")


def test_several_references_and_baselines_are_all_used(folder: Path) -> None:
    second = write(folder / "second.en", [line.replace(" x", "") for line in REFERENCES])
    worse = write(folder / "worse", [line.replace("f", "x") for line in HYPOTHESES])
    same = write(folder / "same", HYPOTHESES)
    command: list[str | Path] = ["--hyp", folder / "hypotheses", "--ref", folder / "test.en", "--ref", second]
    (entry,) = json.loads(run(*command, "--baseline", worse, "--baseline", same, "--json")[0])["sets"]
    assert "nrefs:2" in entry["bleu"]["signature"]
    assert entry["bleu"]["score"] == 100.0
    assert [(theirs["name"], theirs["bleu"]["p_value"] == 1.0) for theirs in entry["baselines"]] == [
        ("worse", False),
        ("same", True),
    ]
    table, _ = run(*command, "--baseline", worse, "--baseline", same)
    assert [line.split()[0] for line in table.splitlines()[2:5]] == ["worse", "same", "hypotheses"]
    short = write(folder / "short.en", REFERENCES[:-1])
    with pytest.raises(DataError, match=r"short\.en has 19 lines and .*test\.en has 20"):
        run(*command, "--ref", short)


@pytest.mark.parametrize(("lines", "counts"), [(5, False), (6, True)])
def test_it_counts_is_said_only_where_so_few_lines_may(folder: Path, lines: int, counts: bool) -> None:
    theirs = write(folder / "theirs", ["x"] * lines + HYPOTHESES[lines:])
    table, errors = run("--hyp", folder / "hypotheses", "--ref", folder / "test.en", "--baseline", theirs)
    assert ("p under 0.05 is significant" in table) == counts
    assert ("5 of 20 lines differ from theirs's: too few for a significant difference" in errors) == (not counts)


def test_a_reference_that_names_no_language_is_cut_by_its_script_or_as_told(folder: Path) -> None:
    chinese = write(folder / "ref.txt", ["我是一个学生。", "他喜欢读书。"] * 5)
    output, errors = run("--hyp", chinese, "--ref", chinese, "--json")
    (entry,) = json.loads(output)["sets"]
    assert entry["bleu"]["score"] == 100.0
    assert "tok:zh" in entry["bleu"]["signature"]
    assert "BLEU cuts words by zh, the language is unknown" in errors
    assert "100% of the references' letters are Han" in errors
    output, errors = run("--hyp", chinese, "--ref", chinese, "--json", "--language", "tha")
    assert "tok:char" in json.loads(output)["sets"][0]["bleu"]["signature"]
    assert "BLEU cuts" not in errors
    with pytest.raises(UsageError, match="there is no language 'chinese'"):
        run("--hyp", chinese, "--ref", chinese, "--language", "chinese")


@pytest.mark.usefixtures("model")
def test_the_language_that_is_told_comes_before_the_models(folder: Path) -> None:
    output, _ = run("MODEL", folder / "test", "--json", "--language", "zho_Hans")
    assert "tok:zh" in json.loads(output)["sets"][0]["bleu"]["signature"]


def test_chrf_comes_first_where_the_right_segmenter_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    korean = write(folder / "test.ko", ["나는 학생이다 그리고 집에 간다."] * 10)
    monkeypatch.setattr("nmt.scoring.words.find_spec", lambda name: None)
    table, errors = run("--hyp", korean, "--ref", korean)
    assert table.split()[:4] == ["set", "lines", "chrF", "BLEU"]
    assert "since ko-mecab is not installed: install the extra 'score'" in errors


def test_few_short_lines_get_hints_and_no_interval(folder: Path) -> None:
    short = write(folder / "short.en", ["a cat", "two dogs"])
    table, errors = run("--hyp", short, "--ref", short)
    assert table.splitlines()[2].split() == ["short.en", "2", "0.0", "100.0"]
    assert "no reference has the 4 words that BLEU compares, so it says little: use chrF" in errors
    assert "fewer than 10 lines are too few for an interval" in errors


@pytest.mark.parametrize(("tokenized", "lines", "warned"), [(100, 1000, True), (99, 1000, False), (6, 10, True)])
def test_hypotheses_that_look_tokenized_are_worth_a_warning(
    folder: Path, tokenized: int, lines: int, warned: bool
) -> None:
    reference = write(folder / "ref.en", ["The cat sat on the mat."] * lines)
    hypotheses = ["The cat sat on the mat ."] * tokenized + ["The cat sat on the mat."] * (lines - tokenized)
    _, errors = run("--hyp", write(folder / "hyp", hypotheses), "--ref", reference, "--no-confidence")
    assert ("the hypotheses look tokenized" in errors) == warned


def test_ter_without_spaces_says_that_it_finds_no_words(folder: Path) -> None:
    thai = write(folder / "ref.th", ["ฉันเป็นนักเรียน"] * 10)
    assert "TER finds words by their spaces" in run("--hyp", thai, "--ref", thai, "--metrics", "ter,chrf++")[1]


@pytest.mark.usefixtures("model")
def test_scores_are_printed_even_if_the_translations_cannot_be_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = CliRunner().invoke(app, ["evaluate", "MODEL", str(folder / "test"), "-o", "/dev/full"])
    assert isinstance(result.exception, NmtError | OSError)
    assert "chrF" in result.stdout
