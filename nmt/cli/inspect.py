"""``nmt inspect``: a model's facts, its attention and its positional encoding. Knows no tensor and no drawing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.directions import To
from nmt.cli.options import IsQuiet, IsVerbose, Threads
from nmt.errors import UsageError

if TYPE_CHECKING:
    from nmt.show.attention import AttentionMap, Inspector

FORMATS = (".html", ".png", ".svg")
POSITIONS = 64  # rows in the picture of the positional encoding


def inspect(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A training run, its model folder, or one file.")],
    text: Annotated[str | None, typer.Option(metavar="LINE", help="Show attention for this source sentence.")] = None,
    target: Annotated[
        str | None, typer.Option(metavar="LINE", help="Its target sentence (default: the model's translation).")
    ] = None,
    to: To = "",
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

        plotting()  # a missing package is reported before the model is loaded
    if positions and output:
        show_positions(model, output, threads)
    elif text is not None:
        show_attention(model, to, text, target, output, threads)
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
    from nmt.show.page import write_page

    chart = positions_picture(inspector(model, threads).positions(POSITIONS))
    if output.suffix == ".html":
        text = ["The values added to a piece's embedding: each row is a position, each column a feature."]
        write_page(output, "Positional encoding", text, chart)
    else:
        write_picture(chart, output)


def show_attention(model: Path, to: str, text: str, target: str | None, output: Path | None, threads: int) -> None:
    pair = inspector(model, threads, to).look(text, target)
    if not output:
        from nmt.cli.console import show, table

        show(table(["target", "source", "weight"], alignment(pair.maps[0])))
    elif output.suffix == ".html":
        from nmt.show.page import write_attention_page

        write_attention_page(pair, output)
    else:
        from nmt.show.charts import attention_picture, write_picture

        write_picture(attention_picture(pair), output)


def alignment(attention: "AttentionMap") -> list[tuple[str, ...]]:
    """(target piece, source piece, weight): the source piece with most of each target piece's average attention."""
    weights = attention.view(None, None)
    best = weights.argmax(1)
    return [(row, attention.columns[best[t]], f"{weights[t, best[t]]:.2f}") for t, row in enumerate(attention.rows)]
