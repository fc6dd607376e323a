"""Text to text, the one path of every translation: lines → pieces → batches → engine → lines. Knows no tensor.

Lines are gathered into windows, sorted by length, translated in batches of little padding and handed out in their own
order, so memory depends on the window and not on the file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple, Never, Protocol, Self

from nmt.config import EngineOptions, SearchOptions
from nmt.decoding.arguments import check_arguments, checked_lines, checked_options
from nmt.decoding.cutting import cut
from nmt.decoding.engine import MAX_PIECES, Engine, Hypothesis, Query
from nmt.decoding.shaping import Shaper, SourceTokenizer
from nmt.errors import BusyError, SettingsError
from nmt.text.lines import PAUSE, Pause, one_line
from nmt.text.machine import check_threads
from nmt.text.profile import Profile
from nmt.text.progress import Progress, Silent
from nmt.text.sentences import join_sentences

BATCH_TOKENS = EngineOptions.batch_tokens
"""Padded source tokens of a batch: rows × (longest source + 1)."""

WINDOW = 4096
"""Lines read ahead and sorted by length: on sentences that leaves under 2% padding and costs a few megabytes."""

WINDOW_CHARACTERS = 1 << 22
"""The same bound for a file of very long lines."""


class Alternative(NamedTuple):
    """Another hypothesis of a line, worse than its translation."""

    text: str
    score: float


@dataclass(frozen=True)
class Translation:
    """One translated line."""

    source: str
    text: str
    score: float  # sum of log-probabilities / length^A; of a line cut in pieces the mean of theirs; 0.0 when blank
    alternatives: list[Alternative] = field(default_factory=list)  # the rest of the n-best list, best first
    source_pieces: int = 0
    target_pieces: int = 0


class TargetTokenizer(Protocol):
    """What the Translator asks of the target side's tokenizer."""

    def decode(self, pieces: Sequence[Sequence[int]]) -> list[str]: ...


@dataclass
class Segment:
    """What the engine translates at once: a line, or a part of one."""

    line: int  # place in the window
    pieces: list[int]
    marked: bool = False  # with a final mark that the line does not have
    hypotheses: list[Hypothesis] = field(default_factory=list)


