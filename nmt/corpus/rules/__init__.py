"""The rules of cleaning in their order, and how they learn and judge together."""

from collections.abc import Mapping, Sequence

from nmt.corpus.rules.agreement import Agreement
from nmt.corpus.rules.boilerplate import Boilerplate
from nmt.corpus.rules.copied import SourceEqualsTarget
from nmt.corpus.rules.coverage import Coverage
from nmt.corpus.rules.damage import Doubled, Entities, Mojibake, Repetition
from nmt.corpus.rules.differing import ADDRESSES, NUMBERS, PLACEHOLDERS, TAGS
from nmt.corpus.rules.held_out import IN_TEST, IN_VALID, HeldOut
from nmt.corpus.rules.languages import Language, Script
from nmt.corpus.rules.lengths import LengthRatio
from nmt.corpus.rules.mixed import Mixed
from nmt.corpus.rules.model import ModelRule
from nmt.corpus.rules.order import Order
from nmt.corpus.rules.rule import Rule


def rules_for(languages: tuple[str, str], held_out: Mapping[str, Sequence[tuple[str, str]]]) -> Sequence[Rule]:
    """All rules in the order in which they judge: the first that drops a pair is named.

    ``held_out`` are the pairs of the test sets ("test") and of the validation set ("valid").
    """
    agreement, lengths = Agreement(), LengthRatio()
    return (
        SourceEqualsTarget(),
        Mojibake(),
        Entities(),
        Script(languages),
        Language(languages),
        Mixed(),
        ADDRESSES,
        PLACEHOLDERS,
        TAGS,
        NUMBERS,
        lengths,
        Repetition(),
        Doubled(),
        Boilerplate(),
        agreement,
        Coverage(agreement, lengths),
        Order(agreement),
        HeldOut(IN_TEST, "a test set", held_out["test"]),
        HeldOut(IN_VALID, "the validation set", held_out["valid"]),
        ModelRule(),
    )
