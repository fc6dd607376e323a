"""What a translation hands over unchanged: addresses, placeholders, tags, emoji, long numbers, code. One grammar.

``find`` marks it in a line. Matches do not overlap: the leftmost comes first; of those that begin at the same place the
longest; of those of one length patterns of one's own, then the kind that ``KINDS`` names first. What stands inside a
match, like the ``%s`` of an address, is part of it.

Names and numbers are in ASCII, and a Korean particle may follow them at once: ``%1을``, ``{name}님``. Patterns begin at
a sign or at the edge of a word, and their repetitions are bounded or possessive, so the time grows with the length of
the line, whatever stands in it. They stand in verbatim_forms.py. Knows characters; no language.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from nmt.errors import SettingsError, UsageError, missing_extra, nearest, shown
from nmt.text.progress import Progress
from nmt.text.verbatim_forms import FORMS, KINDS, Form, any_need

if TYPE_CHECKING:
    import regex

VERSION = 3  # of the grammar: a journal of another version is not resumed
ALL = "all"  # stands for every kind
SECONDS = 1.0  # that a pattern of one's own may take for a text
LONGEST_PATTERN = 1000  # characters
_RECURSION = re.compile(r"\(\?(?:R|&|P>|[+-]?\d)")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class Match(NamedTuple):
    """A part of a line that stays as it is: from ``start`` to before ``end``, in characters."""

    start: int
    end: int
    kind: str


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
        self.own = own
        self.kinds = (*own, *(kind for kind in KINDS if kind in wanted))
        self.forms = [Form(name, re.compile(""), _own(name, text), True) for name, text in own.items()]
        self.forms += [form for kind in self.kinds for form in FORMS if form.kind == kind]
        self._needs = any_need(self.forms)

    def find(self, text: str, late: set[str] | None = None) -> list[Match]:
        """What of a line stays as it is, in order.

        A kind of one's own whose pattern takes over a second has no match, and is added to ``late``.
        """
        forms = self.forms if self._needs.search(text) else []
        while forms:
            try:
                return list(_matches(forms, text))
            except TimeoutError as error:
                (kind,) = error.args
                forms = [form for form in forms if form.kind != kind]
                if late is not None:
                    late.add(kind)
        return []


@dataclass
class LateLines:
    """The lines in which patterns of one's own took too long, by name, and the kinds of these patterns."""

    lines: dict[str, None] = field(default_factory=dict)
    kinds: dict[str, None] = field(default_factory=dict)

    def add(self, line: str, kinds: Iterable[str]) -> None:
        """Count a line, once, if there are any kinds."""
        for kind in sorted(kinds):
            self.lines[line] = self.kinds[kind] = None

    def add_all(self, later: "LateLines") -> None:
        """Count lines that come after these."""
        self.lines |= later.lines
        self.kinds |= later.kinds

    def warning(self) -> str:
        """The words of a warning; "" without such lines."""
        if not self.lines:
            return ""
        count = f"{len(self.lines):,} lines are" if len(self.lines) > 1 else "1 line is"
        return (
            f"{count} read without `kind` {', '.join(self.kinds)}, first {next(iter(self.lines))}: the pattern takes "
            f"over {SECONDS:g} s there; write it without a repetition inside a repetition"
        )

    def warn(self, progress: Progress) -> None:
        """Warn of them, if there are any."""
        if said := self.warning():
            progress.warn(said)


def _matches(forms: Sequence[Form], text: str) -> Iterator[Match]:
    """The matches of forms in a text, in order. Raises TimeoutError with the kind that takes too long."""
    # Each form's next match is kept until another match covers its beginning: no part of a line is searched twice.
    spent: dict[str, float] = {}  # seconds, by kind of one's own
    ahead: dict[int, tuple[int, int, int]] = {}  # place of a form in the list → the order of its next match
    late = [place for place, form in enumerate(forms) if form.needs.search(text)]
    end = 0
    while True:
        for place in late:
            if span := _next(forms[place], text, end, spent):
                ahead[place] = (span[0], -span[1], place)
            else:
                ahead.pop(place, None)
        if not ahead:
            return
        start, before, first = min(ahead.values())
        end = -before
        yield Match(start, end, forms[first].kind)
        late = [place for place, span in ahead.items() if span[0] < end]


