"""The formats of output, character for character."""

import json

import pytest

from nmt.decoding.formats import Format
from nmt.decoding.translation import Alternative, Translation

PLAIN = Translation("나는\t집에 간다", "I go\thome", -0.1234567, [Alternative('I "go"', -1.0), Alternative("", -2.25)])
BLANK = Translation("", "", 0.0)
BREAKERS = Translation("a\u2028b\x85c\x0cd\x1ce", "f", -1.0)


@pytest.mark.parametrize(
    ("name", "n_best", "translation", "lines"),
    [
        ("text", False, PLAIN, ["I go\thome"]),
        ("text", False, BLANK, [""]),
        (
            "text",
            True,
            PLAIN,
            ["7 ||| I go\thome ||| -0.123457", '7 ||| I "go" ||| -1.000000', "7 |||  ||| -2.250000"],
        ),
        ("text", True, BLANK, ["7 |||  ||| 0.000000"]),
        (
            "tsv",
            False,
            PLAIN,
            [
                "나는 집에 간다\tI go home\t-0.123457",
                '나는 집에 간다\tI "go"\t-1.000000',
                "나는 집에 간다\t\t-2.250000",
            ],
        ),
        ("tsv", False, BLANK, ["\t\t0.000000"]),
        ("tsv", False, BREAKERS, ["a b c d e\tf\t-1.000000"]),
        (
            "jsonl",
            False,
            PLAIN,
            [
                '{"id": 7, "source": "나는\\t집에 간다", "translation": "I go\\thome", "score": -0.123457, '
                '"alternatives": [{"translation": "I \\"go\\"", "score": -1.0}, {"translation": "", "score": -2.25}]}'
            ],
        ),
        ("jsonl", True, BLANK, ['{"id": 7, "source": "", "translation": "", "score": 0.0, "alternatives": []}']),
    ],
)
def test_golden_lines(name: str, n_best: bool, translation: Translation, lines: list[str]) -> None:
    assert Format(name, n_best).records(7, translation) == lines


@pytest.mark.parametrize("name", ["text", "tsv", "jsonl"])
def test_no_format_prints_a_character_at_which_splitlines_cuts(name: str) -> None:
    (line,) = Format(name).records(0, BREAKERS)
    assert line.splitlines() == [line]


def test_json_lines_read_back_as_they_were() -> None:
    (line,) = Format("jsonl", True).records(3, PLAIN)
    assert json.loads(line) == {
        "id": 3,
        "source": PLAIN.source,
        "translation": PLAIN.text,
        "score": -0.123457,
        "alternatives": [{"translation": 'I "go"', "score": -1.0}, {"translation": "", "score": -2.25}],
    }
