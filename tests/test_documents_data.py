"""Documents of data: what catalogues, XLIFF and JSON lines say is read as gettext and XML mean it, and nothing else."""

import json
import os
import subprocess
from pathlib import Path
from shutil import which

import pytest

from nmt.documents import Asked, parse
from nmt.documents.inline import Text
from nmt.documents.xml_events import Element, each_of
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


@pytest.mark.parametrize("escape", ["\\033[1m", "\\a", "\\x41", "\\e"])
@pytest.mark.parametrize("keyword", ["msgid", "msgid_plural"])
def test_an_entry_with_an_escape_of_c_is_left_and_named(escape: str, keyword: str) -> None:
    single, several = ("Bold", f"{escape} Many") if keyword == "msgid_plural" else (f"{escape}Bold", "Many")
    catalogue = f'msgid "{single}"\nmsgid_plural "{several}"\nmsgstr[0] ""\nmsgstr[1] ""\n'.encode()
    document = parse(catalogue, "po", "a")
    written, left = document.written(document.segments)
    reasons = ["it has an escape that is not one of \\n \\t \\r \\b \\v \\f"]
    assert (written, [each.reason for each in left]) == (catalogue, reasons)


def test_a_backslash_before_digits_is_no_escape_of_c() -> None:
    catalogue = 'msgid "a \\\\033 \\"b\\"\\t"\nmsgstr "{}"\n'
    written, left = parse(catalogue.format("").encode(), "po", "a").written(['B \\033 "a"'])
    assert (polib_read(written), left) == ([['B \\033 "a"\t']], [])


def polib_read(data: bytes) -> list[list[str]]:
    """The translations of each entry, as polib reads them."""
    import polib

    catalogue = polib.pofile(data.decode(), encoding="utf-8")
    return [list(each.msgstr_plural.values()) or [each.msgstr] for each in catalogue]


RUSSIAN = "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
CZECH = "nplurals=3; plural=(n==1) ? 0 : (n>=2 && n<=4) ? 1 : 2;"
SLOVENIAN = "nplurals=4; plural=(n%100==1 ? 1 : n%100==2 ? 2 : n%100==3 || n%100==4 ? 3 : 0);"
FRENCH, ENGLISH, KOREAN = "nplurals=2; plural=n>1;", "nplurals=2; plural=n!=1;", "nplurals=1; plural=0;"
HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: {}\\n"\n\n'
FILES = 'msgid "one file"\nmsgid_plural "%d files"\n'
MANY = "%d Dateien"


@pytest.mark.parametrize(
    ("rule", "single", "expected"),
    [
        (RUSSIAN, "eine Datei", [MANY, MANY, MANY]),
        (RUSSIAN, "%d Datei", ["%d Datei", MANY, MANY]),
        (CZECH, "eine Datei", ["eine Datei", MANY, MANY]),
        (SLOVENIAN, "%d Datei", [MANY, "%d Datei", MANY, MANY]),
        (SLOVENIAN, "eine Datei", [MANY, MANY, MANY, MANY]),
        (FRENCH, "eine Datei", ["eine Datei", MANY]),
        (ENGLISH, "eine Datei", ["eine Datei", MANY]),
        (KOREAN, "eine Datei", [MANY]),
        ("nplurals=2; plural=n/0;", "eine Datei", ["eine Datei", MANY]),
        ("nplurals=3; plural=EXPRESSION;", "eine Datei", [MANY, MANY, MANY]),
    ],
)
def test_the_form_of_one_thing_is_that_of_the_rule(rule: str, single: str, expected: list[str], tmp_path: Path) -> None:
    files = FILES.replace("one", "%d") if "%" in single else FILES
    written, left = parse(f"{HEADER.format(rule)}#, c-format\n{files}".encode() + EMPTY, "po", "a").written(
        [single, MANY]
    )
    assert (polib_read(written), left) == ([expected], [])
    if which("msgfmt") and "/0" not in rule and "EXP" not in rule:
        path = tmp_path / "a.po"
        path.write_bytes(written.replace(b"fuzzy, ", b""))
        checked = subprocess.run(["msgfmt", "-c", "-o", "/dev/null", path], capture_output=True, text=True)
        assert "error" not in checked.stderr
        assert checked.returncode == 0, checked.stderr


EMPTY = b'msgstr[0] ""\n'


def test_forms_of_the_plural_that_are_there_stay_as_they_are() -> None:
    there = '"Datei "\n"\\033\u00fc"'
    catalogue = f'{HEADER.format(CZECH)}{{}}{FILES}msgstr[0] ""\nmsgstr[1] {there}\nmsgstr[2] ""\n'
    filled = catalogue.replace('[0] ""', '[0] "eine Datei"').replace('[2] ""', f'[2] "{MANY}"')
    given = ["eine Datei", MANY]
    written, _ = parse(catalogue.format("").encode(), "po", "a").written(given)
    assert written.decode() == filled.format("#, fuzzy\n")
    written, _ = parse(catalogue.format("#, fuzzy\n").encode(), "po", "a").written(given)
    assert polib_read(written) == [["eine Datei", MANY, MANY]]
    written, _ = parse(catalogue.format("").encode(), "po", "a", Asked(again=True)).written(given)
    assert polib_read(written) == [["eine Datei", MANY, MANY]]


def test_forms_of_the_plural_out_of_order_are_refused() -> None:
    with pytest.raises(DataError, match=r"a line 3 is not PO"):
        parse(f'{FILES}msgstr[1] "a"\nmsgstr[0] ""\n'.encode(), "po", "a")


# --- XLIFF ------------------------------------------------------------------------------------------------------------

UNIT = "<trans-unit><source>{}</source></trans-unit>"


