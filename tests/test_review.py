"""The file of lines to review: which lines it has, and that it resumes with the output."""

import gzip
from pathlib import Path

import pytest
from conftest import CORPUS, TinyRun, nmt
from fakes import AnswerEngine, Recorder, WordTokenizer
from hypothesis import given
from hypothesis import strategies as st

from nmt import SearchOptions, Translation, Translator
from nmt.decoding.formats import Format
from nmt.decoding.job import Job
from nmt.decoding.side_outputs import Review, parse_share
from nmt.errors import UsageError

HERE = Path("review")


def test_lines_that_look_wrong_are_written_with_their_number_score_and_checks() -> None:
    translations = [
        Translation("one\ttab", "ein\tTab", -0.5, checks=["loop", "number"]),
        Translation("two", "zwei", -9.0, checks=[]),
        Translation("three", "drei", -0.25, checks=["length"]),
    ]
    assert Review(HERE).records(10, translations) == [
        "11\tone tab\tein Tab\t-0.500000\tloop,number",
        "13\tthree\tdrei\t-0.250000\tlength",
    ]


made = st.builds(
    Translation,
    source=st.sampled_from(["a", "b", " "]),
    text=st.just("x"),
    score=st.sampled_from([-1.0, -2.0, -3.0]),
    checks=st.sampled_from([[], ["loop"], ["loop", "number"]]),
)


@given(st.lists(made, max_size=12), st.sampled_from([0.1, 0.25, 0.5, 1.0]))
def test_a_share_is_of_the_lines_most_in_doubt_and_in_order(translations: list[Translation], share: float) -> None:
    chosen = Review(HERE, share).chosen(translations)
    filled = [place for place, each in enumerate(translations) if each.source.strip()]
    left = [place for place in filled if place not in chosen]
    assert chosen == sorted(chosen)
    assert len(chosen) - 1 < share * len(filled) <= len(chosen)

    def doubt(place: int) -> tuple[int, float]:
        return len(translations[place].checks or []), -translations[place].score

    assert all(doubt(place) >= doubt(other) for place in chosen for other in left)


@pytest.mark.parametrize(("text", "share"), [("10%", 0.1), ("0.1", 0.1), (" 100% ", 1.0), ("1", 1.0), ("0.5 %", 0.005)])
def test_a_share_is_a_percentage_or_a_fraction(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "0", "-1%", "101%", "10", "nan", "inf", "ten"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no share; write it like 10% or 0\.1|is no share"):
        parse_share(text)


@pytest.mark.parametrize("name", ["review", "review.gz"])
@pytest.mark.parametrize("lost", ["out", "review", ""])
def test_it_resumes_with_the_output_and_may_be_empty(lost: str, name: str, tmp_path: Path) -> None:
    lines = ["a", "b", "c 77", "d", "e 88"]
    (tmp_path / "in").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(known: list[str], folder: Path) -> bytes:
        folder.mkdir(exist_ok=True)
        words = WordTokenizer()
        engine = AnswerEngine(words, {line: ["x"] for line in known})
        translator = Translator(engine, words, words, SearchOptions(check=True), window=2)
        job = Job([tmp_path / "in"], str(folder / "out"), Format(), sides=[Review(folder / name)])
        job.run(lambda: translator, Recorder(), lambda: pytest.fail("nothing goes to standard output"), None)
        return (folder / name).read_bytes()

    whole = run(lines, tmp_path / "whole")
    text = gzip.decompress(whole).decode() if name.endswith(".gz") else whole.decode()
    assert text == "3\tc 77\tx\t-0.100000\tnumber\n5\te 88\tx\t-0.100000\tnumber\n"
    with pytest.raises(KeyError):
        run(lines[:4], tmp_path / "killed")
    for path in (tmp_path / "killed").glob(f"{lost}*") if lost else []:
        path.unlink()
    assert run(lines if lost else lines[4:], tmp_path / "killed") == whole


def test_a_command_writes_the_share_and_refuses_what_has_no_sense(tiny_run: TinyRun, tmp_path: Path) -> None:
    text = "".join((CORPUS / "train.ko").read_text(encoding="utf-8").splitlines(keepends=True)[:5])
    (tmp_path / "in").write_text(text, encoding="utf-8")
    command: list[str | Path] = ["translate", tiny_run.run, tmp_path / "in", "-o", tmp_path / "out", "--check"]
    result = nmt(*command, "--review", tmp_path / "review", "--review-share", "40%")
    assert result.returncode == 0, result.stderr
    rows = [line.split("\t") for line in (tmp_path / "review").read_text(encoding="utf-8").splitlines()]
    sources, translations = text.splitlines(), (tmp_path / "out").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2
    for number, source, translation, _, _ in rows:
        assert (source, translation) == (sources[int(number) - 1], translations[int(number) - 1])
    for more, said in (
        (["--no-check", "--review", tmp_path / "r"], "--review is for lines that are checked"),
        (["--review-share", "10%"], "--review-share counts with --review only"),
        (["--review", tmp_path / "r", "--review-share", "lots"], "--review-share 'lots' is no share"),
    ):
        refused = nmt(*command, *more)
        assert said in refused.stderr
        assert refused.returncode in (2, 78)