def read_grammar(texts: Iterable[str]) -> Grammar:
    """The grammar that ``texts`` ask for: ``ticket=TKT-[0-9]+`` adds a kind, ``number=off`` leaves one out.

    ``all=off`` leaves out all that there are. Raises UsageError for another form and unknown names, and what
    ``Grammar`` raises.
    """
    chosen: dict[str, str] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not value:
            raise UsageError(
                f"`kind` {shown(text)} is not NAME=REGEX", "write it like ticket='TKT-[0-9]+' or number=off"
            )
        if name in chosen:
            raise UsageError(f"`kind` {name} is given twice", "give each kind once")
        if value == "off" and name not in (*KINDS, ALL):
            raise UsageError(f"there is no kind {shown(name)}", nearest(name, KINDS))
        chosen[name] = value
    own = {name: value for name, value in chosen.items() if value != "off"}
    return Grammar((kind for kind in KINDS if "off" not in (chosen.get(kind), chosen.get(ALL))), own)


def is_code(text: str) -> bool:
    """Whether a text as a whole is a line of a program: half of it are signs, and no long word stands by itself.

    It is in ASCII, with enough of the signs that programs have. Whatever else looks like code is not told from text.
    """
    if not text.isascii() or len(_CODE.findall(text)) < CODE_SIGNS or _FREE_WORD.search(text):
        return False
    letters = sum(map(str.isalpha, text))
    return 2 * letters < len(text) - text.count(" ")


CODE_SIGNS = 5
_FREE_WORD = re.compile(r"(?<!\S)[^\W\d_]{4,}(?!\S)")
_CODE = re.compile(r"[{}()\[\];=<>|&+*/\\_$#^~]")


def alike(item: str, kind: str) -> str:
    """The form in which an item of one side is looked for on the other.

    Tags go without attributes and case, ``%1$s`` without its order and ``{0:d}`` without its format.
    """
    if kind == "tag":
        return _ATTRIBUTES.sub("", item).casefold()
    return _ORDER.sub("", item) if kind in ("printf", "field") else item


_ATTRIBUTES = re.compile(r"(?<=[\w:.-])(?:\s[^<>]*?)?(?=/?>)")
_ORDER = re.compile(r"(?<=^%)\d+\$|(?<=[\w\]]):[^{}]*(?=\}$)")


def _next(form: Form, text: str, start: int, spent: dict[str, float]) -> tuple[int, int] | None:
    """Start and end of the next match from ``start`` on that is not empty."""
    while start <= len(text):
        found = _timed(form, text, start, spent) if form.is_own else form.pattern.search(text, start)
        if not found:
            return None
        if found.end() > found.start():
            return found.span()
        start = found.end() + 1
    return None


def _timed(form: Form, text: str, start: int, spent: dict[str, float]) -> "re.Match[str] | regex.Match[str] | None":
    began, before = monotonic(), spent.get(form.kind, 0.0)
    try:
        return form.pattern.search(text, start, timeout=max(SECONDS - before, 1e-6))  # type: ignore[call-overload]
    except TimeoutError:
        raise TimeoutError(form.kind) from None
    finally:
        spent[form.kind] = before + monotonic() - began


def _own(name: str, text: str) -> "regex.Pattern[str]":
    """The pattern of a kind of one's own, or a SettingsError that says what is wrong with it."""
    try:
        import regex
    except ImportError:
        raise SettingsError("patterns of one's own need the package regex", missing_extra("patterns")) from None
    if name in (*KINDS, ALL) or not _NAME.fullmatch(name):
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
