"""Model folders with one mutated file, inspected and used to translate in a forked child, one in each trial.

The model must work, or the child must end with one line of an NmtError. If the manifest's hashes were not corrected, it
must be the error.
"""

import hashlib
import json
import os
import resource
import shutil
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NoReturn, cast

from nmt.errors import NmtError

from .mutations import STRUCTURE, Maker, mutate

MANIFEST = "manifest.json"
SECONDS = 2.0  # of the processor: a busy machine makes nothing longer
LONGEST = 60  # seconds on the wall, after which something waits for what never comes
BYTES = 200_000_000  # more than the file has
RUNAWAY = 1 << 30  # bytes at which the kernel refuses more, so that one failure does not take the machine
CODES = {65, 66}  # of a model file that is bad, or missing
LINE = "나는 the red 집에서 <s> ▁ 龘."
TEXT = [f"{who} {what} {does}." for who in ("나는", "우리는", "The man") for what in ("집에서", "the red house")
        for does in ("간다", "읽는다", "sees", "reads")]  # fmt: skip

Folder = dict[str, bytes]  # the files of a model folder by name


@dataclass
class MutatedModelArea:
    """Mutations of one kind of file; ``outcomes`` and ``worst`` keep the figures of the last run."""

    file: str
    full: int = 5000
    quick: int = 12
    outcomes: Counter[str] = field(default_factory=Counter)
    worst: dict[str, tuple[float, str]] = field(default_factory=dict)  # seconds, bytes: the most, and of which trial

    @property
    def name(self) -> str:
        return f"mutated {self.file}"

    def run(self, workplace: Path, trials: int, seed: int) -> list[str]:
        """Run the trials; return the failures, each with the trial and the seed that repeat it."""
        models = list(tiny_models(workplace))
        folder = workplace / "model"
        write(folder, models[0])
        for engine in ("auto", "torch"):
            use(folder, engine)  # imports, and whatever is set up once: not the mutations' doing
        failures = []
        for trial in range(trials):
            dice = Random(f"{seed} {self.file} {trial}")
            model = dice.choice(models)
            done, mutated = mutate(self.file, model[self.file], dice)
            rewritten = self.file != MANIFEST and dice.random() < 0.75
            write(folder, model, self.file, mutated, rewritten)
            what = f"{done}, hashes {'rewritten' if rewritten else 'as they were'}"
            # The manifest has no hash of itself.
            accident = not rewritten and self.file != MANIFEST and mutated != model[self.file]
            end = forked(folder, ("auto", "torch")[trial % 2])
            failure = self.judge(end, len(mutated) if isinstance(mutated, bytes) else 0, accident, what)
            if failure:
                failures.append(f"trial {trial} of seed {seed}, {what}: {failure}")
        return failures

    def judge(self, end: "End", size: int, accident: bool, what: str) -> str:
        """What is wrong with the end of a child, or nothing; the hashes must detect an ``accident``."""
        for measure, value in (("seconds", end.seconds), ("bytes", float(end.grown - size))):
            self.worst[measure] = max(self.worst.get(measure, (0.0, "")), (value, what))
        self.outcomes["died" if end.status else "refused" if all(end.said) else "works"] += 1
        if accident and not end.status and not all(end.said):
            return "the hashes were wrong, and it worked"
        return wrong_end(end, size, CODES)


@dataclass(frozen=True)
class End:
    """The exit of a child, and its output."""

    status: str  # what killed it, or nothing
    said: list[list[Any]]  # of each use, nothing or [exit code, message]
    grown: int  # bytes of memory at most, beyond those of its start
    seconds: float  # of the processor


def wrong_end(end: End, size: int, codes: Container[int]) -> str:
    """What is wrong with the end of a child that got a file of this many bytes; empty if nothing is."""
    if end.status:
        return f"ended by {end.status} after {end.seconds:.1f} s"
    if end.seconds > SECONDS:
        return f"took {end.seconds:.1f} s"
    if end.grown > size + BYTES:
        return f"took {end.grown:,} bytes for a file of {size:,}"
    return next((wrong for said in end.said if (wrong := wrong_words(said, codes))), "")


def wrong_words(said: Sequence[Any], codes: Container[int]) -> str:
    """What is wrong with an error, an [exit code, message]; empty for a good error and for none."""
    if not said:
        return ""
    code, message = said
    if code not in codes:
        return f"exit code {code}: {message}"
    if len(message) > 500 or not message.isprintable() or "; " not in message:
        return f"not one line fit for a person: {message[:1000]!r}"
    return ""


# --- models -----------------------------------------------------------------------------------------------------------


