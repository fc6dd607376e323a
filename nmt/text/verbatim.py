"""What a translation hands over unchanged: addresses, placeholders, tags, emoji, long numbers, code. One grammar.

``find`` marks it in a line. Matches do not overlap: the leftmost comes first; of those that begin at the same place the
longest; of those of one length patterns of one's own, then the kind that ``KINDS`` names first. What stands inside a
match, like the ``%s`` of an address, is part of it.

Names and numbers are in ASCII, and a Korean particle may follow them at once: ``%1을``, ``{name}님``. Patterns begin at
a sign or at the edge of a word, and their repetitions are bounded or possessive, so the time grows with the length of
the line, whatever stands in it. Knows characters; no language.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from nmt.errors import DataError, SettingsError, missing_extra, nearest, shown
from nmt.text.words import UNSPACED

if TYPE_CHECKING:
    import regex

KINDS = ("code", "address", "path", "tag", "entity", "field", "variable", "printf", "date", "emoji", "number")
"""The kinds that there are, and the default: all of them."""

SECONDS = 1.0  # that patterns of one's own may take for a line
LONGEST_PATTERN = 1000  # characters
_RECURSION = re.compile(r"\(\?(?:R|&|P>|[+-]?\d)")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class Match(NamedTuple):
    """A part of a line that stays as it is: from ``start`` to before ``end``, in characters."""

    start: int
    end: int
    kind: str


class Form(NamedTuple):
    """A pattern of a kind. A line that has none of ``needs`` is not searched."""

    kind: str
    needs: Sequence[str]
    pattern: "re.Pattern[str] | regex.Pattern[str]"
    is_own: bool = False


def find(text: str, kinds: Iterable[str] = KINDS) -> list[Match]:
    """What of a line stays as it is, in order, by the rule at the head of this module.

    Raises SettingsError for a kind that does not exist.
    """
    return _grammar(tuple(kinds)).find(text)


@cache
def _grammar(kinds: tuple[str, ...]) -> "Grammar":
    return Grammar(kinds)


class Grammar:
    """The kinds to look for, and patterns of one's own: regular expressions by the name of their kind.

    Raises SettingsError for a kind that does not exist, and for a pattern that is none, matches the empty text, or has
    the name of a kind. Patterns of one's own are read by the package regex, the extra ``patterns``, which can time out.
    """

    def __init__(self, kinds: Iterable[str] = KINDS, own: Mapping[str, str] | None = None) -> None:
        wanted = list(kinds)
        for name in wanted:
            if name not in KINDS:
                raise SettingsError(f"there is no kind {shown(name)}", nearest(name, KINDS))
        own = own or {}
        self.kinds = (*own, *(kind for kind in KINDS if kind in wanted))
        self.forms = [Form(name, ("",), _own(name, text), True) for name, text in own.items()]
        self.forms += [form for kind in self.kinds for form in _FORMS if form.kind == kind]
        needs = {need for form in self.forms for need in form.needs}
        self._needs = re.compile("|".join(map(re.escape, needs)) if needs else "(?!)")

    def find(self, text: str) -> list[Match]:
        """What of a line stays as it is, in order. Raises DataError when patterns of one's own take over a second."""
        return list(self._matches(text)) if self._needs.search(text) else []

    def _matches(self, text: str) -> Iterator[Match]:
        # Each form's next match is kept until another match covers its beginning: no part of a line is searched twice.
        deadline = monotonic() + SECONDS
        ahead: dict[int, tuple[int, int, int]] = {}  # place of a form in the list → the order of its next match
        late = [place for place, form in enumerate(self.forms) if any(need in text for need in form.needs)]
        end = 0
        while True:
            for place in late:
                if span := _next(self.forms[place], text, end, deadline):
                    ahead[place] = (span[0], -span[1], place)
                else:
                    ahead.pop(place, None)
            if not ahead:
                return
            start, before, first = min(ahead.values())
            end = -before
            yield Match(start, end, self.forms[first].kind)
            late = [place for place, span in ahead.items() if span[0] < end]


def alike(item: str, kind: str) -> str:
    """The form in which an item of one side is looked for on the other.

    Tags go without attributes and case, ``%1$s`` without its order and ``{0:d}`` without its format.
    """
    if kind == "tag":
        return _ATTRIBUTES.sub("", item).casefold()
    return _ORDER.sub("", item) if kind in ("printf", "field") else item


