"""Monolingual text in ``prepare``: cleaned by the rules that judge a side alone, then encoded with an empty side.

Lines with more sentences than those of the pairs have are split. Copies are dropped, also of what the pairs say. The
vocabulary is that of the pairs: it stays the same, whatever text is added later. Work goes on after a kill, as with
pairs. Knows texts and rules; nothing of who translates the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nmt.corpus.dataset import VALID_TEXT
from nmt.corpus.dropped import Listed
from nmt.corpus.encoder import Encoder
from nmt.corpus.judge import NEVER, Judge
from nmt.corpus.ledger import BLOCK, COLUMNS, PART, Ledger, best_of, range_of
from nmt.corpus.means import WORTH_PROCESSES, Means
from nmt.corpus.mono_split import NAME, MonoReport
from nmt.corpus.rules.boilerplate import Boilerplate
from nmt.corpus.rules.code import without_code
from nmt.corpus.rules.damage import Doubled, Entities, Mojibake, Repetition
from nmt.corpus.rules.duplicate import text_hashes
from nmt.corpus.rules.held_out import IN_TEST, IN_VALID, HeldOut
from nmt.corpus.rules.languages import Language, Script
from nmt.corpus.rules.line_hashes import Hashes, Rows
from nmt.corpus.rules.rule import Chunk, Rule
from nmt.corpus.scan import Scanned
from nmt.corpus.shards import Ragged, Split, SplitWriter
from nmt.corpus.texts import Part, Text, parts_of
from nmt.corpus.verdicts import DUPLICATE, EMPTY, FIRST_RULE, KEPT, TOO_LONG, Scores, VerdictNames, Verdicts
from nmt.disk.files import count_lines
from nmt.text.ahead import ahead
from nmt.text.lines import printable
from nmt.text.normal import normal
from nmt.text.profile import Profile
from nmt.text.words import bare

ONE_SIDED = (
    *(rule.name for rule in (Mojibake, Entities, Script, Language, Repetition, Doubled, Boilerplate)),
    IN_TEST,
    IN_VALID,
)
"""The rules that judge a side although the other is empty."""

CODE = "code"  # the verdict on texts that have no word outside code, tags and addresses
VERDICTS, SCORES, BEGINS, KEYS = COLUMNS_OF_TEXTS = tuple(
    f"mono-{name}.bin" for name in ("verdicts", "scores", "begins", "keys")
)
"""The files of what is known of each text, in the order of ``JudgedPart.columns``."""
ENCODED = "mono-encoded.bin"


class JudgedPart(NamedTuple):
    """What is known of the texts of a part of the file number ``text``."""

    text: int
    verdicts: Verdicts
    scores: Scores  # by the rule that dropped the text; otherwise 0
    begins: npt.NDArray[np.uint8]  # 1 for a text that begins a line of the file, 0 for others
    keys: Hashes  # what equal texts have in common, (texts,)

    @property
    def columns(self) -> tuple[npt.NDArray[Any], ...]:
        """All arrays that have an entry for each text."""
        return self[1:]


@dataclass(frozen=True)
class AddedText:
    """What became of the texts: the manifest's facts, and how often each piece is in those of the target language."""

    facts: dict[str, Any]
    pieces: Rows  # (vocabulary,)
    listed: Sequence[Listed] = ()


@dataclass(frozen=True)
class MonoJudge:
    """The rules that judge a side alone, after they have learnt from the pairs."""

    rules: Sequence[Rule]
    thresholds: Sequence[float]

    @classmethod
    def of(cls, judge: Judge, folder: Path) -> "MonoJudge":
        """The rules of a judge of pairs; a validation set that it drew is read from the dataset in ``folder``."""
        both = zip(judge.rules, judge.thresholds, strict=True)
        rules = [(rule, limit) for rule, limit in both if rule.name in ONE_SIDED]
        limit, _ = judge.late.get(IN_VALID, (NEVER, 0))
        if limit < NEVER:
            sides = [(folder / name).read_text(encoding="utf-8").split("\n")[:-1] for name in VALID_TEXT.values()]
            drawn = HeldOut(IN_VALID, "the validation set", list(zip(*sides, strict=True)))
            drawn.learn(Chunk([]))
            rules.append((drawn, limit))
        return cls([rule for rule, _ in rules], [limit for _, limit in rules])

    @property
    def names(self) -> VerdictNames:
        """The names of the verdicts."""
        return VerdictNames([*(rule.name for rule in self.rules), CODE])

    def judge(self, part: Part) -> JudgedPart:
        """What the rules say of the texts of a part."""
        texts = list(map(normal, part.lines))
        verdicts = np.fromiter((KEPT if text else EMPTY for text in texts), np.uint8, len(texts))
        code = FIRST_RULE + len(self.rules)
        for row, text in enumerate(texts):
            if text and not any(map(str.isalpha, without_code(text))):
                verdicts[row] = code
        rows, scores = np.flatnonzero(verdicts == KEPT), np.zeros(len(texts), np.float32)
        left = Chunk([(texts[row], "") if part.side == 0 else ("", texts[row]) for row in rows.tolist()])
        for number, (rule, threshold) in enumerate(zip(self.rules, self.thresholds, strict=True), FIRST_RULE):
            given = rule.judge(left)
            over = given > threshold
            verdicts[rows[over]], scores[rows[over]] = number, given[over]
            rows, left = rows[~over], left.where(~over)
        return JudgedPart(part.text, verdicts, scores, np.array(part.begins, np.uint8), keys_of(texts, part.side))


