"""References to characters: what they mean by Python's own library, and what it does not read."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.documents import parse_text
from nmt.documents.references import unescaped

LONG = "1" * 5_000


@given(st.text("&#x;0159afQqumlt ", max_size=30))
def test_references_mean_what_pythons_own_library_says(text: str) -> None:
    assert unescaped(text) == html.unescape(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (f"a &#{LONG}; b", "a \ufffd b"),
        (f"a &#{'0' * 5_000}65; b", "a A b"),
        (f"a &#{'0' * 5_000}{LONG} b", "a \ufffd b"),
        (f"a &#x{LONG}; b", "a \ufffd b"),
    ],
)
def test_a_number_of_any_length_is_read(text: str, meant: str) -> None:
    assert unescaped(text) == meant
    assert parse_text(f"<p>{text}</p>", "html", "q").segments == [meant]
    assert parse_text(f'<img alt="{text}">', "html", "q").segments == [meant]
    assert parse_text(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{text}\n", "vtt", "q").segments == [meant]