_ATTRIBUTES = re.compile(r"(?<=[\w:.-])(?:\s[^<>]*?)?(?=/?>)")
_ORDER = re.compile(r"(?<=^%)\d+\$|(?<=[\w\]]):[^{}]*(?=\}$)")


def _next(form: Form, text: str, start: int, deadline: float) -> tuple[int, int] | None:
    """Start and end of the next match from ``start`` on that is not empty."""
    while start <= len(text):
        found = _timed(form, text, start, deadline) if form.is_own else form.pattern.search(text, start)
        if not found:
            return None
        if found.end() > found.start():
            return found.span()
        start = found.end() + 1
    return None


def _timed(form: Form, text: str, start: int, deadline: float) -> "re.Match[str] | regex.Match[str] | None":
    try:
        return form.pattern.search(text, start, timeout=max(deadline - monotonic(), 1e-6))  # type: ignore[call-overload]
    except TimeoutError:
        raise DataError(
            f"the pattern of {form.kind} takes over {SECONDS:g} s for a line of {len(text):,} characters",
            "write it without a repetition inside a repetition",
        ) from None


def _own(name: str, text: str) -> "regex.Pattern[str]":
    """The pattern of a kind of one's own, or a SettingsError that says what is wrong with it."""
    try:
        import regex
    except ImportError:
        raise SettingsError("patterns of one's own need the package regex", missing_extra("patterns")) from None
    if name in KINDS or not _NAME.fullmatch(name):
        raise SettingsError(
            f"a kind of one's own cannot be called {shown(name)}", "choose a new name of a-z, 0-9 and -"
        )
    where = f"the pattern of {name}, {shown(text)},"
    if len(text) > LONGEST_PATTERN:
        raise SettingsError(f"{where} has {len(text):,} characters", f"write at most {LONGEST_PATTERN:,}")
    if _RECURSION.search(text):  # it fills the memory before the time is over
        raise SettingsError(f"{where} recurs", "write it without recursion")
    try:
        pattern = regex.compile(text)
        is_empty = pattern.fullmatch("") is not None
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise SettingsError(f"{where} is no regular expression: {error}", "mend it") from None
    if is_empty:
        raise SettingsError(f"{where} matches the empty text", "write what it must have")
    return pattern


def _forms(kind: str, needs: str, *patterns: str) -> list[Form]:
    return [Form(kind, needs.split(" "), re.compile(pattern, re.ASCII)) for pattern in patterns]


# Edges of words: Hangul may follow a name, as a particle, and scripts without spaces may stand on both sides.
_PART = f"(?u:[^\\W\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3{UNSPACED}])"
_BEGINS, _ENDS = f"(?<!{_PART})", f"(?!{_PART})"
# A pair of brackets belongs to an address, a single one does not, nor a quote or a final mark.
_URL = (
    rf"(?:{_PART}|[.~:/?#@!$*+,;=%-]|&(?!(?:quot|lt|gt|apos|nbsp|#\d{{1,4}});)"
    r"|\([\w.~:/?#@!$*+,;=%-]{0,100}+\)|\{{1,2}[\w.:/-]{1,60}+\}{1,2}){0,2000}"
    rf"(?:(?<={_PART})|(?<=[/)}}\]=#*+~-])){_ENDS}"
)
# Not before decimals, nor before the rest of a number in words: 12345.67 and 12345만 are translated.
_BEGINS_NUMBER = rf"{_BEGINS}(?<![0-9][.,])"
_ENDS_NUMBER = rf"{_ENDS}(?![.,][0-9]|[천백만억조千百万億兆萬])"
_LETTERS = "[A-Za-z]{0,12}[-_]?[A-Za-z]{0,12}"  # of a serial, before a digit
_SUFFIX = r"(?:[-+~]?[A-Za-z0-9][\w+~-]{0,20}(?<=[A-Za-z0-9]))?"  # 1.2.3-rc1
_PICTURE = (  # emoji that are shown as such on their own, and all beyond the first plane
    "\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab\u26bd\u26be"
    "\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757"
    "\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\U0001f004\U0001f0cf\U0001f170\U0001f171\U0001f17e\U0001f17f"
    "\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f202\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250\U0001f251"
    "\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7f0\U0001f90c-\U0001f9ff\U0001fa70-\U0001faff"
)
_SIGN = (  # others are emoji when the sign U+FE0F or a skin tone follows: ☎ is text, ☎️ is none
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299"
)
_TONE = "[\U0001f3fb-\U0001f3ff]"

