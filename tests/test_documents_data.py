"""Documents of data: what catalogues, XLIFF and JSON lines say is read as gettext and XML mean it, and nothing else."""

import json

import pytest

from nmt.documents import Asked, parse
from nmt.documents.inline import Text
from nmt.documents.xml_events import root_of
from nmt.errors import DataError

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


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<target note=\"a state='x' b\" />", "<target note=\"a state='x' b\"{}>"),
        ("<target note='a state=\"x\"'/>", "<target note='a state=\"x\"'{}>"),
        ("<target my-state='new' x:state = 'a'/>", "<target my-state='new' x:state = 'a'{}>"),
        ("<target\nstate = 'new'\tid='1'/>", '<target\nstate="needs-review-translation"\tid=\'1\'{}>'),
    ],
)
def test_marks_replace_attributes_and_nothing_within_a_value(tag: str, expected: str) -> None:
    marks = {"state": "needs-review-translation", "state-qualifier": "mt-suggestion"}
    file = '<xliff xmlns:x="x"><trans-unit><source>Hi</source>{}</trans-unit></xliff>'
    written, _ = parse(file.format(tag).encode(), "xlf", "a").written(["Hallo"])
    added = "".join(f' {name}="{value}"' for name, value in marks.items() if f'{name}="{value}"' not in expected)
    assert written.decode() == file.format(expected.format(added) + "Hallo</target>")


@pytest.mark.parametrize(
    "declaration", [f"<!ATTLIST x a CDATA '{'a' * 100_000}'>", '<!ATTLIST source translate (yes|no) "no">']
)
def test_a_file_that_declares_attributes_is_refused(declaration: str) -> None:
    file = f"<!DOCTYPE xliff [\n{declaration}]><xliff>{'<x/>' * 1000}</xliff>"
    with pytest.raises(DataError, match="a line 2 has a declaration of the attribute '(a|translate)', which is not"):
        parse(file.encode(), "xlf", "a")


def test_a_text_of_many_lines_and_references_is_one_text() -> None:
    root = root_of("<a>" + "\n&amp;x&#10;" * 1000 + "<b/>c<![CDATA[d]]>\ne</a>", "a")
    kinds = [child.says if isinstance(child, Text) else child.name for child in root.children]
    assert kinds == [None, "b", None, "d", None]
    assert [child.end - child.start for child in root.children] == [len("\n&amp;x&#10;") * 1000, 4, 1, 13, 2]


@pytest.mark.parametrize("part", ["<x/>", "<![CDATA[]]>", "a<!---->"])
def test_elements_and_texts_are_counted(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmt.documents.xml_events.MOST", 20)
    root_of(f"<a>{part * 20}</a>", "a")
    with pytest.raises(DataError, match="a has over 20 elements and texts"):
        root_of(f"<a>{part * 21}</a>", "a")


@pytest.mark.parametrize("holder", ["xliff", "source"])
def test_lines_stay_where_blanks_are_preserved(holder: str) -> None:
    lines = "\n  First <g id='1'>line</g>.\r\n\n1.\n Second <g id='2'>one&#10;and</g> third&#xA;"
    file = f"<xliff><trans-unit><source>{lines}</source></trans-unit></xliff>"
    file = file.replace(f"<{holder}>", f"<{holder} xml:space='preserve'>")
    document = parse(file.encode(), "xlf", "a")
    assert document.segments == ["First <g1>line</g1>.", "Second <x1/>one", "and<x1/> third"]
    written, left = document.written(["Erste <g1>Zeile</g1>.", "Zweite <x1/>eins", "und<x1/> dritte"])
    wanted = "\n  Erste Zeile.\n\n1.\n Zweite eins\nund dritte\n"
    assert (targets(written), left) == ([wanted], [])


@pytest.mark.parametrize("crossed", ["<x2/> auf<x1/> drei zwei", "auf zwei<x2/> drei <x1/>"])
def test_a_translation_that_crosses_tags_of_other_lines_is_left_and_named(crossed: str) -> None:
    lines = "<g id='1'>One\nup</g> two <g id='2'>three\n</g>"
    file = f"<xliff xml:space='preserve'><trans-unit><source>{lines}</source></trans-unit></xliff>".encode()
    document = parse(file, "xlf", "a")
    assert document.segments == ["One", "up<x1/> two <x2/>three"]
    written, left = document.written(["Eins", "auf<x1/> zwei <x2/>drei"])
    assert (targets(written), left) == (["Eins\nauf zwei drei\n"], [])
    written, left = document.written(["Eins", crossed])
    assert (written, [each.reason for each in left]) == (file, ["its translation crosses tags"])


def test_lines_are_one_text_where_blanks_are_not_preserved() -> None:
    file = "<xliff xml:space='preserve'><trans-unit><source xml:space='default'>One\n two</source></trans-unit></xliff>"
    assert parse(file.encode(), "xlf", "a").segments == ["One two"]


def test_lines_that_are_preserved_in_cdata_are_left_and_named() -> None:
    file = b"<xliff xml:space='preserve'><trans-unit><source>a <![CDATA[b\nc]]></source></trans-unit></xliff>"
    written, left = parse(file, "xlf", "a").written(["d"])
    assert (written, [each.reason for each in left]) == (file, ["its line breaks are in CDATA"])


# --- values -----------------------------------------------------------------------------------------------------------


def test_a_value_with_many_blanks_between_words_is_read() -> None:
    value = "a" + " " * 900_000 + "b"  # quadratic work would take hours
    document = parse(json.dumps({"text": f" {value}\t\n {value}"}).encode(), "jsonl", "a", Asked(keys=("text",)))
    written, _ = document.written(["A", "B"])
    assert json.loads(written) == {"text": " A\t\n B"}
