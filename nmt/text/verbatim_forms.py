"""The patterns of what a translation hands over unchanged, kind by kind; ``nmt.text.verbatim`` looks for them.

Knows characters; no language.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from nmt.text.words import UNSPACED

if TYPE_CHECKING:
    import regex

KINDS = (
    "formula",
    "code",
    "address",
    "path",
    "tag",
    "entity",
    "field",
    "variable",
    "printf",
    "date",
    "emoji",
    "number",
)
"""The kinds that there are, and the default: all of them."""


class Form(NamedTuple):
    """A pattern of a kind. A line without a match of ``needs``, which is found quickly, is not searched."""

    kind: str
    needs: "re.Pattern[str]"
    pattern: "re.Pattern[str] | regex.Pattern[str]"
    is_own: bool = False


def _forms(kind: str, needs: str, *patterns: str) -> list[Form]:
    return [Form(kind, re.compile(needs), re.compile(pattern, re.ASCII)) for pattern in patterns]


def any_need(forms: Iterable[Form]) -> "re.Pattern[str]":
    """A pattern that finds what any of the forms needs. All their characters make one class: that is quick."""
    needs = {form.needs.pattern for form in forms} or {"(?!)"}
    letters = "".join(sorted(need[1:-1] for need in needs if need.startswith("[")))
    others = sorted(need for need in needs if not need.startswith("["))
    return re.compile("|".join([f"[{letters}]", *others] if letters else others))


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
_LETTERS = "[A-Za-z]{0,24}+(?:[-_][A-Za-z]{0,12}+)?+"  # of a serial, before a digit
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

_INNER = r"\([^()<>\n]{0,100}+\)"
_MIDDLE = rf"\((?:[^()<>\n]|{_INNER}){{0,100}}+\)"

FORMS = [
    # =SUM(A1:A3) with up to three pairs of brackets inside each other.
    *_forms("formula", "[=]", rf"(?<![\w=])=[A-Z][A-Z0-9._]{{0,40}}+\((?:[^()<>\n]|{_MIDDLE}){{0,300}}+\)"),
    # `x` and ``x``, but not the quotes of `x' and `y'.
    *_forms("code", "[`]", r"(?<![\w`])`(?=[^\s`])[^`\n]{1,200}+(?<=\S)`(?![\w`])"),
    *_forms("code", "[`]", r"(?<![\w`])``(?=[^\s`])(?:[^`\n]|`(?!`)){1,200}+(?<=\S)``(?![\w`])"),
    # name() and A1:$B$50.
    *_forms("code", r"\(\)", rf"{_BEGINS}(?<![.:$@/&-])[A-Za-z_](?:\w|(?:[.:]|::|->)(?=\w)){{0,60}}+\(\)"),
    *_forms(
        "code",
        "[:]",
        rf"{_BEGINS}(?<![$.:])\$?[A-Z]{{1,3}}\$?[1-9][0-9]{{0,6}}+:\$?[A-Z]{{1,3}}\$?[1-9][0-9]{{0,6}}+{_ENDS}(?![:.]\w)",
    ),
    *_forms(
        "address",
        "[:]",
        rf"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{{1,15}}+://(?:\[[0-9A-Fa-f:.]{{2,45}}+\])?{_URL}",
    ),
    *_forms("address", r"www\.", rf"{_BEGINS}(?<![.@/-])www\.(?=[\w-]{{1,63}}\.[A-Za-z]){_URL}"),
    # example.com, docs.python.org/3: endings that no word after a full stop is likely to be.
    *_forms(
        "address",
        r"\.(?:com|org|net|edu|gov|info|io|dev)",
        rf"{_BEGINS}(?<![.@/\\-])(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}+\.){{1,6}}(?:com|org|net|edu|gov|info|io|dev)"
        rf"(?:[:/]{_URL}|/)?{_ENDS}(?![.-][\w-])",
    ),
    *_forms(
        "address",
        "[@]",
        rf"{_BEGINS}(?<![.+-])(?:mailto:)?[\w+-][\w.+-]{{0,63}}+@(?:[A-Za-z0-9-]{{1,63}}+\.){{1,8}}[A-Za-z]{{2,24}}+{_ENDS}(?!-)",
    ),
    *_forms(
        "path",
        r"[/\\]",
        r"(?<!(?u:\w))(?<![/<.)\]}%$*~-])(?:~(?:[a-z][\w-]{0,30})?|\.{1,2})?/(?=[.{$%*]{0,2}[A-Za-z_])"
        rf"(?:{_PART}|[.~+@%*{{}}$/-]){{1,400}}(?:(?<={_PART})|(?<=[/*}}~+])){_ENDS}",
        rf"{_BEGINS}(?<![./@:%~-])(?:[\w.-]{{1,60}}+/){{1,12}}[\w.+-]{{0,50}}\w\.[a-z][a-z0-9]{{0,5}}+{_ENDS}",
        rf"(?<![A-Za-z0-9])[A-Za-z]:[\\/](?![\\/])(?:{_PART}|[.~+@%{{}}$\\/-]){{0,400}}(?:(?<={_PART})|(?<=[\\/}}%])){_ENDS}",
        rf"(?<![\w\\])\\\\[\w.-]{{1,60}}+\\(?:{_PART}|[.$\\-]){{1,300}}(?<={_PART}){_ENDS}",
    ),
    # <b>, </b>, <br/>, and with attributes, which have an =: <file name> is text.
    *_forms(
        "tag",
        "[<]",
        r"</?[A-Za-z][\w:.-]{0,60}+(?:\s(?=[^<>=]{0,80}=)[^<>]{0,600}+|\s{0,3}/?)>",
        r"<!--[^<>]{0,300}+(?<=--)>",
    ),
    *_forms("entity", "[&]", r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30}+);"),
    # A field is a name or number between signs: {0}, {user.name!r:>10}, {0,10:N2}, {n, number}, {{name}}, ${NAME}.
    *_forms(
        "field",
        "[{]",
        r"\{(?:\d{1,3}|[A-Za-z_]\w{0,60}+(?:\.\w{1,30}+){0,5}(?:\[\w{1,30}\])?)?(?:![rsa])?(?::[^{}\s]{0,40}+"
        r"|,\s?-?\d{1,4}(?::[^{}\s]{0,40}+)?|,\s?(?:number|date|time)(?:,\s?[\w#.,:%-]{1,30}+)?)?\}",
        r"\{\{\{?[^{}\n]{1,100}+\}\}\}?",
        r"\{%[^{}%\n]{1,100}+%\}",
        r"\{\d{1,3}:[^{}\n]{1,40}+\}",
        r"[$%#@]\{[\w.:/!?*+=^\[\]-]{1,80}+\}",
    ),
    # 100%cotton has no placeholder, nor has 50%or60%.
    *_forms("field", "[%]", r"(?<![0-9])%(?=[A-Za-z_])(?:[A-Z0-9_]{2,40}+|\w{4,40}+)%(?!\w|[%({$*]|\.[0-9])"),
    *_forms("field", "[@]", r"@@?[A-Z][A-Z0-9_]{1,40}+@"),
    # A variable has a sign before it alone: $NAME, $1, %NAME; %1 and %L1 of Qt, which may be neighbours, and its %n.
    *_forms(
        "variable",
        "[$]",
        rf"{_BEGINS}(?<!\$)\$[A-Za-z_]\w{{0,60}}+{_ENDS}",
        r"\$\([A-Za-z_^]\w{0,60}+\)|\$\[[A-Za-z_]\w{0,60}+\]",
        rf"{_BEGINS}(?<!\$)\$[1-9]{_ENDS}(?![.,][0-9])",
    ),
    *_forms(
        "variable",
        "[%]",
        r"(?:(?<![0-9])|(?<=%[0-9])|(?<=%L[0-9])|(?<=%[0-9][0-9]))%L?[1-9][0-9]?(?![0-9]|\$[\w'#@.*+-])",
        rf"(?<![0-9])%[A-Z][A-Z0-9_]{{2,40}}+{_ENDS}",
        rf"(?<![0-9])%L?n{_ENDS}",
    ),
    # %1d is Qt's %1 with a unit.
    *_forms(
        "printf",
        "[%]",
        r"%%",
        r"(?<![0-9])%(?:\d{1,2}\$)?[-+#0']{0,4}(?!1[A-Za-z])(?:\*|\d{1,4})?(?:\.(?:\*|\d{1,4})?)?"
        r"(?:hh|h|ll|l|L|q|j|z|t|I64|I32)?[diouxXeEfFgGcs@]",
        r"(?<![0-9])%\([\w. -]{1,60}+\)[-+#0]{0,3}\d{0,3}(?:\.\d{1,3})?[diouxXeEfFgGcrsa]",
        r"(?<![0-9])%<(?:PRI\w{1,12}+>|[A-Za-z_]\w{0,40}+>[diouxXeEfFgGcs])",
    ),
    # Letters of dates and of programs' own formats that printf has not: %Y, %-H, %B.
    *_forms("date", "[%]", rf"(?<![0-9])%[EO_^#-]?[abhjklmprtvwyzABCDHIJKLMNOPQRSTUVWYZ]{_ENDS}"),
    *_forms(
        "emoji",
        f"[{_PICTURE}{_SIGN}\U0001f1e6-\U0001f1ff\u20e3]",
        rf"(?:[{_PICTURE}](?!\ufe0e)\ufe0f?|[{_SIGN}](?:\ufe0f|(?={_TONE}))){_TONE}?[\U000e0020-\U000e007f]{{0,8}}"
        rf"(?:\u200d[{_PICTURE}{_SIGN}]\ufe0f?{_TONE}?){{0,8}}|[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3",
    ),
    # Versions, but no dates (31.12.2024) and no thousands (1.234.567); telephones; digits; serials; MAC.
    *_forms(
        "number",
        "[0-9]",
        rf"{_BEGINS_NUMBER}(?!\d{{1,2}}\.\d{{1,2}}\.(?:19|20)\d\d{_ENDS_NUMBER})(?!\d{{1,3}}(?:\.\d{{3}}){{1,6}}+{_ENDS_NUMBER})"
        rf"[vV]?\d{{1,5}}+(?:\.\d{{1,6}}+){{2,5}}{_SUFFIX}{_ENDS_NUMBER}",
        rf"{_BEGINS_NUMBER}[vV]\d{{1,4}}+(?:\.\d{{1,6}}+){{1,5}}{_SUFFIX}{_ENDS_NUMBER}",
        rf"(?<![\w+])\+(?=(?:[ .-]?\d){{7}})\d{{1,4}}+(?:[ .-]\d{{1,10}}+){{1,7}}+{_ENDS_NUMBER}",
        rf"(?<![\w+])\+\d{{1,4}}+[ .-]?\(\d{{1,5}}\)(?:[ .-]?\d{{2,10}}+){{1,5}}+{_ENDS_NUMBER}",
        rf"(?<!\w)\(\d{{2,5}}\)[ -]?\d{{2,5}}+-\d{{3,5}}+{_ENDS_NUMBER}",
        rf"{_BEGINS_NUMBER}(?<!-)(?=(?:-?\d){{7}})\d{{1,8}}+(?:-\d{{1,8}}+){{1,6}}+{_ENDS_NUMBER}",
        rf"{_BEGINS_NUMBER}(?:\d{{5,200}}+|0[xX][0-9A-Fa-f]{{1,200}}+){_ENDS_NUMBER}",
        rf"{_BEGINS}(?<!-)(?:(?=[A-Z](?:{_LETTERS}\d){{4}})|(?=(?:{_LETTERS}\d){{5}}))(?=[\d_-]{{0,60}}+[A-Za-z])"
        rf"[A-Za-z0-9]{{1,200}}+(?:[-_][A-Za-z0-9]{{1,200}}+){{0,8}}+(?![-_]{{0,3}}{_PART}|[.,][0-9])",
        rf"{_BEGINS_NUMBER}(?:[0-9A-Fa-f]{{2}}:){{5}}[0-9A-Fa-f]{{2}}{_ENDS}",
    ),
]
