"""``nmt train``: flags to a training run, and what a person sees of it. Knows no step of training."""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from nmt.cli.launch import launch
from nmt.cli.options import DeviceName, IsQuiet, IsVerbose, Threads, bounded
from nmt.cli.signals import catch_signals, die_by, second_ends_at_once

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from nmt.cli.monitor import Monitor
    from nmt.text.progress import Progress
    from nmt.training.plan import Plan
    from nmt.training.request import TrainJob


# Over 50 lines because each flag is a parameter.
def train(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A dataset made by nmt prepare.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="Folder of the training run.")],
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="auto (fits the corpus), tiny, small, base, big, student or rnn.")
    ] = "auto",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file of settings over the preset, like RUN/config.toml.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, like model.width=256. Repeats.")
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Budget: train for N updates.")] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Budget: train for N passes over the data.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(metavar="M", min=0.001, help="Budget: train for M minutes.")] = None,
    batch_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Padded tokens in a batch: rows × the longest side.")
    ] = None,
    validate_every: Annotated[
        int | None,
        typer.Option(metavar="N", help="Updates between validations (default: 20 validations in the budget)."),
    ] = None,
    save_every: Annotated[
        int | None, typer.Option(metavar="N", help="Updates between checkpoints (default: at each validation).")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(metavar="N", help="Newest checkpoints to keep, at least 2 (default: 2).")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(metavar="N", help="Stop after N validations without a better score (default: never).")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed of all random numbers (default: 1).")] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            help="Start from this model's weights; pieces that it lacks begin with the vectors of their parts.",
        ),
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="Learn this model's translations of the training sources too. Repeats."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume/--no-resume", help="Resume the run in RUN, or refuse to.")] = True,
    overwrite: Annotated[bool, typer.Option(help="Move a run in RUN aside and start a new one.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print the time, memory and disk that the run would take; train nothing.")
    ] = False,
    verify_resume: Annotated[
        bool, typer.Option("--verify-resume", help="Check that 20 updates and 10 + 10 give the same bits, beside RUN.")
    ] = False,
    devices: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, callback=bounded, help="Train in N processes, one for each GPU or part of the cores."
        ),
    ] = 1,
    device: DeviceName = "auto",
    threads: Threads = 0,
    quiet: IsQuiet = False,
    verbose: IsVerbose = False,
) -> None:
    """Train a translation model on a prepared dataset.

    The same command resumes an interrupted run. Settings come from the preset, --config, --set and flags, of which the
    later ones win; all of them are written to RUN/config.toml.
    """
    from nmt.cli.console import terminal_progress
    from nmt.cli.monitor import monitor
    from nmt.settings_file import parse_assignment, read_toml
    from nmt.text.machine import check_threads
    from nmt.training.request import TrainRequest, read_request

    flags = {
        "steps": steps,
        "epochs": epochs,
        "minutes": minutes,
        "batch_tokens": batch_tokens,
        "validate_every": validate_every,
        "save_every": save_every,
        "keep": keep,
        "patience": patience,
        "seed": seed,
    }
    layers = [read_toml(config)] if config else []
    layers += [parse_assignment(text) for text in set_ or []]
    layers.append({"training": {name: value for name, value in flags.items() if value is not None}})
    started = int(os.environ.get("WORLD_SIZE", "1"))  # processes, by torchrun or nmt.cli.launch
    cores = check_threads(threads * max(devices, started), "--threads × --devices")
    request = TrainRequest(
        data, output, preset, tuple(layers), resume, overwrite, tuple(teacher or ()), init, device, cores, config
    )
    job = read_request(request)  # its mistakes are reported before PyTorch is imported, which takes seconds
    if devices > 1 and started == 1 and not (plan or verify_resume):
        launch(devices, output, threads)
    elif plan:
        print_plan(job, threads, terminal_progress(quiet, verbose))
    elif verify_resume:
        verify(job, threads, monitor(quiet, verbose))
    else:
        run_training(job, threads, monitor(quiet, verbose))


