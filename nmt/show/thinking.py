"""A sentence being translated, step by step, as plain numbers that a page can draw. Knows no page and no request."""

from collections import OrderedDict
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from nmt.config import SearchOptions
from nmt.errors import DataError
from nmt.show.attention import END, START, Inspector
from nmt.show.search import SearchTrace, Step
from nmt.show.search_page import is_alive
from nmt.text.lines import printable
from nmt.text.tokenizer import BOS, EOS

if TYPE_CHECKING:
    from nmt.show.recording import Recording

LONGEST = 40  # pieces of a sentence: what is sent grows with the square
LONGEST_TARGET = 60
KEPT = 2  # thoughts, whose parts may be opened without another search


@dataclass(frozen=True)
class Thought:
    """A sentence that was translated, with all that was seen."""

    source_pieces: list[str]
    target_pieces: list[str]  # what is predicted; </s> last
    fed_pieces: list[str]  # what the decoder reads; <s> first
    translation: str
    trace: SearchTrace
    recording: "Recording"
    best_head: tuple[int, int] | None  # of cross-attention, which looks where the translation comes from

    def sides(self, kind: str) -> tuple[list[str], list[str]]:
        """The pieces of the rows and of the columns of a kind of attention."""
        return {
            "cross": (self.target_pieces, self.source_pieces),
            "encoder": (self.source_pieces, self.source_pieces),
            "decoder": (self.target_pieces, self.fed_pieces),
        }[kind]


class Thinker:
    """A model that is watched. Computes in float64, one sentence at a time."""

    def __init__(self, inspector: Inspector) -> None:
        self.inspector = inspector
        self._kept: OrderedDict[tuple[str, int], Thought] = OrderedDict()

    def think(
        self, source: str, reference: str | None = None, beam_size: int = SearchOptions.beam_size
    ) -> dict[str, Any]:
        """How a sentence is translated, and with a ``reference`` how that is read by teacher forcing.

        docs/watch.md has the fields. Raises DataError for a text that is empty or too long.
        """
        thought = self.thought(source, beam_size)
        forced = None
        if reference is not None:
            _, trace, _ = self.inspector.trace(source, reference, (LONGEST, LONGEST))
            forced = {"text": reference, **steps_of(trace.steps)}
        return {**self.told(thought), "forced": forced}

    def thought(self, source: str, beam_size: int) -> Thought:
        """A sentence translated; of the last ones at once."""
        key = source, beam_size
        if key not in self._kept:
            self._kept[key] = self._translated(source, beam_size)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def open(self, source: str, beam_size: int, wanted: dict[str, Any]) -> dict[str, Any] | None:
        """One place opened: ``what`` is row (kind, layer, head, row), sublayer (place, position) or positions.

        None for a model without it. Raises DataError for a place that is not there.
        """
        from nmt.show.opened import opened_positions, opened_row, opened_sublayer

        what = wanted.get("what")
        if what == "positions":
            return opened_positions(self.inspector.engine.teacher().model)
        thought = self.thought(source, beam_size)
        recording = thought.recording
        if what == "row":
            kind = wanted.get("kind")
            if kind not in list(recording.maps):  # a list, for a stranger's kind may have no hash
                raise _no_such_place()
            map_LHTS = recording.maps[kind]
            sizes = zip(("layer", "head", "row"), map_LHTS.shape, strict=False)
            layer, head, row = (_index(wanted, name, size) for name, size in sizes)
            return opened_row(recording.attended[kind][layer], map_LHTS[layer], head, row)
        if what == "sublayer":
            sublayer = recording.sublayers[_index(wanted, "place", len(recording.sublayers))]
            return opened_sublayer(sublayer, _index(wanted, "position", len(sublayer.before_TD)))
        raise DataError("a model has rows, sublayers and positions to open", "ask for one of them")

    def _translated(self, source: str, beam_size: int) -> Thought:
        import torch

        from nmt.show.recording import record

        inspector, longest = self.inspector, (LONGEST, LONGEST_TARGET)
        source_ids, trace, text = inspector.trace(source, None, longest, SearchOptions(beam_size=beam_size))
        teacher = inspector.engine.teacher()
        columns = [teacher.column_of[piece] for piece in trace.target]
        recording = record(teacher.model, torch.tensor([*source_ids, EOS]), torch.tensor([BOS, *columns]))
        best = self._best_head(recording, source_ids, trace.target)
        target = list(map(printable, inspector.target_tokenizer.pieces(trace.target)))
        sources = list(map(printable, inspector.source_tokenizer.pieces(source_ids)))
        return Thought([*sources, END], [*target, END], [START, *target], text, trace, recording, best)

    def _best_head(self, recording: "Recording", source: list[int], target: list[int]) -> tuple[int, int] | None:
        """The layer and head of cross-attention that look most where the translation comes from; None without any."""
        import torch

        from nmt.decoding.engine import Query

        cross_LHTS = recording.maps.get("cross")
        if cross_LHTS is None or not target:
            return None
        (share_TS,) = self.inspector.engine.align([Query(source)], [target])
        agreement_LH = (cross_LHTS[:, :, : len(target), : len(source)] * torch.from_numpy(share_TS)).sum((2, 3))
        layer, head = divmod(int(agreement_LH.argmax()), agreement_LH.size(1))
        return layer, head

    def told(self, thought: Thought) -> dict[str, Any]:
        """A thought as plain numbers."""
        from nmt.show.opened import lengths, numbers

        config, recording = self.inspector.folder.config, thought.recording
        is_transformer = config.family == "transformer"
        attention = {}
        for kind, map_LHTS in recording.maps.items():
            rows, columns = thought.sides(kind)
            attention[kind] = {"rows": rows, "columns": columns, "weights": numbers(map_LHTS)}
        return {
            "model": {
                "family": config.family,
                "encoder_layers": config.encoder_layers,
                "decoder_layers": config.decoder_layers,
                "width": config.width,
                "heads": config.heads if is_transformer else int(config.attention_score != "none"),
                "norm": config.norm if is_transformer else None,
                "positions": config.positions if is_transformer else None,
                "cell": None if is_transformer else config.cell,
                "score": config.attention_score,
            },
            "source": thought.source_pieces,
            "translation": thought.translation,
            **steps_of(thought.trace.steps),
            "fed": thought.fed_pieces,
            "beam": beam_of(thought.trace),
            "attention": attention,
            "best_head": thought.best_head,
            "sublayers": [lengths(sublayer) for sublayer in recording.sublayers],
            "vector": None if recording.vector_D is None else numbers(recording.vector_D, 3),
        }


