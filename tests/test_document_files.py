"""nmt translate with documents: each stays one, in windows that resume; what cannot be read is refused."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from conftest import TinyRun, nmt
from fakes import Recorder, ReverseEngine, WordTokenizer

from nmt.decoding.formats import Format
from nmt.decoding.job import Job
from nmt.decoding.translation import Translation
from nmt.decoding.translator import Translator
from nmt.decoding.windows import Window
from nmt.documents import Asked, read
from nmt.errors import BusyError, UsageError
from nmt.text.progress import Progress

SEARCH = ["--beam-size", "3", "--min-length", "6", "--no-repeat-ngram", "2", "--max-length-factor", "9"]  # else: ""
KOREAN = {
    "a.html": "<!doctype html>\n<title>나는 학생이다.</title>\n<p class='x'>너는 의사이다.</p>\n<pre>코드</pre>\n",
    "a.srt": "1\n00:00:01,000 --> 00:00:02,000\n나는\n학생이다.\n",
    "a.vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\n너는 의사이다.\n",
    "a.md": "# 나는 학생이다.\n\n너는 의사이다.\n\n    코드\n",
    "a.po": 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "나는 학생이다."\nmsgstr ""\n',
    "a.jsonl": '{"text": "나는 학생이다.", "id": 7}\n',
    "a.xlf": '<xliff version="1.2"><file><body><trans-unit id="1"><source>너는 의사이다.</source></trans-unit></body>'
    "</file></xliff>\n",
    "a.txt": "나는 학생이다.\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Documents and a text."""
    for name, text in KOREAN.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_documents_become_documents_whose_texts_are_translated_as_lines_are(tiny_run: TinyRun, folder: Path) -> None:
    asked = Asked(("text",))
    before = {name: read(folder / name, asked).segments for name in KOREAN if name != "a.txt"}
    lines = [line for segments in before.values() for line in segments]
    (folder / "a.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    files = [folder / name for name in KOREAN]
    result = nmt("translate", tiny_run.run, *files, "-o", f"{folder}/out/", "--columns", "text", *SEARCH)
    assert result.returncode == 0, result.stderr
    out = {path.name: path.read_text(encoding="utf-8") for path in (folder / "out").iterdir()}
    assert out.keys() == KOREAN.keys()
    expected = iter(out["a.txt"].splitlines())
    for name, segments in before.items():
        translations = [next(expected).split() for _ in segments]  # this model writes blanks anywhere
        if name == "a.jsonl":
            there = json.loads(out[name])
            assert (there["text"].split(), there["id"], list(there)) == (translations[0], 7, ["text", "id"])
        elif name in ("a.po", "a.xlf"):
            assert " ".join(translations[0]) in " ".join(out[name].split())
        else:
            assert [text.split() for text in read(folder / "out" / name).segments] == translations
    assert "<pre>코드</pre>" in out["a.html"]
    assert "    코드\n" in out["a.md"]


def test_one_document_goes_to_a_file_or_to_standard_output(tiny_run: TinyRun, folder: Path) -> None:
    result = nmt("translate", tiny_run.run, folder / "a.po", *SEARCH)
    assert result.returncode == 0, result.stderr
    again = nmt("translate", tiny_run.run, folder / "a.po", *SEARCH, "-o", folder / "b.po")
    assert again.returncode == 0, again.stderr
    assert (folder / "b.po").read_text(encoding="utf-8") == result.stdout
    assert "#, fuzzy\nmsgid" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["a.html", "a.srt", "-o", "out"], 2, "a.html is a document, and has an output of its own; name a folder as"),
        (["a.html", "--format", "jsonl", "-o", "out/"], 2, "a.html is a document, and stays one"),
        (["a.jsonl", "-o", "out/"], 2, "name them: --columns"),
        (["a.html", "--columns", "a", "-o", "out/"], 2, "--columns is for files in .jsonl"),
        (["a.md", "--retranslate", "-o", "out/"], 2, "--retranslate is for files in .po .pot .xlf .xliff"),
        (["a.html", "gone.md", "-o", "out/"], 66, "there is no file gone.md"),
        (["a.html", "bad.xlf", "-o", "out/"], 65, "bad.xlf line 1 is not well-formed XML"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_before_work(
    folder: Path, arguments: list[str], code: int, message: str
) -> None:
    (folder / "bad.xlf").write_text("<xliff>")
    result = nmt("translate", "no-model", *arguments, cwd=folder)
    assert (result.returncode, message in result.stderr, result.stderr.count("\n")) == (code, True, 1), result.stderr
    assert not (folder / "out").exists()


class Failing(Translator):
    """A translator that fails at one of its windows, and counts those that it did."""

    fails, done = 0, 0

    def translated(self, each: Iterable[Window], progress: Progress) -> Iterator[list[Translation]]:
        for before, lines in each:
            self.done += 1
            if self.done == self.fails:
                raise BusyError("no memory", "wait")
            yield self.translate_window(lines, before, progress)


def run(files: list[Path], output: str, fails: int = 0) -> tuple[int, Recorder]:
    """Translate files by a model that turns lines round; the number of windows, and what was told."""
    tokenizer, progress = WordTokenizer(), Recorder()
    translator = Failing(ReverseEngine(), tokenizer, tokenizer, window=2)
    translator.fails = fails
    Job(files, output, Format(), once=False, documents=Asked(("text",))).run(lambda: translator, progress, unused, None)
    return translator.done, progress


def unused() -> BinaryIO:
    pytest.fail("nothing goes to standard output")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_job_of_documents_resumes_after_the_window_that_was_done(tmp_path: Path, ending: str) -> None:
    from nmt.disk.files import create_binary, open_binary

    files = [tmp_path / f"{name}.html{ending}" for name in "abc"]
    for number, path in enumerate(files):
        with create_binary(path) as file:
            file.write("".join(f"<p>one {path.stem} two{line}</p>\n" for line in range(2 * number + 3)).encode())
    windows, _ = run(files, f"{tmp_path}/whole/")
    assert windows == 2 + 3 + 4
    for fails in range(1, windows + 1):
        output = tmp_path / f"out{fails}"
        with pytest.raises(BusyError):
            run(files, f"{output}/", fails)
        again, _ = run(files, f"{output}/")
        assert again == windows - fails + 1
        assert sorted(path.name for path in output.iterdir()) == sorted(path.name for path in files)
        for path in files:
            with open_binary(output / path.name) as made_now, open_binary(tmp_path / "whole" / path.name) as whole:
                assert made_now.read() == whole.read()


def test_what_a_translation_would_break_is_left_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>one two</p>\n\n<p>three <b>four five</b></p>\n")
    _, progress = run([tmp_path / "a.html"], f"{tmp_path}/b.html")
    assert (tmp_path / "b.html").read_text() == "<p>two one</p>\n\n<p>three <b>four five</b></p>\n"
    assert [line for line in progress.warnings if "a.html" in line] == [
        f"{tmp_path}/a.html line 3 is left as it is: its translation crosses tags"
    ]


def test_formats_of_lines_are_for_lines(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a\n")
    with pytest.raises(UsageError, match=r"a\.md is a document, and stays one; leave out `format` and `n_best`"):
        Job([tmp_path / "a.md"], None, Format("tsv"))