class Translator:
    """Translates lines with any engine. Raises SettingsError when the engine cannot search with ``options``."""

    model = ""  # SHA-256 of the manifest of the model folder that was loaded

    def __init__(
        self,
        engine: Engine,
        source_tokenizer: SourceTokenizer,
        target_tokenizer: TargetTokenizer,
        options: SearchOptions | None = None,
        batch_tokens: int = BATCH_TOKENS,
        window: int = WINDOW,
        profile: Profile | None = None,
    ) -> None:
        self.engine = engine
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.options = options or SearchOptions()
        self.batch_tokens = batch_tokens
        self.window = window
        self.shaper = Shaper(source_tokenizer, profile)
        self._warned_of_memory = False
        reason = engine.supports(self.options)
        if reason:
            raise SettingsError(reason, "leave that option out")

    def __reduce__(self) -> Never:
        raise TypeError("a Translator cannot be copied or sent to another process: load it in each process")

    @classmethod
    def load(
        cls,
        path: str | Path,
        options: SearchOptions | None = None,
        batch_tokens: int = BATCH_TOKENS,
        device: str = "auto",
        threads: int = 0,
        engine: str = "auto",
        compute_type: str = "float32",
        **unknown: Never,
    ) -> Self:
        """The translator of a model folder, or of the training run that holds one.

        ``engine`` is torch, ctranslate2 or auto, the faster of those that can do it; ``device`` auto, cpu, cuda or mps;
        ``threads`` of the CPU 0 for as many as there are cores; ``compute_type`` float32 or int8, faster where the
        processor has instructions for it, and a little worse. Raises MissingInputError or DataError when there is no
        sound model at ``path``, SettingsError for an engine or a device that cannot, or a value out of bounds.
        """
        check_arguments(cls.load, unknown)
        options = checked_options(options)
        checked = EngineOptions(batch_tokens, device, threads, engine, compute_type)
        check_threads(threads, "`threads`")
        from nmt.disk.files import sha256
        from nmt.disk.manifest import NAME
        from nmt.store.model_folder import ModelFolder, resolve_model_folder

        folder = ModelFolder.open(resolve_model_folder(Path(path)))
        model = sha256(folder.folder / NAME)
        tokenizers, profile = folder.tokenizers, folder.profile

        # Only now, since it may take seconds: what is wrong with the path or the model has been said by then.
        from nmt.decoding.engines import load_engine

        chosen = load_engine(folder, options, checked)
        translator = cls(chosen, *tokenizers, options, batch_tokens, profile=profile)
        translator.model = model
        return translator

    def about(self) -> dict[str, str | int | float]:
        """All that its translations of a line, and the lines it translates together, depend on besides the input."""
        bounds = {"window": self.window, "window characters": WINDOW_CHARACTERS, "longest line": MAX_PIECES}
        search = {name.replace("_", " "): value for name, value in asdict(self.options).items()}
        import sentencepiece  # which the tokenizers have loaded; importlib.metadata would cost 15 ms

        pieces = {"sentencepiece": sentencepiece.__version__}
        return {
            "model": self.model,
            **pieces,
            **self.engine.about(),
            **self.shaper.about(),
            **search,
            "batch tokens": self.batch_tokens,
            **bounds,
        }

    def translate(
        self, lines: Iterable[str], progress: Progress | None = None, at_once: bool = False, **unknown: Never
    ) -> Iterator[Translation]:
        """The translation of each line, in order; at most a window of lines is read ahead.

        ``at_once`` translates each line before the next is asked for: for lines that come slowly. A blank line gives an
        empty translation without asking the engine. ``progress`` is advanced line by line (its stage is the caller's to
        start and to finish) and warned of over-long lines. Raises TypeError for what is not lines; while iterating,
        TypeError for an item that is not a line, BusyError for a line that does not fit into memory.
        """
        check_arguments(self.translate, unknown)
        return self.translations(checked_lines(lines, at_once), progress or Silent())

    def translations(self, lines: Iterable[str | Pause], progress: Progress) -> Iterator[Translation]:
        before = 0
        for window in self.windows(lines):
            yield from self.translate_window(window, before, progress)
            before += len(window)
        self.shaper.warn_of_strange(progress)

    def windows(self, lines: Iterable[str | Pause]) -> Iterator[list[str]]:
        """The lines that are translated together: where they end depends on the lines before, and on pauses, alone.

        At a pause what has been read is translated, however little it is.
        """
        window: list[str] = []
        characters = 0
        for line in lines:
            if line is not PAUSE:
                window.append(line)
                characters += len(line)
            if window and (line is PAUSE or len(window) == self.window or characters >= WINDOW_CHARACTERS):
                yield window
                window, characters = [], 0
        if window:
            yield window

    def translate_window(self, lines: list[str], before: int, progress: Progress) -> list[Translation]:
        """The translations of ``lines``, which follow ``before`` others."""
        segments = list(self.segments(lines, before, progress))
        waiting = [0] * len(lines)  # segments of each line
        for segment in segments:
            waiting[segment.line] += 1
        progress.advance(waiting.count(0))
        for batch in self.search(segments, before, progress):
            done = 0
            for segment in batch:
                waiting[segment.line] -= 1
                done += waiting[segment.line] == 0
            progress.advance(done)
        return self.assemble(lines, segments)

    def segments(self, lines: list[str], before: int, progress: Progress) -> Iterator[Segment]:
        """What the engine is to translate for the lines: each whole, in parts, or not at all when it is blank."""
        for number, parts in enumerate(self.shaper.shape(lines, before)):
            for part in parts:
                if len(part.pieces) <= MAX_PIECES:  # else it is cut, and that is said
                    self.shaper.warn_of_length(part, before + number + 1, progress)
                for pieces in self.cut(part.pieces, before + number + 1, progress):
                    yield Segment(number, pieces, part.marked)

    def search(self, segments: list[Segment], before: int, progress: Progress) -> Iterator[list[Segment]]:
        """Give the segments their hypotheses, batch after batch.

        A batch that does not fit into memory is halved, and so are all that follow in this window. Longest first, so
        that this comes early. Raises BusyError when a segment does not fit even alone.
        """
        left = sorted(segments, key=lambda segment: -len(segment.pieces))
        budget = self.batch_tokens
        with ExitStack() as stack:
            search: Callable[..., Iterable[list[list[Hypothesis]] | None]] = map
            if self.engine.workers > 1:
                pool = ThreadPoolExecutor(self.engine.workers)
                stack.callback(pool.shutdown, cancel_futures=True)
                search = pool.map
            while left:
                batches = list(cut_batches(left, budget))
                for batch, found in zip(batches, search(self.search_batch, batches), strict=True):
                    if found is None:
                        budget = self.halve(batch, before, progress)
                        break
                    for segment, hypotheses in zip(batch, found, strict=True):
                        segment.hypotheses = hypotheses
                    left = left[len(batch) :]
                    yield batch

    def search_batch(self, batch: list[Segment]) -> list[list[Hypothesis]] | None:
        """What the engine finds for the segments of one batch; None when they do not fit into memory."""
        with suppress(BusyError):
            return self.engine.search([Query(segment.pieces) for segment in batch], self.options)
        return None

    def halve(self, batch: list[Segment], before: int, progress: Progress) -> int:
        """The budget in padded tokens for a half of the batch."""
        if len(batch) == 1:
            line = before + batch[0].line + 1
            raise BusyError(f"line {line} does not fit into memory even alone", "use a smaller `beam_size`")
        budget = len(batch) // 2 * (len(batch[0].pieces) + 1)
        if not self._warned_of_memory:
            self._warned_of_memory = True
            progress.warn(f"out of memory: batches are halved; `batch_tokens` {budget} would have fitted better")
        return budget

    def cut(self, source: list[int], number: int, progress: Progress) -> list[list[int]]:
        """The pieces of a line as the engine gets them: whole, in parts when over-long, not at all when empty."""
        if len(source) <= MAX_PIECES:
            return [source] if source else []
        parts = cut(self.source_tokenizer.spell(source), MAX_PIECES)
        progress.warn(f"line {number} has {len(source)} pieces: it is translated in {len(parts)} parts")
        return [source[part] for part in parts]

    def assemble(self, lines: list[str], segments: list[Segment]) -> list[Translation]:
        """Decode what was found and put the parts of each line together."""
        pieces = [hypothesis.pieces for segment in segments for hypothesis in segment.hypotheses]
        texts = iter(self.target_tokenizer.decode(pieces))
        ranked: list[list[list[Alternative]]] = [[] for _ in lines]  # of each line each segment's n-best list
        source_pieces, target_pieces = [0] * len(lines), [0] * len(lines)
        for segment in segments:
            found = [Alternative(one_line(next(texts)), hypothesis.score) for hypothesis in segment.hypotheses]
            if segment.marked:
                found = [Alternative(self.shaper.unmarked(text), score) for text, score in found]
            ranked[segment.line].append(found)
            source_pieces[segment.line] += len(segment.pieces)
            target_pieces[segment.line] += len(segment.hypotheses[0].pieces)
        merged = [merge(parts) for parts in ranked]
        return [
            Translation(line, best.text, best.score, others, source_count, target_count)
            for line, (best, *others), source_count, target_count in zip(
                lines, merged, source_pieces, target_pieces, strict=True
            )
        ]


def merge(parts: list[list[Alternative]]) -> list[Alternative]:
    """One n-best list from those of a line's parts: their bests joined, then their seconds and so on."""
    if not parts:
        return [Alternative("", 0.0)]
    if len(parts) == 1:
        return parts[0]
    merged = []
    for rank in range(max(len(part) for part in parts)):
        chosen = [part[min(rank, len(part) - 1)] for part in parts]
        text = join_sentences(one.text for one in chosen)
        merged.append(Alternative(text, sum(one.score for one in chosen) / len(chosen)))
    return merged


def cut_batches(segments: list[Segment], batch_tokens: int) -> Iterator[list[Segment]]:
    """The segments, which come longest first, in batches of at most ``batch_tokens`` padded tokens, or of one."""
    while segments:
        count = max(1, batch_tokens // (len(segments[0].pieces) + 1))
        yield segments[:count]
        segments = segments[count:]
