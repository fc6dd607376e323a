"""Translators that also link words, made when somebody first asks: they need PyTorch. Knows no request."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from nmt.decoding.linked_tags import linking
from nmt.decoding.translator import Translator
from nmt.serve.directions import Served


class Aligning:
    """What links the words of each direction, by the engine that translates it.

    One thread of its own loads them, so that whoever waits for that takes no thread from other requests.
    """

    def __init__(self) -> None:
        self._made: dict[int, Translator | None] = {}  # by the id of the n-best translator, which lives as long
        self._thread = ThreadPoolExecutor(1, "aligning")

    def submit(self, directions: Iterable[Served]) -> "Future[None]":
        """Have the translators of directions made; the first call loads PyTorch and the model, which takes seconds.

        The future raises MissingInputError or DataError for a model whose files are others now than when it was opened.
        """
        return self._thread.submit(self._make, list(directions))

    def find(self, served: Served) -> Translator | None:
        """The translator with alternatives and links, once made; None without PyTorch, or without attention."""
        return self._made[id(served.n_best)]

    def _make(self, directions: list[Served]) -> None:
        for served in directions:
            key = id(served.n_best)
            if key not in self._made:
                self._made[key] = linking(served.n_best)

    def stop(self) -> None:
        """Drop what waits, and end the thread."""
        self._thread.shutdown(cancel_futures=True)
