"""Language codes: every spelling of a code is known, and not every ending of a file is a code."""

from pathlib import Path

import pytest

from nmt.text.languages import base_language, is_language, language_name, language_of, same_language, script_of


@pytest.mark.parametrize(
    ("code", "base"),
    [
        ("ko", "ko"),
        ("kor", "ko"),
        ("kor_Hang", "ko"),
        ("KO-KR", "ko"),
        ("zho", "zh"),
        ("chi", "zh"),
        ("cmn", "zh"),
        ("zho_Hans", "zh"),
        ("zh_TW", "zh"),
        ("jpn", "ja"),
        ("tha", "th"),
        ("pt_BR", "pt"),
        ("arb_Arab", "ar"),
        ("yue_Hant", "yue"),
        ("a", "a"),
        ("zzq", "zzq"),
    ],
)
def test_every_way_to_write_a_language_has_one_base(code: str, base: str) -> None:
    assert base_language(code) == base


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("ko", "Korean"),
        ("kor_Hang", "Korean (Hangul)"),
        ("eng_Latn", "English"),
        ("en-US", "English (United States)"),
        ("zho_Hans", "Chinese (Simplified)"),
        ("el", "Modern Greek"),
        ("sw", "Swahili"),
        ("zzq", None),
        ("xx", None),
        ("und", None),
        ("", None),
        ("../x", None),
    ],
)
def test_a_language_has_its_english_name(code: str, name: str | None) -> None:
    assert language_name(code) == name
    assert is_language(code) == (name is not None)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("test.ko", "ko"),
        ("test.ko.gz", "ko"),
        ("a/b.tok.zho_Hans.zst", "zho_Hans"),
        ("b.pt_BR", "pt_BR"),
        ("ref.txt", ""),
        ("ref.TXT.gz", ""),
        ("hyp.out", ""),
        ("ref.v2", ""),
        ("ref", ""),
        ("en", ""),
    ],
)
def test_a_name_ends_with_its_language_or_says_nothing(name: str, language: str) -> None:
    assert language_of(Path(name)) == language


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("en", "en-US", True),
        ("eng_Latn", "en", True),
        ("zh", "cmn_Hans", True),
        ("zh_TW", "zh_CN", False),
        ("zho_Hans", "zho_Hant", False),
        ("ko", "ja", False),
        ("a", "A", True),
        ("a", "b", False),
    ],
)
def test_codes_of_one_language_are_the_same_unless_script_or_region_differ(one: str, other: str, same: bool) -> None:
    assert same_language(one, other) == same
    assert same_language(other, one) == same


@pytest.mark.parametrize(
    ("code", "scripts"),
    [
        ("ko", {"HANGUL"}),
        ("kor_Hang", {"HANGUL"}),
        ("zho_Hani", {"CJK"}),
        ("ja", {"HIRAGANA", "KATAKANA", "CJK"}),
        ("de-CH", {"LATIN"}),
        ("ibo", {"LATIN"}),
        ("kjh_Cyrl", {"CYRILLIC"}),
        ("kjh", set()),  # Khakas is written in Cyrillic, which CLDR does not say
        ("mul", set()),
        ("und", set()),
        ("zzq", set()),
    ],
)
def test_scripts_are_those_of_the_code_or_of_cldr_and_else_none(code: str, scripts: set[str]) -> None:
    assert script_of(code) == scripts
