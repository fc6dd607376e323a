"""Histograms as inline SVG, whose colours are the page's: scores with their threshold, and lengths.

Horizontal places are percentages, vertical ones pixels, so that a chart fits any width and its letters keep their size.
Knows numbers; no rules and no page.
"""

from collections.abc import Iterator, Sequence
from math import log10

from nmt.corpus.findings import BINS

HEIGHT, TOP, BASE = 190, 26, 164  # pixels: of the chart, of the highest bar's end, of the axis
GAP = 0.12  # percent on either side of a bar


def score_histogram(name: str, bins: Sequence[int], highest: float, threshold: float, dropped: int) -> str:
    """The distribution of a rule's scores, with logarithmic counts; ``dropped`` pairs are over the threshold.

    ``bins`` divide the scores from 0 to ``highest``; the last holds what lies beyond, too. ``name`` is safe for HTML.
    """
    most = max(bins)
    middle, beyond = _split(bins, highest, threshold, dropped)
    edge = 100 * min(threshold / highest, 1.0)
    lines, labels = _grid(most)
    marks = [*lines]
    for place, (count, over) in enumerate(zip(bins, beyond, strict=True)):
        if not count:
            continue
        left, right, y = 100 * place / BINS, 100 * (place + 1) / BINS, _height(count, most)
        told = f"{number(place * highest / BINS)} to {number((place + 1) * highest / BINS)}: {count:,} pairs"
        if place == BINS - 1:
            told = f"{number(place * highest / BINS)} and more: {count:,} pairs"
        if 0 < over < count:
            told += f", {over:,} dropped"
        turn = edge if left < edge < right and 0 < over < count else right - (right - left) * over / count
        parts = ((left, turn, "kept"), (turn, right, "dropped"))
        bars = "".join(_bar(start, stop, y, kind) for start, stop, kind in parts if stop > start)
        marks.append(f"<g><title>{told}</title>{bars}</g>")
    marks += [*_axis([(step / 4, number(step * highest / 4)) for step in range(5)])]
    marks += [*labels, *_threshold(middle, number(threshold))]
    kept = sum(bins) - dropped
    label = f"{name}: {kept:,} pairs have scores up to {number(threshold)} and are kept, {dropped:,} have higher ones"
    return _svg("".join(marks), label)


def _split(bins: Sequence[int], highest: float, threshold: float, dropped: int) -> tuple[float, list[int]]:
    """Where the threshold is drawn, in percent, and how many pairs of each bin are dropped.

    A threshold in a bin that holds only kept pairs is drawn at its right edge, in one with only dropped pairs at its
    left: nothing lies between.
    """
    own = min(int(threshold / highest * BINS), BINS - 1)
    left = max(dropped - sum(bins[own + 1 :]), 0)
    over = [0] * own + [min(left, bins[own])] + list(bins[own + 1 :])
    place = min(threshold / highest * BINS, float(BINS))
    if bins[own] and not over[own]:
        place = own + 1.0
    elif bins[own] and over[own] == bins[own]:
        place = float(own)
    return 100 * place / BINS, over


def length_histogram(label: str, kept: Sequence[int], dropped: Sequence[int]) -> str:
    """How lengths are distributed among kept pairs, as bars, and among dropped ones, as a line; each adds up to 1.

    There are two bins for each doubling, from 1 on. ``label`` is safe for HTML.
    """
    shares = [[count / max(sum(side), 1) for count in side] for side in (kept, dropped)]
    most, width = max(map(max, shares)) or 1.0, 100 / len(kept)
    heights = [[BASE - (BASE - TOP) * share / most for share in side] for side in shares]
    marks = [f'<line class="axis" x1="0" x2="100%" y1="{BASE}" y2="{BASE}"/>']
    for place, (count, other) in enumerate(zip(kept, dropped, strict=True)):
        told = f"{_length(place)} to {_length(place + 1)} characters: {count:,} kept, {other:,} dropped"
        hit = f'<rect class="hit" x="{place * width:.3f}%" width="{width:.3f}%" y="{TOP}" height="{BASE - TOP}"/>'
        bar = _bar(place * width, (place + 1) * width, heights[0][place], "kept") if count else ""
        marks.append(f"<g><title>{told}</title>{bar}{hit}</g>")
    if any(dropped):
        marks += [*_steps(heights[1], width)]
    marks += [*_axis([(place / len(kept), f"{2 ** (place // 2):,}") for place in range(0, len(kept), 4)], ends=False)]
    return _svg("".join(marks), label)


def number(value: float) -> str:
    """A score or threshold for a person."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _length(place: int) -> str:
    """The least length of a bin of lengths."""
    return f"{-int(-(2 ** (place / 2)) // 1):,}"


def _height(count: int, most: int) -> float:
    """Where the bar of a count ends, in pixels from the top."""
    return BASE - (BASE - TOP) * log10(1 + count) / log10(1 + most)


def _grid(most: int) -> tuple[list[str], list[str]]:
    """Lines at powers of ten with the axis, and their labels, which stand right of the chart."""
    powers = range(len(str(most)) if most else 0)
    step = -(-len(powers) // 4) or 1
    lines, labels = [], []
    for power in powers[::-step]:
        y = _height(10**power, most)
        lines.append(f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
        labels.append(f'<text x="100%" dx="8" y="{y + 4:.1f}">{10**power:,}</text>')
    return [*lines, f'<line class="axis" x1="0" x2="100%" y1="{BASE}" y2="{BASE}"/>'], labels


def _axis(ticks: Sequence[tuple[float, str]], ends: bool = True) -> Iterator[str]:
    for share, text in ticks:
        anchor = "start" if share == 0 or not ends else "end" if share == 1 else "middle"
        yield f'<line class="axis" x1="{100 * share:.3f}%" x2="{100 * share:.3f}%" y1="{BASE}" y2="{BASE + 4}"/>'
        yield f'<text x="{100 * share:.3f}%" y="{BASE + 18}" text-anchor="{anchor}">{text}</text>'


def _threshold(place: float, text: str) -> Iterator[str]:
    anchor, shift = ("start", 6) if place < 50 else ("end", -6)
    yield f'<line class="threshold" x1="{place:.3f}%" x2="{place:.3f}%" y1="4" y2="{BASE}"/>'
    place_and_side = f'x="{place:.3f}%" dx="{shift}" y="15" text-anchor="{anchor}"'
    yield f'<text class="threshold" {place_and_side}>drops above {text}</text>'


def _bar(left: float, right: float, y: float, kind: str) -> str:
    x, width = left + GAP, max(right - left - 2 * GAP, 0.1)
    return f'<rect class="{kind}" x="{x:.3f}%" width="{width:.3f}%" y="{y:.1f}" height="{BASE - y:.1f}"/>'


def _steps(heights: Sequence[float], width: float) -> Iterator[str]:
    """A line of steps over the bins."""
    before: float = BASE
    for place, y in enumerate([*heights, float(BASE)]):
        left, right = place * width, min((place + 1) * width, 100.0)
        yield f'<line class="dropped" x1="{left:.3f}%" x2="{left:.3f}%" y1="{before:.1f}" y2="{y:.1f}"/>'
        yield f'<line class="dropped" x1="{left:.3f}%" x2="{right:.3f}%" y1="{y:.1f}" y2="{y:.1f}"/>'
        before = y


def _svg(marks: str, label: str) -> str:
    return f'<svg role="img" aria-label="{label}" width="100%" height="{HEIGHT}">{marks}</svg>'
