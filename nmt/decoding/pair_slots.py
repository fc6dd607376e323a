"""Slots in pairs that are given: what both sides have stays as it is, as in training. Knows texts; no engine.

The mark of a list item has a slot, too, as in what is translated.
"""

from collections.abc import Sequence

from nmt.text.list_marks import VERSION as LIST_MARKS
from nmt.text.list_marks import has_dotted_marks, with_list_mark
from nmt.text.profile import Profile
from nmt.text.slots import slotted_pair
from nmt.text.verbatim import VERSION, Grammar, LateLines, Match

Pair = tuple[str, str]


class PairSlots:
    """Puts slots into pairs for a model whose training had a ``profile``, with sources in any of some languages."""

    def __init__(self, profile: Profile | None, sources: Sequence[str] = ()) -> None:
        self.count, self._grammar = (profile.slots, profile.grammar) if profile else (0, Grammar(()))
        self._dotted = has_dotted_marks(sources)
        self.late = LateLines()

    def about(self) -> dict[str, str | int]:
        """What the pairs depend on besides the model, by name."""
        return {"slots": self.count, "grammar": VERSION, "list marks": LIST_MARKS} if self.count else {}

    def put(self, pair: Pair, number: int = 1) -> Pair:
        """Pair ``number`` with slots for what both sides have."""
        late = set[str]()

        def find(text: str) -> list[Match]:
            return with_list_mark(self._grammar.find(text, late), text, self._dotted)

        found = slotted_pair(*pair, find, self.count)
        self.late.add(f"pair {number}", late)
        return found
