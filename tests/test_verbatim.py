"""The grammar of what stays unchanged: a golden list, laws, patterns of one's own, and time by the line's length."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.errors import SettingsError
from nmt.text.lines import LONGEST_LINE
from nmt.text.verbatim import Grammar, LateLines, Match, alike, find, is_code
from nmt.text.verbatim_forms import KINDS

MARKED = re.compile(r"«(\w+):([^»]+)»")
PAGE = (Path(__file__).parent / "verbatim.txt").read_text(encoding="utf-8")
GOLDEN = [line for line in PAGE.splitlines() if line and not line.startswith("# ")]


def read(marked: str) -> tuple[str, list[Match]]:
    """The line without its marks, and the matches that they mark."""
    text, matches, place = "", [], 0
    for mark in MARKED.finditer(marked):
        text += marked[place : mark.start()]
        matches.append(Match(len(text), len(text) + len(mark[2]), mark[1]))
        text, place = text + mark[2], mark.end()
    return text + marked[place:], matches


def mark(text: str, matches: list[Match]) -> str:
    place, parts = 0, []
    for start, end, kind in matches:
        parts += [text[place:start], f"«{kind}:{text[start:end]}»"]
        place = end
    return "".join([*parts, text[place:]])


def test_what_a_person_marked_is_found() -> None:
    assert [mark(text, find(text)) for text, _ in map(read, GOLDEN)] == GOLDEN
    assert [find(text) for text, _ in map(read, GOLDEN)] == [matches for _, matches in map(read, GOLDEN)]


def test_the_golden_list_has_many_lines_of_every_kind() -> None:
    assert len(GOLDEN) >= 120
    found = [match.kind for line in GOLDEN for match in read(line)[1]]
    assert {kind: found.count(kind) >= 5 for kind in KINDS} == dict.fromkeys(KINDS, True)


# --- laws -------------------------------------------------------------------------------------------------------------

ITEMS = sorted({mark[2] for line in GOLDEN for mark in MARKED.finditer(line)})
SIGNS = st.text(alphabet="abzAZ019%${}<>/&;:@#.,-_+*()[]`'\" \\=!가을é🎉\u200d\ufe0f🇰", max_size=6)
LINES = st.lists(st.one_of(st.sampled_from(ITEMS), SIGNS, st.sampled_from([" ", "을", "word"])), max_size=8).map(
    "".join
)


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_matches_do_not_overlap_and_with_the_gaps_they_are_the_line(text: str) -> None:
    place = 0
    for start, end, kind in find(text):
        assert place <= start < end <= len(text)
        assert kind in KINDS
        place = end


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_a_match_alone_is_found_as_itself(text: str) -> None:
    for start, end, kind in find(text):
        assert find(text[start:end]) == [(0, end - start, kind)]


@settings(max_examples=300, deadline=None)
@given(LINES, st.sampled_from(["word", "낱말", "Wörter"]))
def test_a_word_and_a_space_around_a_line_change_nothing(text: str, word: str) -> None:
    shift = len(word) + 1
    around = find(f"{word} {text} {word}")
    assert [(start - shift, end - shift, kind) for start, end, kind in around] == find(text)


@settings(max_examples=200, deadline=None)
@given(LINES, st.sets(st.sampled_from(KINDS)))
def test_the_rule_is_leftmost_then_longest_then_the_order_of_kinds(text: str, kinds: set[str]) -> None:
    """Against brute force: at each place the longest of what each kind alone finds from there on."""
    grammar, place, expected = Grammar(kinds), 0, []
    while place < len(text):
        spans = [
            (found.end(), form.kind)
            for form in grammar.forms
            if (found := form.pattern.match(text, place)) and found[0]
        ]
        if not spans:
            place += 1
            continue
        end, kind = min(spans, key=lambda span: (-span[0], KINDS.index(span[1])))
        expected.append(Match(place, end, kind))
        place = end
    assert grammar.find(text) == expected


@pytest.mark.parametrize("particle", ["을", "님", "에서"])
def test_a_korean_particle_may_follow_what_ends_in_a_name_or_sign(particle: str) -> None:
    assert [item for item in ITEMS if find(f"{item}{particle}") != find(item)] == []


@pytest.mark.parametrize(
    "word", ["ab{}", "{}ab", "é{}", "{}é"], ids=["letter before", "letter after", "é before", "é after"]
)
@pytest.mark.parametrize(
    "item", ["12345", "1.2.3", "CVE-2024-1234", "$NAME", "/etc/fstab", "a1@b.org", "www.a.org", "docs/a.txt"]
)
def test_what_needs_an_edge_is_not_found_inside_a_word(word: str, item: str) -> None:
    text = word.replace("{}", item)
    start = text.index(item)
    assert (start, start + len(item)) not in [(match.start, match.end) for match in find(text)]


def test_emoji_are_those_of_unicode_with_all_that_belongs_to_them() -> None:
    regex = pytest.importorskip("regex")
    shown, drawn = regex.compile(r"\p{Emoji_Presentation}"), regex.compile(r"\p{Emoji}")
    letters = regex.compile(r"[\p{L}\p{N}\p{P}--\p{Emoji}]", regex.VERSION1)
    for code in [*range(0xD800), *range(0xE000, 0x20000)]:
        sign = chr(code)
        if "\U0001f1e6" <= sign <= "\U0001f1ff" or sign in "0123456789#*":
            continue
        if shown.match(sign):
            assert find(sign) == [(0, 1, "emoji")], hex(code)
        if drawn.match(sign):
            assert find(f"{sign}\ufe0f") == [(0, 2, "emoji")], hex(code)
        if letters.match(sign):
            assert find(sign, ["emoji"]) == [], hex(code)


@pytest.mark.parametrize(
    ("item", "kind", "expected"),
    [
        ("%1$s", "printf", "%s"),
        ("%s", "printf", "%s"),
        ("%12$-5.2f", "printf", "%-5.2f"),
        ("{0:.2f}", "field", "{0}"),
        ("{name}", "field", "{name}"),
        ('<A HREF="x">', "tag", "<a>"),
        ("<br />", "tag", "<br/>"),
        ("</emph>", "tag", "</emph>"),
        ("<image/>", "tag", "<image/>"),
        ("http://a.org/%1$s", "address", "http://a.org/%1$s"),
    ],
)
def test_sides_are_compared_without_order_format_and_attributes(item: str, kind: str, expected: str) -> None:
    assert alike(item, kind) == expected


# --- time -------------------------------------------------------------------------------------------------------------

UNITS = ["<", "%", "{", "http://", "$", "&", "`", "@", "/", "\\", "a@", "a.", "1-", "1.", "+1 ", "A-1", "{a.b", "${a:"]
UNITS += [
    "<a ",
    "<a b=",
    "%A_",
    "%(a",
    "{{a",
    "{%",
    "www.a",
    "a/",
    "/a",
    "👍",
    "\u200d👍",
    "🇰",
    "(1",
    "``a",
    "<!--",
    "&a",
]


@pytest.mark.parametrize("unit", UNITS)
def test_a_long_line_of_one_sign_is_searched_in_one_pass(unit: str) -> None:
    """Patterns that begin anew at every sign would take long for one such line, and hours for the next test's."""
    assert all(left.end <= right.start for left, right in pairwise(find(unit * (250_000 // len(unit)))))


def test_a_mebibyte_of_every_sign_is_searched_in_one_pass() -> None:
    text = "".join(unit * (LONGEST_LINE // len(UNITS) // len(unit)) for unit in UNITS)
    assert all(left.end <= right.start for left, right in pairwise(find(text)))


# --- settings ---------------------------------------------------------------------------------------------------------


def test_kinds_are_chosen_and_one_that_does_not_exist_is_refused() -> None:
    text = "%s <b> 12345 http://a.org/%s"
    assert [match.kind for match in find(text, ("printf",))] == ["printf", "printf"]
    assert [match.kind for match in find(text, ("address", "printf"))] == ["printf", "address"]
    assert find(text, ()) == []
    with pytest.raises(SettingsError, match=r"there is no kind 'adress'; the nearest known name is address"):
        find(text, ("adress",))


def test_patterns_of_ones_own_are_kinds_that_win_against_others_of_their_length() -> None:
    grammar = Grammar(("number", "printf"), {"ticket": r"TKT-\d+", "serial": r"\d{5}"})
    text = "TKT-12을 보고 12345와 123456, %s"
    found = [(text[start:end], kind) for start, end, kind in grammar.find(text)]
    assert found == [("TKT-12", "ticket"), ("12345", "serial"), ("123456", "number"), ("%s", "printf")]
    assert grammar.kinds == ("ticket", "serial", "printf", "number")
    assert Grammar((), {"before": "(?=a)"}).find("aaa") == []  # what is empty is no match


@pytest.mark.parametrize(
    ("name", "pattern", "words"),
    [
        ("ticket", "TKT-(", "no regular expression: missing )"),
        ("ticket", "[a-", "no regular expression"),
        ("ticket", "x{99999999999}", "no regular expression"),
        ("ticket", "a\n(?P<b", "no regular expression"),
        ("ticket", "(?:a|(?R))+", "recurs"),
        ("ticket", "a*", "matches the empty text"),
        ("ticket", "", "matches the empty text"),
        ("ticket", "a" * 1001, "has 1,001 characters"),
        ("printf", "%s", "cannot be called 'printf'"),
        ("Ticket No", "a", "cannot be called 'Ticket No'"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_in_one_line(name: str, pattern: str, words: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Grammar(KINDS, {name: pattern})
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


SLOW = "(a|aa)+$"  # takes years for LONG_LINE
LONG_LINE = "a" * 60 + "b"


def test_a_line_for_which_a_pattern_would_never_end_is_read_without_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("regex")
    monkeypatch.setattr("nmt.text.verbatim.SECONDS", 0.05)
    grammar = Grammar(["printf"], {"slow": SLOW, "other": "b+"})
    late = set[str]()
    assert grammar.find("aa %s aa", late) == [Match(3, 5, "printf"), Match(6, 8, "slow")]
    assert not late
    assert grammar.find(f"%s {LONG_LINE}", late) == [Match(0, 2, "printf"), Match(63, 64, "other")]
    assert late == {"slow"}


def test_lines_that_are_read_without_a_kind_are_counted_once_each() -> None:
    lines = LateLines()
    lines.add("line 1", [])
    assert lines.warning() == ""
    lines.add("line 2", ["slow"])
    assert lines.warning().startswith("1 line is read without `kind` slow, first line 2: ")
    for line in ("line 2", "line 3"):
        lines.add(line, ["slow", "other"])
    assert lines.warning().startswith("2 lines are read without `kind` slow, other, first line 2: ")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_regex_is_imported_for_patterns_of_ones_own_alone_and_told_of_when_it_is_missing() -> None:
    code = "import sys; from nmt.text.verbatim import find, Grammar; find('%s'); print('regex' in sys.modules)"
    assert run(code) == "False\n"
    code = """
import sys; sys.modules["regex"] = None
from nmt.text.verbatim import Grammar
from nmt.errors import SettingsError
try: Grammar((), {"ticket": "a"})
except SettingsError as error: print(error)
"""
    assert re.fullmatch(r"patterns of one's own need the package regex; install the extra 'patterns'.*\n", run(code))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for (int i = 0; i < 10; i++) { x += i; }", True),
        ("x = a[i] + b[j] * (c - d);", True),
        ("=IF(A1>2;B1;C1)", True),
        ("(_O) [+] {양수}", False),
        ("Press (Ctrl+Alt+Del) [twice]; then wait.", False),
        ("$x = f($y); // returns", False),
        ("A man (left) and a dog.", False),
        ("", False),
    ],
)
def test_a_line_of_code_is_told_from_text(text: str, expected: bool) -> None:
    assert is_code(text) is expected
