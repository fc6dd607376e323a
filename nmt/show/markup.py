"""Parts of HTML pages: the frame, texts from outside made safe, tables, bars. Knows no facts."""

from base64 import b64encode
from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path
from string import Template

from nmt.text.lines import printable
from nmt.version import __version__

ROOM = Path(__file__).parent


def page(frame: str, title: str, **parts: str) -> str:
    """The page of a frame, a file of this room; ``title`` is any text, each part of ``parts`` is HTML."""
    return Template((ROOM / frame).read_text(encoding="utf-8")).substitute(
        parts,
        title=text(title),
        style=(ROOM / "report.css").read_text(encoding="utf-8"),
        font=hangul_font("".join(parts.values()) + title),
        version=__version__,
    )


def hangul_font(body: str) -> str:
    """The style of a font that has Hangul, where the page has any: not every machine has such a font."""
    if not any(
        "\u1100" <= letter <= "\u11ff" or "\u3130" <= letter <= "\u318f" or "가" <= letter <= "힣" for letter in body
    ):
        return ""
    ranges = "U+1100-11FF, U+3130-318F, U+AC00-D7A3"
    data = b64encode((ROOM / "fonts/NanumSquareR.ttf").read_bytes()).decode()
    return f"@font-face {{ font-family: NanumSquare; unicode-range: {ranges}; src: url(data:font/ttf;base64,{data}); }}"


def text(value: str) -> str:
    """A text from outside as HTML, with control characters in letters."""
    return escape(printable(value))


def percent(part: int, whole: int) -> str:
    """A share for a person; what is not nothing is not 0%."""
    share = 100 * part / whole if whole else 0.0
    return "< 0.01%" if 0 < share < 0.01 else f"{share:.2f}%" if share < 1 and share else f"{share:.1f}%"


def bars(*parts: tuple[float, float, str]) -> str:
    """Bars behind each other, each as (part, whole, kind) and as long as that share; they only repeat numbers."""
    drawn = "".join(
        f'<i class="bar {kind}" style="width:{min(100 * part / whole, 100.0) if whole else 0.0:.2f}%"></i>'
        for part, whole, kind in parts
    )
    return f'<div class="bars" aria-hidden="true">{drawn}</div>'


def table(name: str, heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int]) -> str:
    """A table of HTML cells, which scrolls by itself when it is too wide; columns in ``numbers`` stand right."""

    def cells(row: Sequence[str], tag: str) -> str:
        parts = []
        for place, cell in enumerate(row):
            kind = ' class="number"' if place in numbers else ""
            own = 'th scope="row"' if tag == "td" and place == 0 else tag if tag == "td" else 'th scope="col"'
            parts.append(f"<{own}{kind}>{cell}</{own[:2]}>")
        return f"<tr>{''.join(parts)}</tr>"

    body = "\n".join(cells(row, "td") for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{name}"><table class="{name}">'
        f"<thead>{cells(heads, 'th')}</thead><tbody>{body}</tbody></table></div>"
    )
