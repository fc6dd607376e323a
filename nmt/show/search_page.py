"""The search of a translation as parts of a page: pieces coloured by doubt, candidates of each step, the beam's tree.

Knows no model and needs no plotting library.
"""

from itertools import pairwise

from nmt.show.markup import table, text
from nmt.show.pieces import SPACE, cut, named, readable
from nmt.show.search import Node, SearchTrace, Step

WIDE, HIGH, PAD = 164, 36, 4  # pixels: from step to step, from row to row, around them
BOX, TALL = 140, 26  # a hypothesis
LONGEST = 7.0  # letters' sizes of a piece in it


def search_parts(trace: SearchTrace) -> str:
    """All that a page shows of a search, as HTML."""
    parts = [
        '<section id="doubts"><h2>Where it doubts</h2>',
        f'<p class="about">The more colour, the less probable the model finds a piece; {piece(SPACE)} is a space.</p>',
        f'<p class="doubts">{" ".join(map(coloured, trace.steps))}</p></section>',
        '<section id="candidates"><h2>Candidates of each step</h2>',
        '<p class="about">The most probable pieces after all that stands before.</p>',
        candidates(trace.steps) + "</section>",
    ]
    if trace.columns:
        parts += [
            '<section id="beam"><h2>The beam</h2>',
            '<p class="about">A column is a step, its best hypothesis on top; the number is its sum of '
            "log-probabilities. Faint ones were pruned at the next step; a thick frame has finished, with its score; "
            "the coloured path is the translation.</p>",
            f'<div class="scroll" tabindex="0" role="region" aria-label="the beam">{tree(trace)}</div></section>',
        ]
    return "\n".join(parts)


def piece(label: str) -> str:
    """A piece as HTML, its sign of a space drawn as an open box."""
    return text(named(label)).replace(SPACE, f'<i class="space">{SPACE}</i>')


def share(probability: float) -> str:
    return "< 0.1%" if probability < 0.001 else f"{100 * probability:.1f}%"


def coloured(step: Step) -> str:
    """A piece, with as much colour as probability is missing, in tenths."""
    doubt = round(10 * (1 - step.probability))
    return f'<span class="doubt{doubt}" title="{share(step.probability)}">{piece(step.piece)}</span>'


def shown(probability: float) -> str:
    return f"<small>{share(probability)}</small>"


def candidates(steps: list[Step]) -> str:
    """A table with a row a step."""
    most = max(len(step.candidates) for step in steps)
    rows = []
    for step in steps:
        others = [
            f"<b>{piece(other)}</b> {shown(probability)}"
            if other == step.piece
            else f"{piece(other)} {shown(probability)}"
            for other, probability in step.candidates
        ]
        rows.append([piece(step.piece), share(step.probability), *others, *[""] * (most - len(others))])
    return table("candidates", ["piece", "probability", *(f"{place}." for place in range(1, most + 1))], rows, {1})


def tree(trace: SearchTrace) -> str:
    """The hypotheses of each step, each joined to the one that it continues, as SVG."""
    place = {
        id(node): (PAD + step * WIDE, PAD + row * HIGH)
        for step, column in enumerate(trace.columns)
        for row, node in enumerate(column)
    }
    kept = {id(node) for node in (trace.best.path if trace.best else [])}
    lines, boxes = [], []
    for column in trace.columns:
        for node in column:
            x, y = place[id(node)]
            if node.parent:
                left, above = place[id(node.parent)]
                kind = "kept" if id(node) in kept else "alive" if is_alive(node) else "dead"
                middle, end = left + BOX, (y + TALL / 2)
                lines.append(
                    f'<path class="{kind}" d="M{middle} {above + TALL / 2} C{middle + 12} {above + TALL / 2} '
                    f'{x - 12} {end} {x} {end}"/>'
                )
            boxes.append(box(node, x, y, id(node) in kept, trace.length_penalty))
    width = 2 * PAD + len(trace.columns) * WIDE
    height = 2 * PAD + max(map(len, trace.columns)) * HIGH
    return (
        f'<svg class="beam" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{alive(trace)}">{"".join(lines)}{"".join(boxes)}</svg>'
    )


def is_alive(node: Node) -> bool:
    """Whether a hypothesis finished or was continued."""
    return node.finished or bool(node.children)


def alive(trace: SearchTrace) -> str:
    """What the tree shows, in words."""
    pruned = sum(not is_alive(node) for column, _ in pairwise(trace.columns) for node in column)
    finished = sum(node.finished for column in trace.columns for node in column)
    return f"{len(trace.columns)} steps, {pruned} hypotheses pruned, {finished} finished"


def box(node: Node, x: int, y: int, kept: bool, power: float) -> str:
    """A hypothesis with its newest piece and its sum, or its score where it finished."""
    score = node.score / len(node.path) ** power if node.finished else node.score
    words = "".join(named(each.piece) for each in node.path).replace(SPACE, " ").strip()
    kinds = [kind for kind, on in (("kept", kept), ("ended", node.finished), ("dead", not is_alive(node))) if on]
    return (
        f'<g class="{" ".join(kinds)}"><title>{text(words)}</title>'
        f'<rect x="{x}" y="{y}" width="{BOX}" height="{TALL}" rx="5"/>'
        f'<text x="{x + 8}" y="{y + 18}">{text(cut(readable(node.piece), LONGEST))}</text>'
        f'<text class="sum" x="{x + BOX - 8}" y="{y + 18}">{score:.2f}</text></g>'
    )
