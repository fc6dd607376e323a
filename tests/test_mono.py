"""Monolingual text in ``prepare``: which lines are kept, and what a dataset then holds of them."""

import gzip
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import write_corpus
from test_corpus_report import Tables

from nmt.config import PrepareOptions
from nmt.corpus.cleaning import Cleaning
from nmt.corpus.dataset import Dataset
from nmt.corpus.mono_split import mono_reports
from nmt.corpus.prepare import PrepareReport, PrepareRequest, prepare
from nmt.corpus.texts import find_texts
from nmt.disk.manifest import read_manifest
from nmt.errors import DataError, MissingInputError
from nmt.show.corpus_report import report
from nmt.text.languages import same_language
from nmt.text.normal import normal

OPTIONS = PrepareOptions(vocab_size=600)
KOREAN = "안녕하세요 여러분 반갑습니다 오늘도 좋은 하루 보내시고 내일 또 만나요"
CORPUS = Path(__file__).parents[1] / "data"


def bundled(language: str, first: int, count: int) -> list[str]:
    lines = (CORPUS / f"train.{language}").read_text(encoding="utf-8").splitlines()
    return lines[first : first + count]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mono")
    write_corpus(folder, "train", 0, 300)
    write_corpus(folder, "valid", 300, 20)
    write_corpus(folder, "test", 320, 20)
    return folder


def made(folder: Path, name: str, workers: int = 1, **more: object) -> tuple[PrepareReport, Dataset]:
    request = PrepareRequest("ko", "en", (folder / "train",), folder / "valid", (folder / "test",), folder / name)
    report = prepare(replace(request, **more), OPTIONS, workers)  # type: ignore[arg-type]
    return report, Dataset.open(folder / name)


def test_good_lines_are_kept_as_rows_with_an_empty_side(folder: Path) -> None:
    english, korean = bundled("en", 400, 60), bundled("ko", 500, 40)
    paths = write(folder / "books.en", english), write(folder / "news.ko", korean)
    _, data = made(folder, "plain", mono=paths)
    assert data.mono
    source, target = data.mono.ids(np.arange(len(data.mono)))
    tokenizer = data.load_tokenizers()[0]
    texts = [
        tokenizer.decode([ids])[0]
        for ids in (np.concatenate(pair).tolist() for pair in zip(source, target, strict=True))
    ]
    assert texts == [normal(line) for line in (*english, *korean) if normal(line) in set(texts)]
    assert len(texts) > 80, "nearly all are kept"
    corpora = data.mono.corpus_ids(np.arange(len(data.mono)))
    assert [len(ids) > 0 for ids in target] == [corpus == 0 for corpus in corpora]
    assert [len(ids) > 0 for ids in source] == [corpus == 1 for corpus in corpora]


def test_in_several_processes_it_has_the_same_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write(folder / "parts.en", bundled("en", 400, 30)), write(folder / "parts.ko", bundled("ko", 500, 20))
    made(folder, "here", mono=paths)
    monkeypatch.setattr("nmt.corpus.means.WORTH_PROCESSES", 0)
    monkeypatch.setattr("nmt.corpus.texts.AT_A_TIME", 7)
    made(folder, "elsewhere", workers=2, mono=paths)
    here, elsewhere = (
        {path.name: path.read_bytes() for path in (folder / name).iterdir()} for name in ("here", "elsewhere")
    )
    assert here == elsewhere


def test_each_harmful_line_is_dropped_by_its_rule(folder: Path) -> None:
    good = bundled("en", 600, 30)
    long = next(line for line in bundled("en", 320, 20) if len(line.split()) >= 6)
    lines = [
        *good,
        good[3].upper(),
        "",
        KOREAN,
        "https://a.org/b",
        long,
    ]
    report, _ = made(folder, "harmful", mono=(write(folder / "odd.en", lines),))
    (text,) = report.mono
    named = {name: count for name, count in text.dropped.items() if name not in ("repetition", "language")}
    assert named == {"empty": 1, "duplicate": 1, "script": 1, "code": 1, "in-test": 1}
    assert text.texts == len(lines) == text.kept + sum(text.dropped.values())


