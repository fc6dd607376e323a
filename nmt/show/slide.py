"""Attention as a picture of a slide's shape: the clearest head large, all heads small. Knows no model.

All marks have one colour, and opacity shows the weight. Lengths are pixels of a screen of 1,920 by 1,080.
"""

from collections import defaultdict
from collections.abc import Iterator
from math import cos, radians, sin
from typing import NamedTuple

from nmt.show.attention import AttentionMap, SentencePair, Weights
from nmt.show.clearest import Choice, clearest
from nmt.show.markup import text
from nmt.show.pieces import SPACE, cut, named, width_of
from nmt.text.lines import printable

WIDTH, HEIGHT, MARGIN = 1920, 1080, 56
TOP, BOTTOM = 176, 984  # of the maps
INK, FAINT, PALE, MARK, RING = "#1f242b", "#4b5260", "#8e96a3", "#1d4ed8", "#b45309"
SIZES = (40, 36, 32, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8)  # of labels; the largest that fits is taken
SLANT, LARGEST_CELL, LONGEST_LABEL = 55, 110, 11.0  # degrees, pixels, and sizes of a letter
LAYERS, ABOVE, GAP = 84, 60, 5  # pixels: beside small maps for the names of layers, above them, between them
SMALLEST, LARGEST, LEAST_ROOM = 10, 130, 460  # pixels: sides of small maps, and the width that they get at least
LEVELS = 16  # of opacity in small maps
KINDS = {"cross": "cross-attention", "encoder": "encoder", "decoder": "decoder"}


class Frame(NamedTuple):
    """A large map's corner, the side of its cells and the size of its labels."""

    x: float
    y: float
    cell: float
    size: int


def slide(pair: SentencePair, by: str = "words") -> str:
    """The picture of a sentence pair as SVG, ``by`` words or pieces."""
    maps = [attention.by_words() if by == "words" else attention for attention in pair.maps]
    links = {kind: pair.links if kind == "cross" else () for kind in KINDS}
    choices = [clearest(attention, links[attention.kind]) for attention in pair.maps]
    ringed = {(row, column) for column, row in pair.links} if by == "words" and maps[0].kind == "cross" else set()
    several = any(attention.weights.shape[:2] != (1, 1) for attention in maps)
    frame = frame_of(maps[0], WIDTH - 2 * MARGIN - (LEAST_ROOM if several else 0))
    parts = [*titles(pair, maps[0], choices[0]), *large(maps[0], choices[0], frame, ringed), *legend(by, bool(ringed))]
    left = frame.x + frame.cell * len(maps[0].columns) + 64
    grid = grid_of(maps, WIDTH - MARGIN - left)
    if several and grid.side >= SMALLEST:
        parts += overview(maps, choices, WIDTH - MARGIN - grid.across * grid.wide + 24, grid)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="Liberation Sans, NanumSquare, sans-serif" fill="{INK}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>{"".join(parts)}</svg>'
    )


def words(x: float, y: float, size: float, label: str, more: str = "") -> str:
    """A line of text that begins at a point."""
    drawn = text(named(label)).replace(SPACE, f'<tspan fill="{PALE}">_</tspan>')  # a sign that every font has
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{" " + more if more else ""}>{drawn}</text>'


def titles(pair: SentencePair, attention: AttentionMap, choice: Choice) -> Iterator[str]:
    """The sentences, and which head is large."""
    most = (WIDTH - 2 * MARGIN) / 32
    yield words(MARGIN, 70, 32, cut(pair.source, most), f'fill="{FAINT}"')
    yield words(MARGIN, 114, 32, cut(pair.target, most))
    head = "" if attention.weights.shape[:2] == (1, 1) else f", layer {choice.layer + 1}, head {choice.head + 1}"
    yield words(MARGIN, 154, 22, f"{KINDS[attention.kind]}{head}: {choice.why}", f'fill="{FAINT}"')


def frame_of(attention: AttentionMap, room: float) -> Frame:
    """The place of the large map in a room, with the largest labels that fit."""
    rows, columns = ([width_of(shown(label)) for label in side] for side in (attention.rows, attention.columns))
    for size in SIZES:
        left = max(rows) * size + 14
        over = max(columns) * size * sin(radians(SLANT)) + size
        right = max((width * size * cos(radians(SLANT)) for width in columns[-3:]), default=0.0)
        across, down = (room - left - right) / len(columns), (BOTTOM - TOP - over) / len(rows)
        cell = min(across, down, LARGEST_CELL)
        if cell >= 1.3 * size:
            break
    return Frame(MARGIN + left, TOP + over, cell, size)


def shown(label: str) -> str:
    return cut(printable(named(label)), LONGEST_LABEL)


