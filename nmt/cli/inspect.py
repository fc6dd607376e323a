"""``nmt inspect``: what a model is, and what it looks at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.options import IsQuiet, IsVerbose, Threads
from nmt.errors import UsageError

if TYPE_CHECKING:
    from nmt.show.attention import AttentionMap, Inspector

FORMATS = (".html", ".png", ".svg")
POSITIONS = 64  # in the picture of the positional encoding


def inspect(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A training run, or the model folder in it.")],
    text: Annotated[str | None, typer.Option(metavar="LINE", help="Look at attention on this source sentence.")] = None,
    target: Annotated[
        str | None, typer.Option(metavar="LINE", help="Its target; default: the model's own translation.")
    ] = None,
    positions: Annotated[bool, typer.Option("--positions", help="Show the positional encoding.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="PAGE", help="A page to click through, or a picture: .html, .png or .svg."
        ),
    ] = None,
    threads: Threads = 0,
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Show what a model is, or what its attention looks at.

    Without --text or --positions: a table of its shape, parameters, vocabulary, training and scores.
    """
    if target is not None and text is None:
        raise UsageError("--target has no source to it", "add --text with the source sentence")
    if positions and text is not None:
        raise UsageError("--text and --positions are two pictures", "ask for one of them")
    if positions and not output:
        raise UsageError("--positions is a picture", "name a file for it with --output")
    if output and not (positions or text is not None):
        raise UsageError("--output has nothing to show", "add --text LINE or --positions")
    if output and output.suffix not in FORMATS:
        raise UsageError(f"{output} is no page or picture", f"let its name end in one of {', '.join(FORMATS)}")
    if output:
        from nmt.disk.outputs import check_outputs
        from nmt.store.model_folder import places

        check_outputs([("--output", output)], places(model))
        from nmt.show.charts import plotting

        plotting()  # before the model is loaded: what is missing is said at once
    if positions and output:
        show_positions(model, output, threads)
    elif text is not None:
        show_attention(model, text, target, output, threads)
    else:
        show_table(model)
    if output and not quiet:
        from nmt.cli.console import say

        say(f"wrote {output}")


def show_table(model: Path) -> None:
    from nmt.cli.console import show, table
    from nmt.show.about import about
    from nmt.store.model_folder import ModelFolder, resolve_model_folder

    show(table(["", ""], about(ModelFolder.open(resolve_model_folder(model)))))


def inspector(model: Path, threads: int) -> "Inspector":
    from nmt.show.attention import Inspector

    opened = Inspector.load(model)
    if threads:
        import torch

        torch.set_num_threads(threads)
    return opened


def show_positions(model: Path, output: Path, threads: int) -> None:
    from nmt.show.charts import positions_picture, write_picture
    from nmt.show.page import write_page

    chart = positions_picture(inspector(model, threads).positions(POSITIONS))
    if output.suffix == ".html":
        text = ["What is added to the embedding of a piece: a row a position, a column a feature."]
        write_page(output, "Positional encoding", text, chart)
    else:
        write_picture(chart, output)


def show_attention(model: Path, text: str, target: str | None, output: Path | None, threads: int) -> None:
    pair = inspector(model, threads).look(text, target)
    if not output:
        from nmt.cli.console import show, table

        show(table(["target", "source", "weight"], alignment(pair.maps[0])))
    elif output.suffix == ".html":
        from nmt.show.page import write_attention_page

        write_attention_page(pair, output)
    else:
        from nmt.show.charts import attention_picture, write_picture

        write_picture(attention_picture(pair), output)


def alignment(found: "AttentionMap") -> list[tuple[str, ...]]:
    """Of each target piece the source piece that gets most of its attention, on average."""
    weights = found.view(None, None)
    best = weights.argmax(1)
    return [(row, found.columns[best[t]], f"{weights[t, best[t]]:.2f}") for t, row in enumerate(found.rows)]
