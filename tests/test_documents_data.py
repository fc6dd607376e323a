"""Documents of data: what catalogues, XLIFF and JSON lines say is read as gettext and XML mean it, and nothing else."""

import pytest

from nmt.documents import Asked, parse

# --- catalogues -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ['#~ msgid "gone"\n#~ msgstr "weg"\n', '#~ msgid "gone"\n#~ msgstr "weg"\n\n'])
@pytest.mark.parametrize("before", ["", 'msgid "No"\nmsgstr "Nein"\n\n'])
def test_flags_of_an_obsolete_entry_are_not_those_of_the_next(before: str, gone: str) -> None:
    entry = 'msgid "{}"\nmsgstr "{}"\n'
    catalogue = f"{before}#, fuzzy\n{gone}{entry.format('Yes', 'Ja')}\n#, fuzzy\n{entry.format('Two', '')}"
    document = parse(catalogue.encode(), "po", "a")
    assert document.segments == ["Two"]
    written, left = document.written(["Zwei"])
    assert (written.decode(), left) == (catalogue.replace('"Two"\nmsgstr ""', '"Two"\nmsgstr "Zwei"'), [])


def test_a_mark_after_an_obsolete_entry_is_beside_its_own_entry() -> None:
    catalogue = '#, c-format\n#~ msgid "gone %s"\n#~ msgstr "weg"\n{}msgid "Yes"\nmsgstr "{}"\n'
    written, _ = parse(catalogue.format("", "").encode(), "po", "a").written(["Ja"])
    assert written.decode() == catalogue.format("#, fuzzy\n", "Ja")