def keys_of(texts: Sequence[str], side: int) -> Hashes:
    """Hashes of texts but for case, marks and spaces: uint64 (texts,). Those of both sides differ."""
    return _of_side(text_hashes(list(map(bare, texts))), side)


def _of_side(hashes: Hashes, side: int) -> Hashes:
    keys: Hashes = hashes + np.uint64(side)
    return keys


def add_mono(
    folder: Path,
    texts: Sequence[Text],
    judge: Judge,
    scanned: Sequence[Scanned],
    encoder: Encoder,
    profile: Profile,
    means: Means,
) -> AddedText:
    """Write the texts to the dataset in ``folder``, whose pairs are there.

    Raises DataError for text that cannot be read, BusyError when a process was killed.
    """
    if not texts:
        return AddedText({}, np.zeros(encoder.target.size, np.int64))
    own = MonoJudge.of(judge, folder)
    verdicts, counts = _judge(texts, own, profile.sentences, means)
    _drop_copies(verdicts, scanned, texts, counts, means)
    _encode(folder, texts, verdicts, counts, encoder, profile, means)
    reports, listed, ends = [], [], np.cumsum([0, *counts]).tolist()
    scores, begins = _mapped(means, SCORES, np.float32), _mapped(means, BEGINS, np.uint8)
    for number, text in enumerate(texts):
        own_rows = slice(ends[number], ends[number + 1])
        here = verdicts[own_rows]
        dropped = own.names.count(here)
        path = printable(str(text.path))
        listed.append(Listed(path, own.names, here, scores[own_rows], begins[own_rows]))
        reports.append(MonoReport(path, text.side, len(here), len(here) - sum(dropped.values()), dropped))
        if not reports[-1].kept:
            means.progress.warn(f"{path}: no line of it is left")
    split = Split(folder, NAME, encoder.source.size, encoder.target.size, corpora=len(texts))
    return AddedText({NAME: [asdict(report) for report in reports]}, split.piece_counts("target"), listed)


def _judge(texts: Sequence[Text], judge: MonoJudge, sentences: int, means: Means) -> tuple[Verdicts, list[int]]:
    """The verdicts on all texts, in processes if these are worth starting, and how many texts each file has."""
    total = count_lines([text.path for text in texts])
    means.progress.start("cleaning monolingual text", total=total, unit="lines")
    with means.scratch.stage("monojudged") as stage:
        counts: list[int] = stage.value or [0] * len(texts)
        means.progress.advance(sum(counts))
        columns = [stage.append(name) for name in COLUMNS_OF_TEXTS]
        with means.mapped(judge.judge, WORTH_PROCESSES if total is None else total) as judge_all:
            for judged in judge_all(ahead(parts_of(texts, sentences, counts[:]))):
                for column, values in zip(columns, judged.columns, strict=True):
                    column.write(values)
                counts[judged.text] += len(judged.verdicts)
                stage.note(counts)
                means.progress.advance(len(judged.verdicts))
        if not stage.value:
            stage.note(counts)
        means.progress.finish()
        return np.fromfile(stage.path(VERDICTS), np.uint8), counts