def print_plan(job: "TrainJob", threads: int, progress: "AbstractContextManager[Progress]") -> None:
    """Measure a few updates and print what the run would take, as a table."""
    import torch

    from nmt.cli.console import table
    from nmt.model.device import choose_device
    from nmt.presets import auto
    from nmt.training.plan import plan

    if threads:
        torch.set_num_threads(threads)
    with progress as reporter:
        cost = plan(job, choose_device(job.request.device), reporter)
    model, training = cost.config.model, cost.config.training
    chosen = job.request.preset
    if chosen == "auto":
        rule = auto(cost.task)
        chosen = f"{rule.preset}, by auto for {cost.pairs:,} pairs: {rule.why}"
    rows, source, target = cost.longest_batch
    hours, minutes = divmod(round(cost.seconds / 60), 60)
    shared = "one vocabulary" if len(cost.vocabularies) == 1 else "vocabularies"
    sizes = " and ".join(f"{size:,}" for size in cost.vocabularies)
    lines = {
        "preset": chosen,
        "model": f"{model.family}, {model.encoder_layers}+{model.decoder_layers} layers, width {model.width}, "
        f"dropout {model.dropout:g}",
        "parameters": f"{cost.parameters:,}, with {shared} of {sizes} pieces",
        "rate": f"{training.learning_rate:g} after {training.warmup_steps:,} updates of warm-up, then linearly to 0",
        "batches": f"{training.batch_tokens:,} padded tokens; the longest has {rows:,} rows of {source} and {target}",
        "memory": f"{cost.peak_memory / 1e6:,.0f} MB at the longest batch",
        "speed": f"{cost.target_tokens_per_second:,.0f} target tokens a second, "
        f"{cost.seconds_per_update:.3f} s an update",
        "epoch": f"{cost.updates_per_epoch:,} updates, "
        f"{cost.updates_per_epoch * cost.seconds_per_update / 60:.1f} minutes",
        "budget": f"{cost.updates:,} updates, {cost.epochs:.1f} epochs, "
        f"{hours}:{minutes:02} hours, without validation and saving",
        **rounds_of(cost),
        "disk": f"{cost.disk / 1e6:,.0f} MB at most; a checkpoint has {cost.checkpoint / 1e6:,.0f} MB, the model "
        f"{cost.model / 1e6:,.0f} MB",
    }
    print(table(["", ""], lines.items()), end="")


def rounds_of(cost: "Plan") -> dict[str, str]:
    """When synthetic pairs would be made and what that takes, a line a round; none without them."""
    from math import ceil

    training, lines = cost.config.training, {}
    for each in cost.rounds:
        begins, name = each.stage.begins, each.stage.round
        if training.steps:
            place = f"update {ceil(begins * training.steps):,}"
        else:
            place = (
                f"epoch {begins * training.epochs:.1f}" if training.epochs else f"{begins * training.minutes:.1f} min"
            )
        when = f"at {begins:.0%} of the budget ({place})" if begins else "before the first update"
        lines[f"round {name}" if name.isdigit() else name] = (
            f"{when}: up to {each.texts:,.0f} of {cost.texts.count:,} texts, about {each.seconds / 60:.1f} minutes"
        )
    if lines and not cost.stages[-1].round:
        lines["real pairs"] = f"alone up to the first round, and from {cost.stages[-1].begins:.0%} of the budget on"
    return lines


def verify(job: "TrainJob", threads: int, reporter: "AbstractContextManager[Monitor]") -> None:
    """Print whether a resumed run equals an uninterrupted one on these data and this machine, bit for bit."""
    from nmt.model.device import choose_device
    from nmt.training.verify import verify_resume

    with reporter as monitor:
        updates = verify_resume(job.request, choose_device(job.request.device), threads, monitor)
    print(f"identical: {updates} updates at once, and with a stop and a resumption half-way; every bit is the same")


def run_training(job: "TrainJob", threads: int, reporter: "AbstractContextManager[Monitor]") -> None:
    """Train and report. After a signal, the work is saved before the process dies by that signal."""
    import torch

    from nmt.model.device import choose_device
    from nmt.training.distribution import PeerLostError, join
    from nmt.training.opening import open_run

    if threads:
        torch.set_num_threads(threads)
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        if number != signal.SIGPIPE:  # it comes again with every line that is printed before the work is saved
            second_ends_at_once()

    catch_signals(catch)
    parent = os.getppid()
    with join(choose_device(job.request.device)) as group:
        try:
            with reporter as monitor, open_run(job, group.device, monitor, group) as run:
                # A process of a group also stops when the one that started it was killed.
                report = run.train(lambda: bool(caught) or (group.size > 1 and os.getppid() != parent))
                if group.leads:
                    monitor.end(report)
        except PeerLostError as error:  # the lost process, or the one that started it, says what is wrong
            raise SystemExit(error.exit_code) from None
    if caught:
        die_by(caught[0])
