"""Translators that also link words, made when somebody first asks: they need PyTorch. Knows no request."""

from dataclasses import replace
from importlib.util import find_spec
from threading import Lock

from nmt.decoding.translator import Translator
from nmt.serve.directions import Served


class Aligning:
    """What links the words of each direction, by the engine that translates it."""

    def __init__(self) -> None:
        self._made: dict[int, Translator | None] = {}  # by the id of the n-best translator, which lives as long
        self._lock = Lock()

    def load(self, served: Served) -> Translator | None:
        """The translator of a direction with alternatives and links; None without PyTorch, or without attention.

        The first call loads PyTorch and the model, which takes seconds.
        """
        key = id(served.n_best)
        if key not in self._made:
            with self._lock:
                if key not in self._made:
                    self._made[key] = _linking(served)
        return self._made[key]


def _linking(served: Served) -> Translator | None:
    loaded = served.n_best.loaded
    assert loaded, "a translator that was loaded"
    model = loaded.models[0]
    if model.config.attention_score == "none" or find_spec("torch") is None:
        return None
    from nmt.decoding.loading import load_aligner

    aligner = load_aligner(model, loaded.engine, loaded.wanted)
    options = replace(loaded.options, alignments=True)
    return Translator.made(replace(loaded, options=options, aligner=aligner), served.target)
