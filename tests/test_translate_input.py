"""Lines of files and of a live standard input, with PAUSE where a live input pauses."""

import gzip
import io
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.decoding import input_lines
from nmt.decoding.input_lines import InputLines, LiveStream
from nmt.errors import DataError, MissingInputError, StorageError
from nmt.text.lines import PAUSE, read_lines

CHUNKS = st.lists(
    st.sampled_from([b"a", b"\n", b"\r\n", b"\r", "가".encode(), b"b c", b"\xef\xbb\xbf", b"\x0c"]), max_size=30
)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The writing end of the pipe that is standard input."""
    reading, writing = os.pipe()
    with open(reading) as stdin:  # a descriptor, not a path
        monkeypatch.setattr(sys, "stdin", stdin)
        yield writing


def live(chunks: list[bytes]) -> LiveStream:
    reading, writing = os.pipe()
    for chunk in chunks:
        os.write(writing, chunk)
    os.close(writing)
    return LiveStream(reading)


def lines_or_error(stream: Any) -> list[str] | str:
    try:
        return list(read_lines(stream, "some"))
    except DataError as error:
        return str(error)


@settings(deadline=None)
@given(CHUNKS, st.integers(1, 8))
def test_a_live_stream_gives_the_lines_that_a_file_gives(chunks: list[bytes], chunk: int) -> None:
    stream = live(chunks)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(input_lines, "_CHUNK", chunk)
            assert lines_or_error(stream) == lines_or_error(io.BytesIO(b"".join(chunks)))
    finally:
        os.close(stream.descriptor)


def test_a_line_longer_than_asked_for_comes_in_parts() -> None:
    stream = live([b"abcdef\nghi"])
    assert [stream.readline(4), stream.readline(4), stream.readline(), stream.readline()] == [
        b"abcd",
        b"ef\n",
        b"ghi",
        b"",
    ]
    os.close(stream.descriptor)


def test_standard_input_pauses_once_for_each_answer_that_a_person_waits_for(pipe: int) -> None:
    lines = iter(InputLines([]))
    os.write(pipe, "나는\n집에\n".encode())
    assert [next(lines) for _ in range(3)] == ["나는", "집에", PAUSE]
    os.write(pipe, b"half a li")
    timer = threading.Timer(0.1, os.write, (pipe, b"ne\n"))
    timer.start()
    assert next(lines) == "half a line"
    timer.join()
    os.close(pipe)
    assert list(lines) == []


def test_half_a_line_does_not_hold_back_the_whole_lines_before_it(pipe: int) -> None:
    lines = iter(InputLines([Path("-")]))
    os.write(pipe, b"whole\nhalf")
    began = time.monotonic()
    assert [next(lines), next(lines)] == ["whole", PAUSE]
    assert time.monotonic() - began < 5.0
    os.close(pipe)
    assert list(lines) == ["half"]


def test_files_and_standard_input_follow_each_other(tmp_path: Path, pipe: int) -> None:
    (tmp_path / "one").write_bytes(b"\xef\xbb\xbfa\r\nb")
    (tmp_path / "two.gz").write_bytes(gzip.compress(b"c\n\nd\n"))
    os.write(pipe, b"x\n")
    os.close(pipe)
    lines = InputLines([tmp_path / "one", Path("-"), tmp_path / "two.gz"])
    assert [line for line in lines if line is not PAUSE] == ["a", "b", "x", "c", "", "d"]
    assert not lines.typed


def test_bytes_that_are_not_utf_8_are_mended_and_counted_but_a_replacement_character_of_the_input_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"good\n\xff\xfe bad\n" + "\ufffd good".encode() + b"\nbad \xe3\x81\n" + b"\xef\xbf\xbd \xff bad")
    lines = InputLines([path])
    assert list(lines) == ["good", "\ufffd\ufffd bad", "\ufffd good", "bad \ufffd", "\ufffd \ufffd bad"]
    assert (lines.mended, lines.first_mended) == (3, f"{path} line 2")
    with pytest.raises(DataError, match="line 2 byte 1"):
        list(InputLines([path], strict=True))


def test_a_missing_input_is_found_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("a\n")
    with pytest.raises(MissingInputError, match="absent"):
        InputLines([tmp_path / "there", tmp_path / "absent"])


def test_a_closed_standard_input_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(MissingInputError, match="closed"):
        list(InputLines([]))


def test_a_folder_as_standard_input_is_said_in_words(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(StorageError, match="standard input"):
        LiveStream(descriptor).readline()
    os.close(descriptor)


def test_standard_input_that_does_not_block_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    stream = LiveStream(reading)

    def write() -> None:
        os.write(writing, b"late\n")
        os.close(writing)

    threading.Timer(0.05, write).start()
    assert stream.readline() == b"late\n"
    assert stream.readline() == b""
    os.close(reading)