def _index(wanted: dict[str, Any], name: str, size: int) -> int:
    """The number ``name`` of what is wanted. Raises DataError unless it is whole, from 0 and below ``size``.

    A list or a truth value would open a whole tensor, for PyTorch takes both as indices.
    """
    value = wanted.get(name)
    if type(value) is not int or not 0 <= value < size:
        raise _no_such_place()
    return value


def _no_such_place() -> DataError:
    """What is said of a place that a model does not have."""
    return DataError("there is no such place in the model", "ask for one of those that the answer has")


def steps_of(steps: list[Step]) -> dict[str, Any]:
    """The pieces of a target with their probabilities and rivals, and the sum of their log-probabilities."""
    return {
        "steps": [
            {
                "piece": printable(step.piece),
                "probability": round(step.probability, 6),
                "candidates": [[printable(piece), round(share, 6)] for piece, share in step.candidates],
            }
            for step in steps
        ],
        "log_probability": round(sum(log(max(step.probability, 1e-300)) for step in steps), 4),
    }


def beam_of(trace: SearchTrace) -> dict[str, Any]:
    """The hypotheses of each step as nodes of a tree, whose parents come before them."""
    kept = {id(node) for node in (trace.best.path if trace.best else [])}
    ids: dict[int, int] = {}
    nodes: list[dict[str, Any]] = []
    for step, column in enumerate(trace.columns[: LONGEST_TARGET + 1]):
        for node in column:
            ids[id(node)] = len(nodes)
            nodes.append(
                {
                    "parent": ids[id(node.parent)] if node.parent else None,
                    "step": step,
                    "piece": printable(node.piece),
                    "sum": round(node.score, 4),
                    "score": round(node.score / len(node.path) ** trace.length_penalty, 4) if node.finished else None,
                    "alive": is_alive(node),
                    "kept": id(node) in kept,
                }
            )
    return {"length_penalty": trace.length_penalty, "nodes": nodes}
