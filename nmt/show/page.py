"""A self-contained HTML page: a chart, and for attention controls for layers and heads. Knows no model."""

import json
from base64 import b64encode
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from nmt.disk.files import create_binary
from nmt.show.attention import AttentionMap, SentencePair
from nmt.show.charts import FONT_FILE, TITLES, heatmap, plotting, styled
from nmt.show.search_page import search_parts
from nmt.text.lines import printable

if TYPE_CHECKING:
    import altair as alt

CELL = 34  # pixels


def write_attention_page(pair: SentencePair, path: Path) -> None:
    """Write the attention maps of a sentence pair as a page, which shows the average first."""
    alt = plotting()
    chart = heatmap(alt.NamedData("weights"), alt.Step(CELL), alt.Step(CELL), labels=True)
    text = ["A row is a piece that looks, a column one that is looked at; the more colour, the more weight."]
    parts = f"{search_parts(pair.trace)}\n<h2>Attention</h2>" if pair.trace else ""
    maps = [as_json(attention) for attention in pair.maps]
    write_page(path, f"{pair.source} → {pair.target}", text, chart, maps, parts)


def write_page(
    path: Path,
    title: str,
    text: list[str],
    chart: "alt.Chart",
    maps: list[dict[str, Any]] | None = None,
    parts: str = "",
) -> None:
    """Write a page that needs no network. It shows one of ``maps`` at a time, as the chart's ``weights`` data.

    ``parts`` is HTML that stands before the chart.
    """
    import vl_convert

    page = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8")).substitute(
        title=escape(printable(title)),
        font=b64encode(FONT_FILE.read_bytes()).decode(),
        parts=parts,
        text="\n".join(f'<p class="about">{escape(line)}</p>' for line in text),
        library=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script"),
        spec=for_script(styled(chart).properties(background="transparent").to_dict()),
        maps=for_script(maps or []),
    )
    with create_binary(path) as file:
        file.write(page.encode())


def as_json(attention: AttentionMap) -> dict[str, Any]:
    """A map as the page reads it: weights by layer and head, where index 0 is the average."""
    layers, heads, *_ = attention.weights.shape
    views = [
        [attention.view(layer, head).round(4).tolist() for head in (None, *range(heads))]
        for layer in (None, *range(layers))
    ]
    return {
        "title": TITLES[attention.kind].partition(":")[0],
        "rows": [printable(piece) for piece in attention.rows],
        "columns": [printable(piece) for piece in attention.columns],
        "weights": views,
    }


def for_script(value: Any) -> str:
    """JSON for a script element, which no text in it can end."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