def test_what_the_pairs_say_already_is_a_duplicate(folder: Path) -> None:
    report, data = made(folder, "said", mono=(write(folder / "said.en", bundled("en", 0, 300)),))
    assert report.mono[0].dropped.keys() <= {"duplicate", "too-long", "empty", "in-test", "in-valid", "language"}
    assert report.mono[0].dropped["duplicate"] >= len(data.train)


def test_lines_near_drawn_validation_pairs_are_kept_out(folder: Path) -> None:
    request = PrepareRequest("ko", "en", (folder / "train",), None, (), folder / "drawn")
    held_out = prepare(request, OPTIONS)
    valid = (folder / "drawn" / "valid.target.txt").read_text(encoding="utf-8").splitlines()
    long = [f"{line} Now" for line in valid if len(line.split()) >= 6]
    report = prepare(replace(request, mono=(write(folder / "near.en", long),)), OPTIONS)
    assert held_out.valid_pairs == report.valid_pairs
    assert len(long) > 3
    assert report.mono[0].dropped["in-valid"] == len(long)


def test_a_text_that_a_test_set_has_is_kept_out_however_short(folder: Path) -> None:
    texts = ("Yes.", "the end", "Save as", "The End!")
    for side in ("ko", "en"):
        write(folder / f"short.{side}", [f"{text} {side}" if side == "ko" else text for text in texts[:2]])
    request = PrepareRequest(
        "ko", "en", (folder / "train",), folder / "valid", (folder / "short",), folder / "short-data"
    )
    report = prepare(replace(request, mono=(write(folder / "shorts.en", list(texts)),)), OPTIONS)
    assert report.mono[0].dropped["in-test"] == 3
    assert report.mono[0].kept == 1


def test_without_text_and_beside_it_the_pairs_have_the_same_bytes(folder: Path) -> None:
    made(folder, "without")
    made(folder, "with", mono=(write(folder / "more.en", [*bundled("en", 700, 20), ""]),))
    without, with_ = (
        {path.name: path.read_bytes() for path in (folder / name).iterdir()} for name in ("without", "with")
    )
    assert {name for name in with_ if with_[name] != without.get(name)} == {
        "manifest.json",
        "mono-rows.bin",
        "mono-00000.source.bin",
        "mono-00000.target.bin",
        "dropped.tsv.gz",
    }
    assert listed(folder / "with")[: len(listed(folder / "without"))] == listed(folder / "without")
    assert "mono" not in read_manifest(folder / "without")


def listed(data: Path) -> list[list[str]]:
    """What ``dropped.tsv.gz`` lists: corpus, line, rule and score."""
    return [line.split("\t") for line in gzip.decompress((data / "dropped.tsv.gz").read_bytes()).decode().splitlines()]