def large(attention: AttentionMap, choice: Choice, frame: Frame, ringed: set[tuple[int, int]]) -> Iterator[str]:
    """A map with its labels, and a ring around each word link."""
    x, y, cell, size = frame
    for row, label in enumerate(attention.rows):
        yield words(x - 12, y + (row + 0.5) * cell + 0.35 * size, size, shown(label), 'text-anchor="end"')
    for column, label in enumerate(attention.columns):
        at, above = x + (column + 0.5) * cell + 0.2 * size, y - 12
        yield words(at, above, size, shown(label), f'transform="rotate(-{SLANT} {at:.1f} {above:.1f})"')
    for row, weights in enumerate(attention.weights[choice.layer, choice.head]):
        for column, weight in enumerate(weights):
            yield square(x + column * cell, y + row * cell, cell, float(weight))
    for row, column in sorted(ringed):
        yield ring(x + column * cell, y + row * cell, cell)


def ring(x: float, y: float, side: float) -> str:
    """What marks a cell of a word link."""
    return (
        f'<rect x="{x + 1.5:.1f}" y="{y + 1.5:.1f}" width="{side - 3:.1f}" height="{side - 3:.1f}" rx="3" '
        f'fill="none" stroke="{RING}" stroke-width="3"/>'
    )


def square(x: float, y: float, side: float, weight: float) -> str:
    """A cell of a map, with a gap around it."""
    opacity = 0.04 + 0.96 * min(1.0, weight) ** 0.5
    return (
        f'<rect x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{side - 1:.1f}" height="{side - 1:.1f}" rx="2" '
        f'fill="{MARK}" fill-opacity="{opacity:.3f}"/>'
    )


class Grid(NamedTuple):
    """How small maps of all heads are laid out: kinds side by side, the side of a map, and where a kind begins."""

    across: int
    side: float
    wide: float
    high: float


def grid_of(maps: list[AttentionMap], room: float) -> Grid:
    """The layout in a room that has the largest maps."""
    layers, heads = (max(attention.weights.shape[axis] for attention in maps) for axis in (0, 1))
    grids = []
    for across in range(1, len(maps) + 1):
        down = -(-len(maps) // across)
        high = (BOTTOM - TOP) / down
        side = min((high - ABOVE) / layers - GAP, (room / across - LAYERS) / heads - GAP, LARGEST)
        grids.append(Grid(across, side, LAYERS + heads * (side + GAP) + 24, high))
    return max(grids, key=lambda grid: grid.side)


def overview(maps: list[AttentionMap], choices: list[Choice], x: float, grid: Grid) -> Iterator[str]:
    """Small maps of all layers and heads, kind by kind, the clearest head of each with a frame."""
    step = grid.side + GAP
    for place, (attention, choice) in enumerate(zip(maps, choices, strict=True)):
        layers, heads, *_ = attention.weights.shape
        left = x + (place % grid.across) * grid.wide + LAYERS
        y = TOP + (place // grid.across) * grid.high + ABOVE - GAP
        yield words(left, y - 28, 20, KINDS[attention.kind])
        for head in range(heads):
            name = f"head {head + 1}" if grid.side >= 52 else str(head + 1)
            yield words(left + head * step + grid.side / 2, y - 7, 15, name, f'text-anchor="middle" fill="{FAINT}"')
        for layer in range(layers):
            middle = y + layer * step + grid.side / 2 + 5
            yield words(left - 10, middle, 15, f"layer {layer + 1}", f'text-anchor="end" fill="{FAINT}"')
            for head in range(heads):
                is_clearest = (layer, head) == (choice.layer, choice.head)
                weights = attention.weights[layer, head]
                yield small(weights, left + head * step, y + layer * step, grid.side, is_clearest)


def small(weights_TS: Weights, x: float, y: float, side: float, is_clearest: bool) -> str:
    """A map as a square without labels; cells of one opacity are one path."""
    rows, columns = weights_TS.shape
    cells: dict[int, list[str]] = defaultdict(list)
    for (row, column), level in zip(
        ((row, column) for row in range(rows) for column in range(columns)),
        (LEVELS * weights_TS**0.5).round().astype(int).flatten().tolist(),
        strict=True,
    ):
        if level:
            cells[level].append(f"M{column} {row}h1v1h-1z")
    paths = "".join(
        f'<path d="{"".join(parts)}" fill-opacity="{level / LEVELS:.3f}"/>' for level, parts in sorted(cells.items())
    )
    stroke = f'stroke="{RING}" stroke-width="4"' if is_clearest else 'stroke="#c9ccd2"'
    return (
        f'<g fill="{MARK}" transform="translate({x:.1f} {y:.1f}) scale({side / columns:.4f} {side / rows:.4f})">'
        f"{paths}</g>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="none" {stroke}/>'
    )


def legend(by: str, has_links: bool) -> Iterator[str]:
    """What colours, rings and signs mean."""
    y, x = 1030.0, float(MARGIN)
    yield words(x, y, 20, "A row looks at the columns; weight:", f'fill="{FAINT}"')
    x += 340
    for weight in (0.0, 0.05, 0.25, 0.5, 1.0):
        yield square(x, y - 20, 26, weight)
        yield words(x + 34, y, 20, f"{weight:g}", f'fill="{FAINT}"')
        x += 92
    if has_links:
        yield ring(x + 20, y - 20, 26)
        yield words(x + 56, y, 20, "word link", f'fill="{FAINT}"')
    if by == "pieces":
        yield words(x + 20, y, 20, f"{SPACE} space", f'fill="{FAINT}"')
