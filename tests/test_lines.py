"""The line contract: what ends a line of input, and which characters never occur in output."""

import ast
import io
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.errors import DataError
from nmt.text import lines
from nmt.text.lines import one_line, printable, read_lines


def read(raw: bytes, strict: bool = True) -> list[str]:
    return list(read_lines(io.BytesIO(raw), "some.txt", strict))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\n\n", ["a", ""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\r\nb\r", ["a\r", "b\r"]),
        (b"a\rb\n", ["a\rb"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"\xef\xbb\xbf", []),
        (b"\xef\xbb\xbf\n", [""]),
        ("a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i\n".encode(), ["a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i"]),
        ("\x00\n한국어\n".encode(), ["\x00", "한국어"]),
    ],
)
def test_only_a_line_feed_ends_a_line(raw: bytes, expected: list[str]) -> None:
    assert read(raw) == expected


@settings(max_examples=100, deadline=None)
# Zeros between letters look like UTF-16, which is refused.
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\ufeff\0"), max_size=8)))
def test_what_is_written_as_lines_is_read_back(texts: list[str]) -> None:
    assert read("".join(f"{text}\n" for text in texts).encode()) == texts
    assert read("".join(f"{text}\r\n" for text in texts).encode()) == texts


def test_invalid_utf8_names_file_line_and_byte() -> None:
    with pytest.raises(DataError, match=r"some\.txt line 2 byte 4 is not UTF-8; ") as caught:
        read("좋다\nabc".encode() + b"\xffd\n")
    assert caught.value.exit_code == 65


def test_lenient_reading_loses_no_line_and_no_other_character() -> None:
    assert read(b"a\xff\xfeb\n\xed\x95\nc", strict=False) == ["a\ufffd\ufffdb", "\ufffd", "c"]


def test_a_line_beyond_all_measure_is_refused_before_it_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 10)
    assert read(b"123456789\n") == ["123456789"]
    with pytest.raises(DataError, match=r"some\.txt line 2 has over 10 bytes"):
        read(b"a\n" + b"1" * 11)


def test_a_line_is_yielded_before_the_next_is_there() -> None:
    class Person(io.RawIOBase):
        """A person who types one line, and the next only after an answer."""

        typed = False

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            assert not self.typed, "read on before the first line was handed out"
            self.typed = True
            buffer[:6] = b"hello\n"
            return 6

    assert next(read_lines(io.BufferedReader(Person()), "stdin")) == "hello"


def test_one_line_has_a_space_for_each_cut_of_splitlines_and_each_control_and_changes_nothing_else() -> None:
    for code in range(sys.maxunicode + 1):
        text = f"a{chr(code)}b"
        cuts = len(text.splitlines()) > 1
        control = unicodedata.category(chr(code)) == "Cc" and chr(code) != "\t"
        assert one_line(text) == ("a b" if cuts or control else text)


def test_what_is_printable_holds_nothing_that_a_terminal_obeys_and_can_be_encoded() -> None:
    changed = set()
    for code in range(sys.maxunicode + 1):
        shown = printable(chr(code))
        if shown != chr(code):
            assert shown.isascii()
            assert shown.isprintable()
            assert ast.literal_eval(f'"{shown}"') == chr(code)
            changed.add(code)
        shown.encode()
    assert {code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cc"} <= changed
    embeddings = {
        code
        for code in range(sys.maxunicode + 1)
        if unicodedata.bidirectional(chr(code)) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    }
    assert embeddings <= changed
    assert len(changed) == 65 + 2 + len(embeddings) + 2048 + 2  # and line separators, surrogates, U+FFFE and U+FFFF
