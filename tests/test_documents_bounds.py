"""Large and bad documents: one line each, work in proportion to their size, and bounded memory."""

import json
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from nmt.documents import Asked, parse_text
from nmt.errors import DataError

ENTRY = "begins an entry of over 4,096 lines or 1 MiB"
ASKED = Asked(keys=("text",))
EACH = {  # a text of a file, many times
    "html": '<p class="a">One <b>two</b> three.\n',
    "srt": "00:01,000 --> 00:02,000\n- One <i>two</i>\n- three.\n\n",
    "po": '# a\n#, c-format\nmsgid ""\n"One "\n"two %d."\nmsgstr ""\n\n#~ msgid "a"\n#~ msgstr "b"\n\n',
    "md": "- One *two* [three](four).\n- | a\n\n",
    "jsonl": '{"number": 1, "text": "One\\ntwo.", "tags": []}\n',
    "xlf": "<group>\n<trans-unit id='1'><source>One <g id='1'>two</g>.</source></trans-unit>\n</group>",
}


class Counted(str):
    """A text that counts the signs which are copied of it."""

    __slots__ = ()
    copied = 0

    def __getitem__(self, place: Any) -> str:
        part = super().__getitem__(place)
        Counted.copied += len(part)
        return part


def work_of(kind: str, count: int) -> tuple[int, int]:
    """How many functions are called to read and write a file of ``count`` texts, and how many signs are copied."""
    text = EACH[kind] * count
    text = f"<xliff>{text}</xliff>" if kind == "xlf" else text
    calls = Counted.copied = 0

    def called(frame: FrameType, event: str, function: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        document = parse_text(Counted(text), kind, "a", ASKED)
        document.filled([f"{segment} x" for segment in document.segments])
    finally:
        sys.setprofile(None)
    assert len(document.segments) >= count
    return calls, Counted.copied


@pytest.mark.parametrize("kind", sorted(EACH))
def test_reading_and_writing_takes_work_in_proportion(kind: str) -> None:
    work_of(kind, 1)  # what is made once
    small, middle, large = (work_of(kind, count) for count in (20, 40, 80))
    for which in (0, 1):
        assert large[which] - middle[which] < 2.2 * (middle[which] - small[which]) + 100


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (
            "po",
            'msgid ""\n' + '"a"\n' * (1 << 12) + 'msgstr ""\n',
            f"line 1 {ENTRY}",
        ),
        ("po", 'msgid "a"\nmsgstr ""\n\n' + "# b\n" * (1 << 13), f"line 4 {ENTRY}"),
        (
            "po",
            f'msgid "a"\nmsgstr ""\nmsgid "{"a" * (1 << 20)}"',
            f"line 3 {ENTRY}",
        ),
        ("jsonl", '{"text": "a"}\n{"a": "' + "a" * (1 << 23) + '"}', "line 2 has over 8 MiB"),
        (
            "html",
            "\n<a " + " ".join(map("a{}".format, range(1100))),
            "line 2 begins a tag of over 1,024 attributes",
        ),
        ("html", "<i a>" * 11, "has over 20 tags and attributes"),
        ("md", "\n" * (1 << 18), "has over 131,072 line ends and signs of markup"),
        (
            "xlf",
            "<xliff>\n<unit><segment><source>" + "<x/>" * 30 + "a</source></segment></unit></xliff>",
            "line 2 begins a unit of over 30 elements and texts",
        ),
    ],
)
def test_what_would_take_much_memory_or_time_is_refused(
    kind: str, text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.documents.html_tokens.MOST", 20)
    monkeypatch.setattr("nmt.documents.xml_events.MOST_WITHIN", 30)
    with pytest.raises(DataError) as error:
        parse_text(text, kind, "a", ASKED)
    assert str(error.value).startswith(f"a {message}; ")


CHILD = """
import json, resource, sys
from pathlib import Path
from nmt.documents import Asked, read
from nmt.errors import NmtError

folder, room = Path(sys.argv[1]), int(sys.argv[2])
good = [read(path, Asked(keys=("text",))) for path in sorted(folder.glob("good.*"))]  # what is imported is imported
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + room, resource.RLIM_INFINITY))
said = {}
for path in sorted(folder.iterdir()):
    try:
        said[path.name] = len(read(path, Asked(keys=("text",))).segments)
    except NmtError as error:
        said[path.name] = [str(error).replace(str(folder) + "/", ""), error.exit_code]
print(json.dumps(said))
"""

LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' if n else '<!ENTITY l1 "ha">' for n in range(10))


def bad_files() -> dict[str, tuple[bytes, str]]:
    """Files by name, each with what is said of it."""
    large, words = b"a" * (15 << 20), b"a " * (3 << 19)
    xliff = "<xliff><trans-unit><source>{}</source></trans-unit></xliff>"
    return {
        "truncated.html": (b"<p title='a", "line 1 begins a tag that never ends"),
        "truncated.po": (b'msgid "a"\nmsgstr "', "line 2 is not PO"),
        "truncated.jsonl": (b'{"text": "a', "line 1 is not JSON"),
        "truncated.xlf": (b"<xliff><file>", "line 1 is not well-formed XML"),
        "truncated.srt": (b"1\n00:00:01,0", "has no line with times"),
        "truncated.vtt": (b"WEBV", "does not begin with WEBVTT"),
        **{f"encoding.{kind}": (b"caf\xe9", "line 1 byte 4 is not UTF-8") for kind in EACH},
        "file.xlf": (
            b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + xliff.format("&e;").encode(),
            "line 1 has the entity 'e'",
        ),
        "parameter.xlf": (
            b"<!DOCTYPE a [<!ENTITY % e SYSTEM 'file:///etc/passwd'> %e;]>" + xliff.format("a").encode(),
            "line 1 has the entity 'e'",
        ),
        "laughs.xlf": (f"<!DOCTYPE a [{LAUGHS}]>{xliff.format('&l10;')}".encode(), "line 1 has the entity 'l1'"),
        "attribute.html": (b"<p title='" + words + b"'>", "line 1 begins a text of over 1048576 bytes"),
        "attribute.jsonl": (b'{"text": "a", "' + large + b'": 1}', "line 1 has over 8 MiB"),
        "attribute.po": (b'msgid "' + large + b'"\nmsgstr ""', f"line 1 {ENTRY}"),
        "attribute.srt": (b"00:01,0 --> 00:02,0 " + b"a" * 10 + b"\n" + words, "line 2 begins a text of over 1048576"),
        "attribute.md": (b"[a](b '" + b"a" * (3 << 20) + b"')", "has over 2 MiB"),
        "lists.jsonl": (b'{"text": "a", "b": [' + b"[]," * (1 << 21) + b"1]}", ""),
        "attribute.xlf": (b"<xliff id='" + large + b"'/>", ""),
        **{f"huge.{kind}": (b"", "has over ") for kind in EACH},  # a file of 100 MiB
    }


@pytest.mark.skipif(sys.platform != "linux", reason="/proc as Linux has it")
def test_a_bad_file_is_one_line_and_takes_little_memory(tmp_path: Path) -> None:
    files = bad_files()
    for kind in ("html", "po", "md"):
        (tmp_path / f"good.{kind}").write_text(EACH[kind])
    for name, (data, _) in files.items():
        (tmp_path / name).write_bytes(data)
        if name.startswith("huge."):
            with (tmp_path / name).open("r+b") as file:
                file.truncate(100 << 20)
    command = [sys.executable, "-c", CHILD, str(tmp_path), str(350 << 20)]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    for name, (_, message) in files.items():
        if message:
            assert said[name][0].startswith(f"{name} {message}"), said[name]
            assert "\n" not in said[name][0]
            assert said[name][1] == 65
        else:
            assert said[name] in (0, 1)
