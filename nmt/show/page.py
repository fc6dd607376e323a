"""Self-contained HTML pages: attention to click through, or a chart. Knows no model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.disk.files import create_binary
from nmt.show.attention import AttentionMap, SentencePair
from nmt.show.clearest import clearest
from nmt.show.markup import ROOM, page, text
from nmt.show.pieces import named
from nmt.show.search_page import search_parts
from nmt.show.slide import KINDS
from nmt.text.lines import printable

if TYPE_CHECKING:
    import altair as alt


def write_attention_page(pair: SentencePair, path: Path, by: str = "words") -> None:
    """Write the attention maps of a sentence pair, and how the target was found, as a page that needs no network.

    It begins ``by`` words or pieces.
    """
    search = search_parts(pair.trace) if pair.trace else ""
    sections = {"doubts": "where it doubts", "candidates": "candidates", "beam": "the beam"}
    links = (f'<a href="#{name}">{title}</a>' for name, title in sections.items() if f'id="{name}"' in search)
    page_of_maps = page(
        "attention.html",
        f"{pair.source} → {pair.target}",
        own_style=(ROOM / "attention.css").read_text(encoding="utf-8"),
        script=(ROOM / "attention.js").read_text(encoding="utf-8"),
        contents=" ".join(links),
        search=search,
        by=by,
        maps=for_script([as_json(attention, pair) for attention in pair.maps]),
    )
    with create_binary(path) as file:
        file.write(page_of_maps.encode())


def write_chart_page(path: Path, title: str, about: str, chart: "alt.Chart") -> None:
    """Write a chart, with a line about it, as a page that needs no network."""
    import vl_convert

    from nmt.show.charts import styled

    page_of_chart = page(
        "page.html",
        title,
        text=f'<p class="about">{text(about)}</p>',
        library=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script"),
        spec=for_script(styled(chart).properties(background="transparent").to_dict()),
    )
    with create_binary(path) as file:
        file.write(page_of_chart.encode())


def as_json(attention: AttentionMap, pair: SentencePair) -> dict[str, Any]:
    """A map as the page reads it: by words and by pieces, and the head to begin with."""
    links = pair.links if attention.kind == "cross" else ()
    return {
        "title": KINDS[attention.kind],
        "choice": clearest(attention, links)._asdict(),
        "units": [unit(attention.by_words(), [list(link) for link in links]), unit(attention, [])],
    }


def unit(attention: AttentionMap, links: list[list[int]]) -> dict[str, Any]:
    """Weights in thousandths by layer and head, row after row, where layer or head 0 is the average."""
    layers, heads, *_ = attention.weights.shape
    views = [
        [(1000 * attention.view(layer, head)).round().astype(int).flatten().tolist() for head in (None, *range(heads))]
        for layer in (None, *range(layers))
    ]
    rows, columns = ([printable(named(label)) for label in side] for side in (attention.rows, attention.columns))
    return {"rows": rows, "columns": columns, "links": links, "weights": views}


def for_script(value: Any) -> str:
    """JSON for a script element, which no text in it can end."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