_FORMS = [
    # `x` and ``x``, but not the quotes of `x' and `y'.
    *_forms("code", "`", r"(?<![\w`])`(?=[^\s`])[^`\n]{1,200}+(?<=\S)`(?![\w`])"),
    *_forms("code", "``", r"(?<![\w`])``(?=[^\s`])(?:[^`\n]|`(?!`)){1,200}+(?<=\S)``(?![\w`])"),
    *_forms(
        "address",
        ":// www. @",
        rf"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{{1,15}}+://(?:\[[0-9A-Fa-f:.]{{2,45}}+\])?{_URL}",
        rf"{_BEGINS}(?<![.@/-])www\.(?=[\w-]{{1,63}}\.[A-Za-z]){_URL}",
        rf"{_BEGINS}(?<![.+-])(?:mailto:)?[\w+-][\w.+-]{{0,63}}+@(?:[A-Za-z0-9-]{{1,63}}+\.){{1,8}}[A-Za-z]{{2,24}}+{_ENDS}(?!-)",
    ),
    *_forms(
        "path",
        "/ \\",
        r"(?<!(?u:\w))(?<![/<.)\]}%$*~-])(?:~(?:[a-z][\w-]{0,30})?|\.{1,2})?/(?=[.{$%*]{0,2}[A-Za-z_])"
        rf"(?:{_PART}|[.~+@%*{{}}$/-]){{1,400}}(?:(?<={_PART})|(?<=[/*}}~+])){_ENDS}",
        rf"{_BEGINS}(?<![./@:%~-])(?:[\w.-]{{1,60}}+/){{1,12}}[\w.+-]{{0,50}}\w\.[a-z][a-z0-9]{{0,5}}+{_ENDS}",
        rf"(?<![A-Za-z0-9])[A-Za-z]:[\\/](?![\\/])(?:{_PART}|[.~+@%{{}}$\\/-]){{0,400}}(?:(?<={_PART})|(?<=[\\/}}%])){_ENDS}",
        rf"(?<![\w\\])\\\\[\w.-]{{1,60}}+\\(?:{_PART}|[.$\\-]){{1,300}}(?<={_PART}){_ENDS}",
    ),
    # <b>, </b>, <br/>, and with attributes, which have an =: <file name> is text.
    *_forms(
        "tag",
        "<",
        r"</?[A-Za-z][\w:.-]{0,60}+(?:\s(?=[^<>=]{0,80}=)[^<>]{0,600}+|\s{0,3}/?)>",
        r"<!--[^<>]{0,300}+(?<=--)>",
    ),
    *_forms("entity", "&", r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30}+);"),
    # A field is a name or number between signs: {0}, {user.name!r:>10}, {0,10:N2}, {n, number}, {{name}}, ${NAME}.
    *_forms(
        "field",
        "{",
        r"\{(?:\d{1,3}|[A-Za-z_]\w{0,60}+(?:\.\w{1,30}+){0,5}(?:\[\w{1,30}\])?)?(?:![rsa])?(?::[^{}\s]{0,40}+"
        r"|,\s?-?\d{1,4}(?::[^{}\s]{0,40}+)?|,\s?(?:number|date|time)(?:,\s?[\w#.,:%-]{1,30}+)?)?\}",
        r"\{\{\{?[^{}\n]{1,100}+\}\}\}?",
        r"\{%[^{}%\n]{1,100}+%\}",
        r"\{\d{1,3}:[^{}\n]{1,40}+\}",
        r"[$%#@]\{[\w.:/!?*+=^\[\]-]{1,80}+\}",
    ),
    # 100%cotton has no placeholder, nor has 50%or60%.
    *_forms("field", "%", r"(?<![0-9])%(?=[A-Za-z_])(?:[A-Z0-9_]{2,40}+|\w{4,40}+)%(?!\w|[%({$*]|\.[0-9])"),
    *_forms("field", "@", r"@@?[A-Z][A-Z0-9_]{1,40}+@"),
    # A variable has a sign before it alone: $NAME, $1, %NAME; %1 and %L1 of Qt, which may be neighbours, and its %n.
    *_forms(
        "variable",
        "$",
        rf"{_BEGINS}(?<!\$)\$[A-Za-z_]\w{{0,60}}+{_ENDS}",
        r"\$\([A-Za-z_^]\w{0,60}+\)|\$\[[A-Za-z_]\w{0,60}+\]",
        rf"{_BEGINS}(?<!\$)\$[1-9]{_ENDS}(?![.,][0-9])",
    ),
    *_forms(
        "variable",
        "%",
        r"(?:(?<![0-9])|(?<=%[0-9])|(?<=%L[0-9])|(?<=%[0-9][0-9]))%L?[1-9][0-9]?(?![0-9]|\$[\w'#@.*+-])",
        rf"(?<![0-9])%[A-Z][A-Z0-9_]{{2,40}}+{_ENDS}",
        rf"(?<![0-9])%L?n{_ENDS}",
    ),
    # %1d is Qt's %1 with a unit.
    *_forms(
        "printf",
        "%",
        r"%%",
        r"(?<![0-9])%(?:\d{1,2}\$)?[-+#0']{0,4}(?!1[A-Za-z])(?:\*|\d{1,4})?(?:\.(?:\*|\d{1,4})?)?"
        r"(?:hh|h|ll|l|L|q|j|z|t|I64|I32)?[diouxXeEfFgGcs@]",
        r"(?<![0-9])%\([\w. -]{1,60}+\)[-+#0]{0,3}\d{0,3}(?:\.\d{1,3})?[diouxXeEfFgGcrsa]",
        r"(?<![0-9])%<(?:PRI\w{1,12}+>|[A-Za-z_]\w{0,40}+>[diouxXeEfFgGcs])",
    ),
    # Letters of dates and of programs' own formats that printf has not: %Y, %-H, %B.
    *_forms("date", "%", rf"(?<![0-9])%[EO_^#-]?[abhjklmprtvwyzABCDHIJKLMNOPQRSTUVWYZ]{_ENDS}"),
    *_forms(
        "emoji",
        "",
        rf"(?:[{_PICTURE}](?!\ufe0e)\ufe0f?|[{_SIGN}](?:\ufe0f|(?={_TONE}))){_TONE}?[\U000e0020-\U000e007f]{{0,8}}"
        rf"(?:\u200d[{_PICTURE}{_SIGN}]\ufe0f?{_TONE}?){{0,8}}|[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3",
    ),
    # Versions, but no dates (31.12.2024) and no thousands (1.234.567); telephones; digits; serials; MAC.
    *_forms(
        "number",
        "0 1 2 3 4 5 6 7 8 9",
        rf"{_BEGINS_NUMBER}(?!\d{{1,2}}\.\d{{1,2}}\.(?:19|20)\d\d{_ENDS_NUMBER})(?!\d{{1,3}}(?:\.\d{{3}}){{1,6}}+{_ENDS_NUMBER})"
        rf"[vV]?\d{{1,5}}+(?:\.\d{{1,6}}+){{2,5}}{_SUFFIX}{_ENDS_NUMBER}",
        rf"{_BEGINS_NUMBER}[vV]\d{{1,4}}+(?:\.\d{{1,6}}+){{1,5}}{_SUFFIX}{_ENDS_NUMBER}",
        rf"(?<![\w+])\+(?=(?:[ .-]?\d){{7}})\d{{1,4}}+(?:[ .-]\d{{1,10}}+){{1,7}}+{_ENDS_NUMBER}",
        rf"(?<![\w+])\+\d{{1,4}}+[ .-]?\(\d{{1,5}}\)(?:[ .-]?\d{{2,10}}+){{1,5}}+{_ENDS_NUMBER}",
        rf"(?<!\w)\(\d{{2,5}}\)[ -]?\d{{2,5}}+-\d{{3,5}}+{_ENDS_NUMBER}",
        rf"{_BEGINS_NUMBER}(?<!-)(?=(?:-?\d){{7}})\d{{1,8}}+(?:-\d{{1,8}}+){{1,6}}+{_ENDS_NUMBER}",
        rf"{_BEGINS_NUMBER}(?:\d{{5,40}}+|0[xX][0-9A-Fa-f]{{1,40}}+){_ENDS_NUMBER}",
        rf"{_BEGINS}(?<!-)(?:(?=[A-Z](?:{_LETTERS}\d){{4}})|(?=(?:{_LETTERS}\d){{5}}))(?=[\d_-]{{0,60}}+[A-Za-z])"
        rf"[A-Za-z0-9]{{1,40}}+(?:[-_][A-Za-z0-9]{{1,40}}+){{0,8}}+(?![-_]{{0,3}}{_PART}|[.,][0-9])",
        rf"{_BEGINS_NUMBER}(?:[0-9A-Fa-f]{{2}}:){{5}}[0-9A-Fa-f]{{2}}{_ENDS}",
    ),
]