def tiny_models(workplace: Path) -> list[Folder]:
    """Untrained models of several kinds, exported as training does."""
    import torch

    from nmt.config import ModelConfig
    from nmt.decoding.usable import FEATURES, Usable
    from nmt.model import build_model
    from nmt.store.model_folder import ModelAbout, export_model
    from nmt.text.tokenizer import Tokenizer, train_tokenizer

    torch.set_num_threads(1)
    torch.manual_seed(1)
    shape: dict[str, Any] = dict(width=16, feed_forward=16, encoder_layers=1, decoder_layers=1, heads=2)
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("unigram", {}),
        ("bpe", dict(norm="post", positions="learned", tied_embeddings=False)),
        ("bpe", dict(family="recurrent", attention_score="concat", cell="gru")),
    ]
    models = []
    for number, (kind, settings) in enumerate(kinds):
        pieces = train_tokenizer(TEXT, kind, 300, exact=False)
        names = ["tokenizer.model", "tokenizer.target.model"][: 1 + number % 2]
        config, size = ModelConfig(**shape, **settings), Tokenizer(pieces, kind).size
        module = build_model(config, size, size, joint=len(names) == 1)
        about = ModelAbout(config, {"source": "ko", "target": "en"}, dict.fromkeys(names, pieces))
        facts = {"step": 20, "training": {"pairs": 300, "epochs": 1.5}, "validation": {"bleu": 1.5}, "data": "0" * 64}
        one = [0.5] * len(FEATURES)
        facts["usable"] = Usable(50.0, 300, 0.5, one, one, one).facts()
        export_model(workplace / "exported", module.state_dict(), about, facts)
        models.append({path.name: path.read_bytes() for path in (workplace / "exported").iterdir()})
    return models


def write(folder: Path, model: Folder, file: str = "", mutated: bytes | Maker = b"", rewritten: bool = False) -> None:
    """Write a model folder with ``file`` mutated; if ``rewritten``, correct its size and hash in the manifest."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(os.environ["XDG_CACHE_HOME"], ignore_errors=True)
    folder.mkdir()
    for name, data in model.items():
        if name != file:
            (folder / name).write_bytes(data)
        elif isinstance(mutated, bytes):
            (folder / name).write_bytes(mutated)
        else:
            mutated(folder / name)
    if rewritten:
        manifest = json.loads(model[MANIFEST])
        size = (folder / file).stat().st_size if (folder / file).exists() else 0
        data = mutated if isinstance(mutated, bytes) else b""
        manifest["files"][file] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": size}
        (folder / MANIFEST).write_text(json.dumps(manifest))


# --- a trial ----------------------------------------------------------------------------------------------------------


def use(folder: Path, engine: str) -> list[list[Any]]:
    """Inspect the model and translate a line; for each, nothing or the error's [exit code, message]."""
    from nmt.config import SearchOptions
    from nmt.decoding.translator import Translator
    from nmt.show.about import about
    from nmt.store.model_folder import ModelFolder
    from nmt.text.tokenizer import EOS, Tokenizer

    def look() -> None:
        for row in about(ModelFolder.open(folder)):
            assert all(map(str.isprintable, row)), f"not for a terminal: {row}"

    def translate() -> None:
        options = SearchOptions(beam_size=2, max_length_factor=0.1)
        translator = Translator.load(folder, options, device="cpu", threads=1, engine=engine)
        tokenizer = cast("Tokenizer", translator.source_tokenizer)
        ids = tokenizer.encode([LINE])
        assert min(ids[0]) > EOS, f"what is typed became a special piece: {ids}"
        assert tokenizer.decode(ids) == [LINE], "text does not survive"
        (translation,) = translator.translate([LINE])
        assert len(f"{translation.text}!".splitlines()) == 1, f"not one line: {translation.text!r}"
        assert 0 <= (translation.usable or 0) <= 1, f"no probability: {translation.usable}"

    return [told(look), told(translate)]


def told(action: Callable[[], object]) -> list[Any]:
    """The [exit code, message] of the error that the action raised; empty if none."""
    try:
        action()
    except NmtError as error:
        return [error.exit_code, str(error)]
    return []


def forked(folder: Path, engine: str) -> End:
    """Use the folder in a child, which may crash."""
    return tried(lambda: use(folder, engine))


def tried(work: Callable[[], list[list[Any]]]) -> End:
    """Do the work in a child with resource limits; return the results of its parts."""
    report, tell = os.pipe()
    child = os.fork()
    if child == 0:
        _live(work, tell)
    os.close(tell)
    with open(report, encoding="utf-8") as stream:
        words = stream.read()
    _, status, usage = os.wait4(child, 0)
    seconds = usage.ru_utime + usage.ru_stime
    if os.WIFSIGNALED(status):
        return End(f"signal {os.WTERMSIG(status)}", [], 0, seconds)
    try:
        grown, said = json.loads(words)
    except ValueError:
        return End(f"exception: {words[-1500:]}", [], 0, seconds)
    return End("", said, grown, seconds)


def _live(work: Callable[[], list[list[Any]]], tell: int) -> NoReturn:
    """Work in the child: set limits, write the results, and exit without clean-up."""
    try:
        for number in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(LONGEST)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        limit = 1024 * memory("VmSize") + RUNAWAY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        Path("/proc/self/clear_refs").write_text("5")  # the largest size so far is forgotten
        before = memory("VmRSS")
        said = work()
        words = json.dumps([1024 * (memory("VmHWM") - before), said])
    except BaseException:
        words = traceback.format_exc()
    os.write(tell, words.encode("utf-8", "backslashreplace")[:60_000])  # all of it fits into a pipe
    os._exit(0)


def memory(key: str) -> int:
    """A figure of this process's memory, in units of 1,024 bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


AREAS = [MutatedModelArea(file) for file in STRUCTURE]