def _drop_copies(
    verdicts: Verdicts, scanned: Sequence[Scanned], texts: Sequence[Text], counts: Sequence[int], means: Means
) -> None:
    """Drop kept texts that an earlier one, or a kept pair, says already. Reads the keys range by range."""
    keys = _mapped(means, KEYS, np.uint64)
    pairs = Ledger.read([means.scratch.folder / name for name in COLUMNS])
    kept = np.concatenate([entry.verdicts for entry in scanned if entry.role == "train"]) == KEPT
    sides = {text.side for text, count in zip(texts, counts, strict=True) if count}
    ranges = (len(keys) + len(kept)) // PART + 1
    for part in range(ranges):
        rows, own = _within(keys, verdicts == KEPT, part, ranges)
        known = [_of_side(_within(pairs.keys[side], kept, part, ranges)[1], side) for side in sides]
        copies = np.isin(own, np.concatenate([np.zeros(0, np.uint64), *known]))
        copies |= best_of(own, np.zeros(len(own), np.float32), rows) != rows
        verdicts[rows[copies]] = DUPLICATE


def _within(keys: Hashes, wanted: np.ndarray[Any, Any], part: int, ranges: int) -> tuple[Any, Hashes]:
    """The ``wanted`` rows, bool (rows,), whose key is in a range, and these keys; read block by block."""
    rows, found = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
    for start in range(0, len(keys), BLOCK):
        block = np.asarray(keys[start : start + BLOCK])
        here = np.flatnonzero(wanted[start : start + BLOCK] & (range_of(block, ranges) == part))
        rows.append(here + start)
        found.append(block[here])
    return np.concatenate(rows), np.concatenate(found)


def _mapped(means: Means, name: str, kind: type) -> npt.NDArray[Any]:
    """The items of a file of the scratch, read when they are used."""
    path = means.scratch.folder / name
    return np.memmap(path, kind, "r") if path.stat().st_size else np.zeros(0, kind)


def _encode(
    folder: Path,
    texts: Sequence[Text],
    verdicts: Verdicts,
    counts: Sequence[int],
    encoder: Encoder,
    profile: Profile,
    means: Means,
) -> None:
    """Write the rows of the kept texts; mark those over the length limit."""
    starts = np.cumsum([0, *counts]).tolist()
    means.progress.start("encoding monolingual text", total=starts[-1], unit="lines")
    with means.scratch.stage("monoencoded") as stage:
        state = stage.value or {"done": [0] * len(texts), "split": None}
        sizes = (encoder.source.size, encoder.target.size)
        writer = SplitWriter(stage.append, NAME, *sizes, state=state["split"])
        file, done = stage.append(ENCODED), list(state["done"])
        for number, count in enumerate(done):
            place = sum(done[:number])
            before = np.fromfile(stage.path(ENCODED), np.uint8, count, offset=place)
            verdicts[starts[number] : starts[number] + count] = before
        means.progress.advance(sum(done))
        encodes = partial(_encode_part, encoder, profile.slots)
        with means.mapped(encodes, starts[-1] - sum(done)) as encode_all:
            for number, rows, here in encode_all(
                ahead(_kept_parts(texts, profile.sentences, verdicts, starts, done[:]))
            ):
                first = starts[number] + done[number]
                verdicts[first : first + len(here)] = here
                if len(rows.lengths):
                    empty = Ragged.of([[]] * len(rows.lengths))
                    writer.append(*((rows, empty) if texts[number].side == 0 else (empty, rows)), number)
                file.write(here)
                done[number] += len(here)
                stage.note({"done": done, "split": writer.state})
                means.progress.advance(len(here))
    stage.hand_over(folder, without={ENCODED})
    means.progress.finish()


def _kept_parts(
    texts: Sequence[Text], sentences: int, verdicts: Verdicts, starts: Sequence[int], done: Sequence[int]
) -> Iterator[tuple[Part, Verdicts]]:
    """The parts of the texts without what is ``done`` of each, with their verdicts."""
    first = [start + count for start, count in zip(starts, done, strict=False)]
    for part in parts_of(texts, sentences, done):
        end = first[part.text] + len(part.lines)
        yield part, verdicts[first[part.text] : end]
        first[part.text] = end


def _encode_part(encoder: Encoder, slots: int, given: tuple[Part, Verdicts]) -> tuple[int, Ragged, Verdicts]:
    """The number of the file, the kept texts with the ``slots`` that training shows, and what became of each text."""
    part, verdicts = given[0], given[1].copy()
    wanted = np.flatnonzero(verdicts == KEPT)
    ids, fits = encoder.encode_side([part.lines[row] for row in wanted.tolist()], part.side, slots)
    verdicts[wanted[~fits]] = TOO_LONG
    return part.text, Ragged.of([row for row, fit in zip(ids, fits, strict=True) if fit]), verdicts
