"""Which kinds get slots in a corpus: those that its targets keep."""

from pathlib import Path

import pytest
from fakes import Recorder

from nmt.config import PrepareOptions
from nmt.corpus.dataset import Dataset
from nmt.corpus.kinds import KEPT, LEAST, kept_grammar
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.text.verbatim import Grammar
from nmt.text.verbatim_forms import KINDS

Pairs = list[tuple[str, str]]


def formulas(count: int, kept: int) -> Pairs:
    """Pairs with a formula and a tag; of the formulas so many are kept."""
    names = ["SUM" if place < kept else "SUMME" for place in range(count)]
    return [(f"type =SUM(A{place}) <b>", f"<b> tippe ={name}(A{place})") for place, name in enumerate(names, 1)]


@pytest.mark.parametrize(
    ("pairs", "is_kept"),
    [
        (formulas(LEAST, int(KEPT * LEAST)), True),
        (formulas(LEAST, int(KEPT * LEAST) - 1), False),
        (formulas(LEAST - 1, 0), True),  # too few to tell
        (formulas(5 * LEAST, 5 * LEAST), True),
        ([], True),
    ],
)
def test_a_kind_that_targets_do_not_keep_has_no_slots(pairs: Pairs, is_kept: bool) -> None:
    progress = Recorder()
    grammar = kept_grammar(Grammar(), pairs, progress)
    assert grammar.kinds == tuple(kind for kind in KINDS if is_kept or kind != "formula")
    assert [note.split(":")[0] for note in progress.notes] == [] if is_kept else ["formula gets no slots"]


def test_an_item_that_a_target_has_once_is_kept_once_and_patterns_of_ones_own_stay() -> None:
    pytest.importorskip("regex", reason="the extra patterns")
    pairs = [("=A(1) =A(1) TKT-1", "=A(1)")] * LEAST
    assert "formula" in kept_grammar(Grammar(), pairs, Recorder()).kinds  # half of them
    assert "formula" not in kept_grammar(Grammar(), [*pairs, ("=A(1)", "")], Recorder()).kinds
    assert kept_grammar(Grammar([], {"ticket": "TKT-[0-9]"}), pairs, Recorder()).kinds == ("ticket",)


def test_a_dataset_knows_its_kinds_and_its_vocabulary_spells_the_others(tmp_path: Path) -> None:
    for language, line in (("en", "good morning"), ("de", "guten Morgen")):
        (tmp_path / f"valid.{language}").write_text(f"{line}\n", encoding="utf-8")
    for name, kept in (("kept", 60), ("lost", 0)):
        pairs = formulas(60, kept)
        for side, language in enumerate(("en", "de")):
            text = "".join(f"{pair[side]}\n" for pair in pairs)
            (tmp_path / f"{name}.{language}").write_text(text, encoding="utf-8")
        request = PrepareRequest("en", "de", (tmp_path / name,), tmp_path / "valid", (), tmp_path / f"data-{name}")
        prepare(request, PrepareOptions(clean="off"))
        data = Dataset.open(tmp_path / f"data-{name}")
        assert ("formula" in data.manifest["profile"]["kinds"]) == bool(kept)
        pieces = "".join(data.load_tokenizers()[1].pieces(range(260, 300)))
        assert ("SU" in pieces) == (not kept)
