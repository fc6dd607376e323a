"""prepare --fix: damaged text is mended as it is read; other text stays as it is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_text import real_text
from test_prepare import TEST, TRAIN, VALID, texts, write

from nmt.config import PrepareOptions
from nmt.corpus.dataset import Dataset
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.errors import SettingsError
from nmt.text.mending import mend

pytest.importorskip("ftfy", reason="the extra clean is not installed")


@pytest.mark.parametrize("text", ["für Zoë", "“Größe” – naïve", "l’été déjà", "Привет", "한국어", "déjà vu…"])
@pytest.mark.parametrize("codec", ["cp1252", "latin-1"])
def test_utf_8_that_was_read_in_another_encoding_comes_back(text: str, codec: str) -> None:
    try:
        damaged = text.encode().decode(codec)
    except UnicodeDecodeError:
        pytest.skip(f"{codec} does not know all of its bytes")
    assert mend(damaged) == text


@pytest.mark.parametrize(
    ("damaged", "text"),
    [
        ("Fish &amp; chips&nbsp;now", "Fish & chips\u00a0now"),
        ("Gr&ouml;&szlig;e", "Größe"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("“quotes” ﬁne ＦＵＬＬ it’s", "“quotes” ﬁne ＦＵＬＬ it’s"),
        ("<b>a &lt; b</b>", "<b>a < b</b>"),
    ],
)
def test_damage_is_mended_and_taste_is_left(damaged: str, text: str) -> None:
    assert mend(damaged) == text


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="&")))
def test_plain_text_is_the_same_object(text: str) -> None:
    assert mend(text) is text


def test_real_text_is_left_alone() -> None:
    for name, code in (("multi30k", "de"), ("mafand/en-ibo", "ibo")):
        path = next(real_text(name).glob(f"train.{code}*"), None)
        if path and path.suffix == f".{code}":
            lines = path.read_text(encoding="utf-8").split("\n")[:3000]
            assert sum(mend(line) != line for line in lines) <= 0.002 * len(lines)


def test_mended_pairs_are_trained_on_and_counted(tmp_path: Path) -> None:
    damaged = [("나는 카페에 갔고 그는 집에 있었다", "I went to the cafÃ© and he was at home&#33;")]
    paths = [
        write(tmp_path / name, pairs)
        for name, pairs in (("train", [*TRAIN, *damaged]), ("valid", VALID), ("test", TEST))
    ]
    request = PrepareRequest("ko", "en", (paths[0],), paths[1], (paths[2],), tmp_path / "data")
    rules = "language=off"
    assert prepare(request, PrepareOptions(rules=rules)).corpora[0].dropped == {"mojibake": 1}
    report = prepare(request, PrepareOptions(rules=rules, fix=True))
    assert report.corpora[0].dropped == {}
    assert texts(Dataset.open(request.output))[-1][1] == "I went to the café and he was at home!"


def test_without_ftfy_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from nmt.text import mending

    monkeypatch.setattr(mending, "find_spec", lambda name: None)
    request = PrepareRequest("ko", "en", (write(tmp_path / "train", TRAIN),), None, (), tmp_path / "data")
    with pytest.raises(SettingsError, match="needs ftfy; install the extra 'clean'"):
        prepare(request, PrepareOptions(fix=True))
