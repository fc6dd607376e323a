"""``nmt inspect``: a model's facts, its attention and its positional encoding. Knows no tensor and no drawing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nmt.cli.directions import To
from nmt.cli.options import IsQuiet, IsVerbose, Threads
from nmt.errors import UsageError

if TYPE_CHECKING:
    from nmt.show.attention import Inspector, SentencePair

FORMATS = (".html", ".png", ".svg")
POSITIONS = 64  # rows in the picture of the positional encoding


# Over 50 lines because each flag is a parameter.
def inspect(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A training run, its model folder, or one file.")],
    text: Annotated[str | None, typer.Option(metavar="LINE", help="Show attention for this source sentence.")] = None,
    target: Annotated[
        str | None, typer.Option(metavar="LINE", help="Its target sentence (default: the model's translation).")
    ] = None,
    to: To = "",
    by: Annotated[
        Literal["words", "pieces"] | None,
        typer.Option(help="What attention is between (default: words; pieces where the text has no spaces)."),
    ] = None,
    positions: Annotated[bool, typer.Option("--positions", help="Show the positional encoding.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PAGE", help="An interactive page (.html) or a picture (.png, .svg)."),
    ] = None,
    threads: Threads = 0,
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Show a model's facts, its attention or its positional encoding.

    Without --text or --positions: a table of shape, parameters, vocabulary, training and scores.
    """
    if target is not None and text is None:
        raise UsageError("--target needs its source sentence", "add --text with it")
    if positions and text is not None:
        raise UsageError("--text and --positions are two different pictures", "give one of them")
    if by and text is None:
        raise UsageError("--by counts with a sentence only", "add --text LINE")
    if to and text is None:
        raise UsageError("--to counts with a sentence only", "add --text LINE")
    if positions and not output:
        raise UsageError("--positions draws a picture", "name its file with --output")
    if output and not (positions or text is not None):
        raise UsageError("--output has nothing to draw", "add --text LINE or --positions")
    if output and output.suffix not in FORMATS:
        raise UsageError(f"{output} is not a page or a picture", f"end its name in one of {', '.join(FORMATS)}")
    if output:
        from nmt.disk.outputs import check_outputs
        from nmt.store.model_folder import places

        check_outputs([("--output", output)], places(model))
        from nmt.show.charts import plotting

        if positions or output.suffix == ".png":
            plotting()  # a missing package is reported before the model is loaded
    if positions and output:
        show_positions(model, output, threads)
    elif text is not None:
        show_attention(inspector(model, threads, to), text, target, by, output, quiet)
    else:
        show_table(model)
    if output and not quiet:
        from nmt.cli.console import say

        say(f"wrote {output}")


def show_table(model: Path) -> None:
    from nmt.cli.console import show, table
    from nmt.show.about import about
    from nmt.store.model_folder import ModelFolder

    show(table(["", ""], about(ModelFolder.open(model))))


def inspector(model: Path, threads: int, to: str | None = None) -> "Inspector":
    from nmt.show.attention import Inspector

    opened = Inspector.load(model, to)
    if threads:
        import torch

        torch.set_num_threads(threads)
    return opened


def show_positions(model: Path, output: Path, threads: int) -> None:
    from nmt.show.charts import positions_picture, write_picture
    from nmt.show.page import write_chart_page

    chart = positions_picture(inspector(model, threads).positions(POSITIONS))
    if output.suffix == ".html":
        about = "The values added to a piece's embedding: each row is a position, each column a feature."
        write_chart_page(output, "Positional encoding", about, chart)
    else:
        write_picture(chart, output)


def show_attention(
    opened: "Inspector", text: str, target: str | None, by: str | None, output: Path | None, quiet: bool
) -> None:
    pair = opened.look(text, target)
    unit = by or pair.unit
    if not output:
        show_links(pair, unit, quiet)
    elif output.suffix == ".html":
        from nmt.show.page import write_attention_page

        write_attention_page(pair, output, unit)
    else:
        from nmt.show.charts import write_drawing
        from nmt.show.slide import slide

        write_drawing(slide(pair, unit), output)


def show_links(pair: "SentencePair", unit: str, quiet: bool) -> None:
    """Print where each piece or word of the target looks most, by the clearest head."""
    from nmt.cli.console import say, show, table
    from nmt.show.clearest import clearest

    attention = pair.maps[0]
    layer, head, why = clearest(attention, pair.links)
    attention = attention.by_words() if unit == "words" else attention
    weights = attention.weights[layer, head]
    best = weights.argmax(1)
    rows = [(row, attention.columns[best[t]], f"{weights[t, best[t]]:.2f}") for t, row in enumerate(attention.rows)]
    show(table(["target", "source", "weight"], rows))
    if not quiet:
        say(f"layer {layer + 1}, head {head + 1}: {why}")
