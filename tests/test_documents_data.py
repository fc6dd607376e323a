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


# --- XLIFF ------------------------------------------------------------------------------------------------------------

UNIT = "<trans-unit><source>{}</source></trans-unit>"


def targets(data: bytes) -> list[str]:
    """The text of each target, as a parser of XML reads it."""
    from lxml import etree

    return ["".join(each.itertext()) for each in etree.fromstring(data).iter("target")]


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "US-ASCII", "windows-1252", "EUC-KR", "GB2312", "Shift_JIS", "UTF-8"])
def test_a_parser_of_xml_reads_the_translation_in_the_encoding_that_the_file_names(encoding: str) -> None:
    file = f'<?xml version="1.0" encoding="{encoding}"?><xliff>{UNIT.format("Coffee")}</xliff>'
    translation = "Caf\u00e9 5 \u20ac \u2013 \u201cx\u201d \ud55c\uae00 \u4f60\u597d"
    written, left = parse(file.encode(), "xlf", "a").written([translation])
    assert (targets(written), left) == ([translation], [])


def test_signs_of_control_in_latin_1_are_those_of_xml() -> None:
    file = b'<?xml version="1.0" encoding="ISO-8859-1"?><xliff>' + UNIT.format("a %s").encode() + b"<!-- \x80 --></xliff>"
    document = parse(file, "xlf", "a")
    assert "\x80" in document.text
    assert document.written([""])[0] == file
