"""Curves as inline SVG, whose colours are the page's: one or several lines over the updates, with the turns marked.

Horizontal places are percentages, vertical ones pixels, so that a chart fits any width and its letters keep their size.
Knows numbers; no run and no page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from nmt.show.markup import text

HEIGHT, TOP, BASE = 210, 12, 184  # pixels: of the chart, of its upper edge, of the axis
WIDE, TALL = 1000, 1000  # units of a curve's own coordinates
TINY = 1e-30  # of two figures that differ by less, no scale is made
COLOURS = 6  # of the page's style; then they come again, dashed


@dataclass(frozen=True)
class Curve:
    """A line of a chart."""

    name: str
    colour: int  # from 0 on
    points: Sequence[tuple[float, float]]  # updates and figures
    dots: bool = False  # whether each point is shown, with its figure
    thin: bool = False
    spread: Sequence[float] = ()  # around each point, drawn as a band

    @property
    def style(self) -> str:
        """The classes of its marks."""
        dashed = " dashed" if self.colour >= COLOURS else ""
        return f"c{self.colour % COLOURS}{dashed}{' thin' if self.thin else ''}"


@dataclass(frozen=True)
class Scale:
    """What a chart shows from bottom to top."""

    low: float
    high: float
    logarithmic: bool = False

    @classmethod
    def of(cls, values: Sequence[float], logarithmic: bool = False) -> "Scale":
        """The scale that has all the values, with a little room."""
        low, high = min(values), max(values)
        if logarithmic and low > TINY:
            return cls(low / 1.03, high * 1.03, True)
        room = next(size for size in (0.04 * (high - low), abs(high) / 10, 1.0) if size > TINY)
        return cls(max(low - room, 0.0) if low >= 0 else low - room, high + room)

    def share(self, value: float) -> float:
        """How far up a value stands, from 0 to 1."""
        if self.logarithmic:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Some round values on the scale."""
        if self.logarithmic and self.high / self.low > 2:
            found = [base * 10.0**power for power in range(-4, 5) for base in (1, 1.5, 2, 3, 5, 7)]
        else:
            found = round_values(self.low, self.high, 5)
        return [value for value in found if self.low <= value <= self.high]


def round_values(low: float, high: float, count: int, least: float = 0.0) -> list[float]:
    """About ``count`` values between two others, at a distance of 1, 2 or 5 times a power of ten, ``least`` or more."""
    rough = max((high - low) / count, least)
    power = 10.0 ** floor(log10(rough))
    step = power * next(base for base in (1, 2, 5, 10) if base * power >= rough * 0.999)
    return [number * step for number in range(ceil(low / step), floor(high / step) + 1)]


def chart(label: str, curves: Sequence[Curve], turns: Sequence[float], steps: int, logarithmic: bool = False) -> str:
    """The curves from update 0 to ``steps``, with upright lines at ``turns``. ``label`` is any text."""
    values = [
        value
        for curve in curves
        for place, (_, mean) in enumerate(curve.points)
        for value in ((mean - curve.spread[place], mean + curve.spread[place]) if curve.spread else (mean,))
    ]
    if not values or not steps:
        return '<p class="about">nothing yet</p>'
    scale = Scale.of(values, logarithmic)
    marks = [*_grid(scale), *_turns(turns, steps)]
    for curve in curves:
        marks.append(_line(curve, scale, steps))
    for curve in curves:
        marks += _dots(curve, scale, steps) if curve.dots else []
    marks += _axis(steps)
    return f'<svg role="img" aria-label="{text(label)}" width="100%" height="{HEIGHT}">{"".join(marks)}</svg>'


def strips(rows: Sequence[tuple[str, Sequence[tuple[str, float, float]]]], steps: int) -> str:
    """For each run its phases in order, as ``(name, begins, ends)``, each as long as its updates.

    Equal names have equal shades. Names are any text.
    """
    by_length = sorted(rows, key=lambda row: -len(row[1]))  # the longest row has the most names, in their order
    kinds = list(dict.fromkeys(name for _, parts in by_length for name, *_ in parts))
    drawn = []
    for run, parts in rows:
        cells = "".join(
            f'<span class="part p{kinds.index(name) % 3}" style="left:{100 * begins / steps:.2f}%;'
            f'width:{100 * (ends - begins) / steps:.2f}%" title="{text(name)}: updates {begins:,.0f} to {ends:,.0f}">'
            f"{text(name)}</span>"
            for name, begins, ends in parts
        )
        head = f"<b>{text(run)}</b>: " if len(rows) > 1 else ""
        told = " · ".join(f"{text(name)} to update {ends:,.0f}" for name, _, ends in parts)
        drawn.append(f'<p>{head}{told}</p><div class="strip" aria-hidden="true">{cells}</div>')
    return "".join(drawn)


def short(value: float) -> str:
    """A figure for a person, in few digits."""
    if value and abs(value) < 0.001:
        return f"{value:.1e}".replace("e-0", "e-")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _y(scale: Scale, value: float) -> float:
    return BASE - (BASE - TOP) * scale.share(value)


def _line(curve: Curve, scale: Scale, steps: int) -> str:
    """The curve in coordinates of its own, which are stretched to the chart's."""

    def place(step: float, value: float) -> str:
        return f"{WIDE * step / steps:.1f},{TALL * (1 - scale.share(value)):.1f}"

    points = " ".join(place(*point) for point in curve.points)
    band = ""
    if curve.spread:
        both = list(zip(curve.points, curve.spread, strict=True))
        edge = [place(step, mean + spread) for (step, mean), spread in both]
        edge += [place(step, mean - spread) for (step, mean), spread in reversed(both)]
        band = f'<polygon class="{curve.style}" points="{" ".join(edge)}"/>'
    return (
        f'<svg class="plot" x="0" y="{TOP}" width="100%" height="{BASE - TOP}" viewBox="0 0 {WIDE} {TALL}" '
        f'preserveAspectRatio="none">{band}<polyline class="{curve.style}" points="{points}" '
        f'vector-effect="non-scaling-stroke"/></svg>'
    )


def _dots(curve: Curve, scale: Scale, steps: int) -> Iterator[str]:
    for place, (step, value) in enumerate(curve.points):
        around = f" ± {short(curve.spread[place])}" if curve.spread else ""
        told = f"{curve.name}, update {step:,.0f}: {short(value)}{around}"
        yield (
            f'<circle class="{curve.style}" cx="{100 * step / steps:.2f}%" cy="{_y(scale, value):.1f}" r="3">'
            f"<title>{text(told)}</title></circle>"
        )


def _grid(scale: Scale) -> Iterator[str]:
    for value in scale.ticks():
        y = _y(scale, value)
        yield f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="100%" dx="8" y="{y + 4:.1f}">{short(value)}</text>'


def _turns(turns: Sequence[float], steps: int) -> Iterator[str]:
    for turn in turns:
        x = f"{100 * turn / steps:.2f}%"
        yield f'<line class="threshold" x1="{x}" x2="{x}" y1="{TOP}" y2="{BASE}"/>'


def _axis(steps: int) -> Iterator[str]:
    yield f'<line class="axis" x1="0" x2="100%" y1="{BASE}" y2="{BASE}"/>'
    for value in round_values(0, steps, 4, least=1):
        share = 100 * value / steps
        anchor = "start" if not value else "end" if share > 97 else "middle"
        yield f'<line class="axis" x1="{share:.2f}%" x2="{share:.2f}%" y1="{BASE}" y2="{BASE + 4}"/>'
        yield f'<text x="{share:.2f}%" y="{BASE + 18}" text-anchor="{anchor}">{value:,.0f}</text>'
