"""Charts, and their files. Only nmt.show knows the plotting library, an extra; nothing here knows a model.

All marks have one colour, and opacity shows the weight, so that pictures are readable on light and dark pages.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.disk.files import create_binary
from nmt.errors import SettingsError, missing_extra
from nmt.show.attention import AttentionMap
from nmt.text.lines import printable

if TYPE_CHECKING:
    import altair as alt
    import numpy as np

FONT, FONT_FILE = "Liberation Sans, NanumSquare", Path(__file__).parent / "fonts/NanumSquareR.ttf"  # it has Hangul
COLOUR, INK = "#2f6fde", "#444444"
CELL = 26  # pixels
TITLES = {
    "cross": "cross-attention: the target looks at the source",
    "encoder": "encoder: the source looks at itself",
    "decoder": "decoder: the target looks at the target so far",
}


@cache
def plotting() -> Any:
    """The plotting library, with the font registered. Raises SettingsError when it is not installed."""
    try:
        import altair
        import vl_convert
    except ImportError:
        raise SettingsError("pictures need altair and vl-convert", missing_extra("show")) from None
    vl_convert.register_font_directory(str(FONT_FILE.parent))
    return altair


def heatmap(data: "alt.Data", width: Any, height: Any) -> "alt.Chart":
    """A chart of weights as squares; ``data`` is as ``records`` makes it."""
    alt = plotting()
    axis = alt.Axis(labelExpr="slice(datum.label, 5)", ticks=False, domain=False, labelOverlap=False, title=None)
    axis.labelPadding = 6
    across = axis.copy()
    across.labelAngle, across.orient, across.labelAlign = -60, "top", "left"
    return (
        alt.Chart(data, width=width, height=height)
        .mark_rect(color=COLOUR)
        .encode(
            x=alt.X("column:N", axis=across),
            y=alt.Y("row:N", axis=axis),
            opacity=alt.Opacity("weight:Q", scale=alt.Scale(type="sqrt", domain=[0, 1], range=[0.03, 1]), legend=None),
            tooltip=[
                alt.Tooltip("from:N", title="looks"),
                alt.Tooltip("to:N", title="at"),
                alt.Tooltip("weight:Q", format=".3f"),
            ],
        )
    )


def records(attention: AttentionMap, layer: int | None, head: int | None) -> list[dict[str, Any]]:
    """One object for each cell. Rows and columns are numbered, since a piece may occur twice in a sentence."""
    weights = attention.view(layer, head)
    return [
        {
            "row": f"{t:04} {row.replace('▁', '_')}",
            "column": f"{s:04} {column.replace('▁', '_')}",
            "from": row,
            "to": column,
            "weight": round(float(weights[t, s]), 4),
        }
        for t, row in enumerate(attention.rows)
        for s, column in enumerate(attention.columns)
    ]


def large_map(attention: AttentionMap) -> "alt.Chart":
    """The average over layers and heads, with labels of the pieces."""
    alt = plotting()
    data = alt.Data(values=records(attention, None, None))
    return heatmap(data, alt.Step(CELL), alt.Step(CELL)).properties(title=f"{TITLES[attention.kind]} (average)")


def positions_picture(positions_TD: "np.ndarray[Any, Any]") -> "alt.Chart":
    """The positional encoding as a chart: one row for each position, one column for each feature."""
    alt = plotting()
    values = [
        {"position": t, "feature": d, "value": round(float(value), 3)}
        for t, row in enumerate(positions_TD)
        for d, value in enumerate(row)
    ]
    bound = float(abs(positions_TD).max())
    return (
        alt.Chart(alt.Data(values=values), width=5 * positions_TD.shape[1], height=7 * positions_TD.shape[0])
        .mark_rect()
        .encode(
            x=alt.X("feature:O", axis=alt.Axis(values=list(range(0, positions_TD.shape[1], 16)), labelAngle=0)),
            y=alt.Y("position:O", axis=alt.Axis(values=list(range(0, positions_TD.shape[0], 10)))),
            color=alt.Color("value:Q", scale=alt.Scale(scheme="blueorange", domain=[-bound, bound])),
            tooltip=["position:O", "feature:O", "value:Q"],
        )
    )


def lines_picture(rows: Iterable[dict[str, Any]], x: str, y: str, series: str, order: Sequence[str]) -> "alt.Chart":
    """A line chart over ``x`` with one line for each ``series``, and a point for each row."""
    alt = plotting()
    return (
        alt.Chart(alt.Data(values=list(rows)), width=480, height=300)
        .mark_line(point=True)
        .encode(
            x=alt.X(f"{x}:O", sort=None, axis=alt.Axis(labelAngle=0, title=x)),
            y=alt.Y(f"{y}:Q", title=y),
            color=alt.Color(f"{series}:N", sort=list(order), scale=alt.Scale(scheme="tableau10")),
            tooltip=[f"{series}:N", f"{x}:O", f"{y}:Q"],
        )
    )


def styled(chart: "alt.Chart") -> "alt.Chart":
    """The chart with nmt's font, sizes and colours."""
    return (
        chart.configure(font=f"{FONT}, sans-serif", padding=8)
        .configure_view(stroke=None)
        .configure_title(anchor="start", fontSize=13, fontWeight="normal", color=INK)
        .configure_axis(labelFontSize=14, labelColor=INK, titleColor=INK, titleFontWeight="normal", grid=False)
        .configure_legend(labelFontSize=14, labelColor=INK, titleColor=INK, titleFontWeight="normal")
    )


def in_letters(spec: Any) -> Any:
    """The specification with all text made printable: the drawing library aborts the process at a U+0001."""
    if isinstance(spec, dict):
        return {key: in_letters(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [in_letters(value) for value in spec]
    return printable(spec) if isinstance(spec, str) else spec


def write_picture(chart: "alt.Chart", path: Path) -> None:
    """Write a ``.png`` (at twice the size) or ``.svg`` file with a white background, whole or not at all."""
    import vl_convert

    spec = in_letters(styled(chart).properties(background="white").to_dict())
    drawn = vl_convert.vegalite_to_png(spec, scale=2) if path.suffix == ".png" else vl_convert.vegalite_to_svg(spec)
    with create_binary(path) as file:
        file.write(drawn if isinstance(drawn, bytes) else drawn.encode())


def write_drawing(svg: str, path: Path) -> None:
    """Write SVG as a ``.svg`` file, or drawn as a ``.png`` file of its size; whole or not at all."""
    drawn = svg.encode()
    if path.suffix == ".png":
        plotting()
        import vl_convert

        drawn = vl_convert.svg_to_png(svg, scale=1)
    with create_binary(path) as file:
        file.write(drawn)