def test_each_dropped_line_is_listed_after_the_pairs_with_its_number_and_rule(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is split is listed once for each of its sentences; blocks and parts change nothing."""
    one, two, three = [line for line in bundled("en", 800, 90) if line.endswith(".") and line.count(".") == 1][:3]
    leaked = next(line for line in bundled("en", 320, 20) if len(line.split()) >= 6)
    path = write(folder / "listed.en", [one, "", " ".join([one, two, three] * 3), KOREAN, leaked, "42 %"])
    prepared, data = made(folder, "listed", mono=(path,))
    pairs = sum(corpus.pairs - corpus.kept for corpus in prepared.corpora)
    ours = listed(data.folder)[pairs:]
    assert ours == [
        [str(path), "2", "empty", "1"],
        *[[str(path), "3", "duplicate", "1"]] * 7,
        [str(path), "4", "script", "0.8571"],
        [str(path), "5", "in-test", "1"],
        [str(path), "6", "code", "1"],
    ]
    assert Counter(rule for _, _, rule, _ in ours) == prepared.mono[0].dropped
    assert data.origins([0])[0][0] == str(folder / "train")
    monkeypatch.setattr("nmt.corpus.texts.AT_A_TIME", 3)
    monkeypatch.setattr("nmt.corpus.dropped.BLOCK", 4)
    _, again = made(folder, "listed-again", mono=(path,))
    assert listed(again.folder) == listed(data.folder)


def test_the_page_of_a_dataset_has_a_row_for_each_text_that_adds_up(folder: Path) -> None:
    texts = write(folder / "shown.en", [*bundled("en", 400, 30), "", ""]), write(folder / "shown.ko", ["안녕", "안녕"])
    prepared, data = made(folder, "shown", mono=texts)
    head, *rows = Tables(report(Cleaning.open(data.folder), "shown")).tables["texts"]
    assert [row[:2] for row in rows] == [[str(texts[0]), "English"], [str(texts[1]), "Korean"]]
    for row, own in zip(rows, prepared.mono, strict=True):
        given, kept, *dropped = (int(cell) for cell in row[2:])
        assert given == kept + sum(dropped) == own.texts
        assert {name: count for name, count in zip(head[4:], dropped, strict=True) if count} == own.dropped
    made(folder, "pairs-alone")
    assert "texts" not in Tables(report(Cleaning.open(folder / "pairs-alone"), "alone")).tables


def test_a_line_of_more_sentences_than_the_pairs_have_is_split(folder: Path) -> None:
    three = [line for line in bundled("en", 800, 90) if line.endswith(".") and line.count(".") == 1][:3]
    report, _ = made(folder, "split", mono=(write(folder / "split.en", [" ".join(3 * three)]),))
    assert report.mono[0].texts > 1


def test_compressed_text_is_the_same_text(folder: Path) -> None:
    lines = bundled("en", 900, 30)
    path = folder / "packed.en.gz"
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
    _, packed = made(folder, "packed", mono=(path,))
    _, plain = made(folder, "unpacked", mono=(write(folder / "packed.en", lines),))
    assert packed.digest == plain.digest


def test_a_text_that_is_missing_or_of_another_language_is_named(folder: Path) -> None:
    with pytest.raises(MissingInputError, match=r"there is no file .*none\.en"):
        made(folder, "refused", mono=(folder / "none.en",))
    for name in ("books.fr", "books.txt", "books"):
        with pytest.raises(DataError, match=r"does not end in ko or en; name a text by its language"):
            made(folder, "refused", mono=(write(folder / name, ["un livre"]),))


VARIANTS = ("de", "de_CH"), ("zh", "zh_Hant"), ("src", "tgt"), ("en", "tok.en"), ("xx1", "new"), ("en-GB", "en_US")


@pytest.mark.parametrize("languages", [*VARIANTS, *(pair[::-1] for pair in VARIANTS)])
def test_a_text_is_of_the_side_whose_code_it_ends_in(languages: tuple[str, str], tmp_path: Path) -> None:
    """Whatever word the code is, and however alike the other one; a code of either is refused."""
    for side, language in enumerate(languages):
        for name in (language, f"{language}.gz", language.upper(), language.replace("_", "-")):
            if "." in language and name == language.upper():
                continue
            text = write(tmp_path / f"books.{name}", [])
            (found,) = find_texts([text], languages, fix=False)
            assert (found.side, found.language) == (side, language)
    for name in ("de_AT", "deu", "zho", "zh_Hans", "eng", "trg", "txt", "en_GB.xz"):
        text = write(tmp_path / f"books.{name}", [])
        alike = [side for side, code in enumerate(languages) if same_language(name.removesuffix(".xz"), code)]
        if len(alike) == 1:
            assert [found.side for found in find_texts([text], languages, fix=False)] == alike
        else:
            with pytest.raises(DataError, match=r"may be of .* or" if alike else r"does not end in .* or"):
                find_texts([text], languages, fix=False)


def test_facts_that_prepare_never_writes_are_refused() -> None:
    good = {"path": "a.en", "side": 1, "texts": 3, "kept": 2, "dropped": {"code": 1}}
    assert mono_reports({"mono": [good]}, Path("m"))[0].kept == 2
    for bad in ({"side": 2}, {"kept": 3}, {"path": 1}, {"dropped": {"code": -1}}, {"more": 1}, {"texts": "3"}):
        with pytest.raises(DataError, match="mono is invalid"):
            mono_reports({"mono": [{**good, **bad}]}, Path("m"))
    with pytest.raises(DataError, match="mono is invalid"):
        mono_reports({"mono": good}, Path("m"))
