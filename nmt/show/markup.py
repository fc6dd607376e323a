"""Small parts of HTML pages: texts from outside made safe, tables, bars. Knows no facts."""

from collections.abc import Collection, Sequence
from html import escape

from nmt.text.lines import printable


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