def targets(data: bytes) -> list[str]:
    """The text of each target, as a parser of XML reads it."""
    from lxml import etree

    return ["".join(each.itertext()) for each in etree.fromstring(data).iter("target")]


@pytest.mark.parametrize(
    "encoding", ["ISO-8859-1", "US-ASCII", "windows-1252", "EUC-KR", "GB2312", "Shift_JIS", "UTF-8"]
)
def test_a_parser_of_xml_reads_the_translation_in_the_encoding_that_the_file_names(encoding: str) -> None:
    file = f'<?xml version="1.0" encoding="{encoding}"?><xliff>{UNIT.format("Coffee")}</xliff>'
    translation = "Caf\u00e9 5 \u20ac \u2013 \u201cx\u201d \ud55c\uae00 \u4f60\u597d"
    written, left = parse(file.encode(), "xlf", "a").written([translation])
    assert (targets(written), left) == ([translation], [])


def test_signs_of_control_in_latin_1_are_those_of_xml() -> None:
    file = (
        b'<?xml version="1.0" encoding="ISO-8859-1"?><xliff>' + UNIT.format("a %s").encode() + b"<!-- \x80 --></xliff>"
    )
    document = parse(file, "xlf", "a")
    assert "\x80" in document.text
    assert document.written([""])[0] == file


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("<target note=\"a state='x' b\" />", "<target note=\"a state='x' b\"{}>"),
        ("<target note='a state=\"x\"'/>", "<target note='a state=\"x\"'{}>"),
        ("<target my-state='new' x:state = 'a'/>", "<target my-state='new' x:state = 'a'{}>"),
        ("<target\nstate = 'new'\tid='1'/>", "<target\nstate=\"needs-review-translation\"\tid='1'{}>"),
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
    with pytest.raises(DataError, match=r"a line 2 has a declaration of the attribute '(a|translate)', which is not"):
        parse(file.encode(), "xlf", "a")


def root_of(text: str) -> Element:
    found: list[Element] = []
    root = each_of(text, "a", {"a"}, found.append)
    assert found == [root]
    return root


def test_a_text_of_many_lines_and_references_is_one_text() -> None:
    root = root_of("<a>" + "\n&amp;x&#10;" * 1000 + "<b/>c<![CDATA[d]]>\ne</a>")
    kinds = [child.says if isinstance(child, Text) else child.name for child in root.children]
    assert kinds == [None, "b", None, "d", None]
    assert [child.end - child.start for child in root.children] == [len("\n&amp;x&#10;") * 1000, 4, 1, 13, 2]


@pytest.mark.parametrize("part", ["<x/>", "<![CDATA[]]>", "a<!---->"])
def test_elements_and_texts_are_counted(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmt.documents.xml_events.MOST", 20)
    root_of(f"<a>{part * 19}</a>")
    with pytest.raises(DataError, match="a has over 20 elements and texts"):
        root_of(f"<a>{part * 20}</a>")


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
def test_a_translation_that_moves_tags_of_other_lines_is_left_and_named(crossed: str) -> None:
    lines = "<g id='1'>One\nup</g> two <g id='2'>three\n</g>"
    file = f"<xliff xml:space='preserve'><trans-unit><source>{lines}</source></trans-unit></xliff>".encode()
    document = parse(file, "xlf", "a")
    assert document.segments == ["One", "up<x1/> two <x2/>three"]
    written, left = document.written(["Eins", "auf<x1/> zwei <x2/>drei"])
    assert (targets(written), left) == (["Eins\nauf zwei drei\n"], [])
    written, left = document.written(["Eins", crossed])
    assert (written, [each.reason for each in left]) == (
        file,
        ["its translation moves tags that begin or end in another line"],
    )


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


def test_texts_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmt.documents.MOST", 4)
    line = b'{"text": "a\\nb"}\n'
    assert len(parse(line * 2, "jsonl", "a", Asked(keys=("text",))).segments) == 4
    with pytest.raises(DataError, match="a has over 4 texts"):
        parse(line * 3, "jsonl", "a", Asked(keys=("text",)))


SCHEMAS = os.environ.get("XLIFF_SCHEMAS", "")


@pytest.mark.skipif(not SCHEMAS, reason="XLIFF_SCHEMAS names no folder with the schemas of OASIS")
@pytest.mark.parametrize(
    ("schema", "file"),
    [
        (
            "xliff-core-1.2-strict.xsd",
            '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file original="a" '
            'source-language="en" target-language="de" datatype="plaintext"><body>'
            '<trans-unit id="1"><source>One <g id="1">two</g></source>'
            '<note>a</note></trans-unit><trans-unit id="2"><source>One. Two.</source><seg-source><mrk mtype="seg" '
            'mid="1">One.</mrk> <mrk mtype="seg" mid="2">Two.</mrk></seg-source></trans-unit></body></file></xliff>',
        ),
        (
            "xliff-core-2.0.xsd",
            '<xliff version="2.0" xmlns="urn:oasis:names:tc:xliff:document:2.0" srcLang="en" trgLang="de"><file id="f">'
            '<unit id="1"><segment state="initial"><source>One <pc id="1">two</pc></source></segment></unit>'
            "</file></xliff>",
        ),
    ],
)
def test_the_schema_of_xliff_takes_what_was_written(schema: str, file: str) -> None:
    from lxml import etree

    document = parse(file.encode(), "xlf", "a")
    written, left = document.written([text.upper().replace("G1", "g1") for text in document.segments])
    assert written != file.encode()
    assert not left

    class Beside(etree.Resolver):  # type: ignore[misc]
        def resolve(self, url: str, name: str, context: object) -> object:
            return self.resolve_filename(str(Path(SCHEMAS, Path(url).name)), context)

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Beside())
    etree.XMLSchema(etree.parse(Path(SCHEMAS, schema), parser)).assertValid(etree.fromstring(written))
