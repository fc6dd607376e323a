"""One file that holds both sides: what a standard writer wrote comes back, and files from strangers are safe."""

import csv
import gzip
import io
import json
import lzma
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import polib
import pytest
import zstandard
from conftest import TinyRun, nmt
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from real_text import real_text

from nmt.config import PrepareOptions
from nmt.corpus.parallel import count_pairs, find_corpus, read_pairs
from nmt.corpus.prepare import PrepareRequest, prepare
from nmt.disk.files import open_binary, sha256
from nmt.disk.manifest import read_manifest
from nmt.errors import DataError, MissingInputError, NmtWarning, SettingsError
from nmt.text.lines import LONGEST_LINE, one_line, read_lines

Pairs = Sequence[tuple[str, str]]
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
PAIRS = [("Yes, it is.", "Ja, so ist es."), ('He said "no"\nand left.', "Er sagte „nein“ & ging; <ging>."), ("a", "ä")]


def read(path: Path, columns: tuple[str, str] | None = None, source: str = "en", target: str = "de") -> Pairs:
    return list(read_pairs(find_corpus(path, source, target, columns=columns)))


def refusal(path: Path, content: str | bytes, columns: tuple[str, str] | None = None) -> str:
    """The error of one line for a file with this content."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        read(path, columns)
    error = str(caught.value)
    assert str(path) in error
    assert "\n" not in error
    assert len(error) < 600
    return error


# --- what standard writers write --------------------------------------------------------------------------------------


def as_csv(pairs: Pairs) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows([("en", "de"), *pairs])
    return file.getvalue().encode()


def as_tsv(pairs: Pairs) -> bytes:
    return "".join(f"{number}\t{target}\t{source}\n" for number, (source, target) in enumerate(pairs)).encode()


def as_jsonl(pairs: Pairs) -> bytes:
    return "".join(json.dumps({"id": 7, "en": source, "de": target}) + "\n" for source, target in pairs).encode()


def as_hugging_face(pairs: Pairs) -> bytes:
    objects = [{"translation": {"de": target, "en": source}} for source, target in pairs]
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in objects).encode()


def as_tmx(pairs: Pairs, codes: tuple[str, str] = ("en-US", "de"), encoding: str = "utf-8") -> bytes:
    root = etree.Element("tmx", version="1.4")
    etree.SubElement(root, "header", srclang="en")
    body = etree.SubElement(root, "body")
    for pair in pairs:
        unit = etree.SubElement(body, "tu")
        for code, text in zip(codes, pair, strict=True):
            etree.SubElement(etree.SubElement(unit, "tuv", {XML_LANG: code}), "seg").text = text
    written: bytes = etree.tostring(
        root, encoding=encoding, xml_declaration=True, doctype='<!DOCTYPE tmx SYSTEM "a.dtd">'
    )
    return written


def as_xliff_1(pairs: Pairs) -> bytes:
    root = etree.Element("xliff", version="1.2", nsmap={None: "urn:oasis:names:tc:xliff:document:1.2"})
    file = etree.SubElement(root, "file", {"source-language": "en", "target-language": "de-DE", "original": "a"})
    body = etree.SubElement(etree.SubElement(file, "body"), "group")
    for number, (source, target) in enumerate(pairs):
        unit = etree.SubElement(body, "trans-unit", id=str(number))
        etree.SubElement(unit, "source").text = source
        etree.SubElement(unit, "target", state="translated").text = target
    return bytes(etree.tostring(root, encoding="utf-8", pretty_print=True))


def as_xliff_2(pairs: Pairs) -> bytes:
    root = etree.Element(
        "xliff", version="2.0", srcLang="en", trgLang="de", nsmap={None: "urn:oasis:names:tc:xliff:document:2.0"}
    )
    file = etree.SubElement(root, "file", id="f")
    for number, (source, target) in enumerate(pairs):
        segment = etree.SubElement(etree.SubElement(file, "unit", id=str(number)), "segment")
        etree.SubElement(segment, "source").text = source
        etree.SubElement(segment, "target").text = target
    return bytes(etree.tostring(root, encoding="utf-16"))


def as_po(pairs: Pairs, language: str = "de") -> bytes:
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Language": language}
    for source, target in pairs:
        catalogue.append(polib.POEntry(msgid=source, msgstr=target, comment="a comment", occurrences=[("a.c", "1")]))
    return str(catalogue).encode()


WRITERS: dict[str, Callable[[Pairs], bytes]] = {
    "a.csv": as_csv,
    "a.tsv": as_tsv,
    "a.jsonl": as_jsonl,
    "b.jsonl": as_hugging_face,
    "a.tmx": as_tmx,
    "a.xlf": as_xliff_1,
    "a.xliff": as_xliff_2,
    "a.po": as_po,
}
COLUMNS = {"a.tsv": ("3", "2")}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def words(pairs: Pairs) -> list[tuple[str, ...]]:
    return [tuple(" ".join(side.split()) for side in pair) for pair in pairs]


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("name", WRITERS)
def test_what_a_standard_writer_wrote_is_read_plain_or_compressed(tmp_path: Path, name: str, ending: str) -> None:
    pairs = [pair for pair in PAIRS if name != "a.tsv" or "\n" not in pair[0]]
    path = tmp_path / f"{name}{ending}"
    path.write_bytes(COMPRESS[ending](WRITERS[name](pairs)))
    assert read(path, COLUMNS.get(name)) == [(one_line(source), one_line(target)) for source, target in pairs]


# Letters, marks of the formats themselves, and line breaks of every kind; what XML cannot hold is left out.
TEXT = st.text(
    st.one_of(
        st.sampled_from("ab \n\r\t\"',;<>&\\#~|[]{}\u2028\x85\u00a0"),
        st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufeff"),
    ),
    max_size=12,
)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_any_pairs_come_back_from_the_standard_writer(
    tmp_path_factory: pytest.TempPathFactory, name: str, pairs: list[tuple[str, str]]
) -> None:
    if name == "a.tsv":
        pairs = [(re.sub("[\t\r\n]", " ", source), re.sub("[\t\r\n]", " ", target)) for source, target in pairs]
    if name in ("a.po", "a.xlf", "a.xliff"):  # there an empty text is an untranslated one
        pairs = [(f"x{source}", f"y{target}") for source, target in pairs]
    path = tmp_path_factory.mktemp("formats") / name
    path.write_bytes(WRITERS[name](pairs))
    came_back = read(path, COLUMNS.get(name))
    assert words(came_back) == words(pairs)
    if name in ("a.csv", "a.jsonl", "b.jsonl", "a.po"):
        assert came_back == [(one_line(source), one_line(target)) for source, target in pairs]
    if name != "a.tsv":
        assert not any(re.search("[\n\r\x85\u2028]", text) for pair in came_back for text in pair)


@pytest.mark.parametrize("name", WRITERS)
def test_real_messages_with_tags_and_placeholders_survive_every_format(tmp_path: Path, name: str) -> None:
    folder = real_text("l10n") / "en-ko"
    sides = []
    for language in ("en", "ko"):
        with open_binary(folder / f"valid.{language}.gz") as file:
            sides.append(list(read_lines(file, "valid")))
    pairs = list(zip(*sides, strict=True))
    (tmp_path / name).write_bytes(WRITERS[name](pairs))  # which call Korean German
    assert words(read(tmp_path / name, COLUMNS.get(name))) == words(pairs)


def test_a_prefix_may_end_as_a_format_does_and_a_missing_file_is_named(tmp_path: Path) -> None:
    for language in ("en", "de"):
        (tmp_path / f"news.csv.{language}").write_text("a\n")
    assert read(tmp_path / "news.csv") == [("a", "a")]
    for name in ("no.csv", "no.TMX", "no.po.gz"):
        with pytest.raises(MissingInputError, match=f"there is no file .*{name}; check the path"):
            read(tmp_path / name)


def test_a_file_is_held_to_its_hash_in_every_format(tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        path = tmp_path / name
        path.write_bytes(write(PAIRS[:1]))
        corpus = find_corpus(path, "en", "de", columns=COLUMNS.get(name))
        held = replace(corpus, hashes=(sha256(path),))
        assert len(list(read_pairs(held))) == 1
        path.write_bytes(write([PAIRS[2]]))
        with pytest.raises(DataError, match=f"{name} changed while it was read"):
            list(read_pairs(held))


def test_a_bar_gets_a_total_where_lines_are_pairs_and_none_where_only_reading_tells(tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        (tmp_path / name).write_bytes(write([("a", "b")] * 5))
        expected = (
            6
            if name == "a.csv"
            else 5
            if find_corpus(tmp_path / name, "en", "de").path.suffix in (".tsv", ".jsonl")
            else None
        )
        assert count_pairs(find_corpus(tmp_path / name, "en", "de")) == expected


# --- columns and keys -------------------------------------------------------------------------------------------------

TABLE = "id,en,score,de-AT\n1,a,0.5,b\n\n2,c,0.7,d\n"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (None, [("a", "b"), ("c", "d")]),
        (("en", "de-AT"), [("a", "b"), ("c", "d")]),
        (("id", "score"), [("1", "0.5"), ("2", "0.7")]),
        (("4", "2"), [("de-AT", "en"), ("b", "a"), ("d", "c")]),
    ],
)
def test_columns_are_chosen_by_name_or_number_and_only_a_named_header_is_no_pair(
    tmp_path: Path, columns: tuple[str, str] | None, expected: Pairs
) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    assert read(tmp_path / "a.csv", columns) == expected
    if columns:
        (tmp_path / "a.tsv").write_text(TABLE.replace(",", "\t").replace("\n\n", "\n"))
        assert read(tmp_path / "a.tsv", columns) == expected


def test_a_table_of_two_columns_needs_no_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,"b, c"\nd,e\n')
    assert read(tmp_path / "a.csv") == [("a", "b, c"), ("d", "e")]
    (tmp_path / "b.csv").write_text("\ufeffDE,en\nb,a\n")
    assert read(tmp_path / "b.csv") == [("a", "b")], "the header says that the sides are swapped"


@pytest.mark.parametrize(
    ("name", "text", "columns", "error"),
    [
        (
            "a.csv",
            TABLE,
            ("english", "de-AT"),
            "line 1 has no column 'english', but 'id', 'en', 'score', 'de-AT'; name",
        ),
        ("a.csv", TABLE, ("en", "de_AT"), "no column 'de_AT', but .*; the nearest known name is de-AT"),
        ("a.csv", TABLE, ("1", "5"), "line 1 has 4 cells, but no column 5; choose two numbers from 1 to 4"),
        ("a.csv", TABLE, ("0", "1"), "line 1 has 4 cells, but no column 0; choose two numbers from 1 to 4"),
        ("a.csv", "en,en,de\na,b,c\n", ("en", "de"), "line 1 has two columns 'en'; .* by their numbers"),
        ("a.csv", "x,y,z\n1,2,3\n", None, "line 1 has 3 cells, and no columns en and de, but 'x', 'y', 'z'; name"),
        ("a.csv", "en;de\na;b\n", None, "line 1 has 1 cell, not 2, and seems to have semicolons between them; "),
        ("a.csv", "en,de\na,b\nc,d,e\n", None, "line 3 has 3 cells, but the first line has 2; "),
        ("a.tsv", "en\tde\na\tb\nc\n", ("en", "de"), "line 3 has 1 cell, but the first line has 2; "),
        ("a.csv", "en,de\n", None, "a.csv holds no pair; "),
        ("a.csv", "", None, "a.csv holds no pair; "),
    ],
)
def test_columns_that_are_not_there_are_answered_with_those_that_are(
    tmp_path: Path, name: str, text: str, columns: tuple[str, str] | None, error: str
) -> None:
    assert re.search(error, refusal(tmp_path / name, text, columns))


def test_keys_are_found_flat_or_in_the_translation(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"src": "a", "en_US": "x", "mt": "b", "de": null}\n\n{"mt": "d", "src": "c", "en_US": "y", "de": "z"}\n'
    )
    assert read(path) == [("x", ""), ("y", "z")]
    assert read(path, ("src", "mt")) == [("a", "b"), ("c", "d")]
    path.write_text('{"id": "0", "translation": {"eng": "a", "deu": "b", "fr": "c"}}\n')
    assert read(path) == [("a", "b")]
    assert read(path, ("fr", "eng")) == [("c", "a")]


@pytest.mark.parametrize(
    ("text", "columns", "error"),
    [
        ('{"en": "a", "de": "b"}\n["a", "b"]', None, "line 2 is a list, not an object; "),
        ('{"en": "a", "de": "b"}\n"a"', None, "line 2 is a text, not an object; "),
        ('{"en": "a", "de": "b"}\n{"en": "a"}', None, "line 2 has no key 'de', but 'en'; "),
        ('{"source": "a"}', None, "line 1 has no keys en and de, but 'source'; name the two keys with `columns`"),
        ('{"source": "a"}', ("source", "target"), "line 1 has no key 'target', but 'source'; "),
        ('{"source": "a", "targets": "b"}', ("source", "target"), "'targets'; the nearest known name is targets"),
        ('{"translation": {"cs": "a"}}', None, "but 'translation' and in 'translation' 'cs'; "),
        ('{"en": "a", "de": 5}', None, "line 1 has a number for 'de', not a text; "),
        ('{"en": "a", "de": "b"', None, r"line 1 is not JSON: Expecting ',' delimiter at column \d+; "),
        ('{"en": "a", "en": "x", "de": "b"}', None, "line 1 is not JSON: a key occurs twice; "),
        ('{"en": "\\ud83d", "de": "b"}', None, "line 1 has half of a surrogate pair"),
        ("{}", None, "line 1 has no keys en and de, but none at all"),
    ],
)
def test_a_line_without_the_keys_is_answered_with_those_that_are_there(
    tmp_path: Path, text: str, columns: tuple[str, str] | None, error: str
) -> None:
    assert re.search(error, refusal(tmp_path / "a.jsonl", text, columns))


# --- translation memories, XLIFF and catalogues -----------------------------------------------------------------------


def tmx(units: str, doctype: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{doctype}<tmx version="1.4"><header/><body>\n{units}</body></tmx>\n'
    )


def unit(source: str, target: str = "Ja", codes: tuple[str, str] = ("en", "de")) -> str:
    texts = zip(codes, (source, target), strict=True)
    return "".join(["<tu>", *(f'<tuv xml:lang="{code}"><seg>{text}</seg></tuv>' for code, text in texts), "</tu>\n"])


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ('Click <bpt i="1">&lt;b&gt;</bpt>here<ept i="1">&lt;/b&gt;</ept>.', "Click here."),
        ('un<bpt i="1">&lt;i&gt;</bpt>believ<ept i="1">&lt;/i&gt;</ept>able', "unbelievable"),
        ("two<ph>&lt;br/&gt;</ph>lines", "two lines"),
        ("a <ph>{0}</ph> b <ut>{\\b</ut> c <it pos='begin'>&lt;p&gt;<sub>title</sub></it>", "a b c"),
        ("<hi>all</hi> of <hi>it <hi>is</hi></hi> text", "all of it is text"),
        ("  pretty\n      printed\t text ", "pretty printed text"),
        ("a<!-- no -->b<?no no?>c <![CDATA[<d>]]> &#xE9;&amp;", "abc <d> é&"),
    ],
)
def test_inline_markup_of_tmx_leaves_the_text(tmp_path: Path, marked: str, plain: str) -> None:
    (tmp_path / "a.tmx").write_text(tmx(unit(marked)), encoding="utf-8")
    assert read(tmp_path / "a.tmx") == [(plain, "Ja")]


def test_the_first_variant_of_each_language_counts_and_units_without_both_are_counted(tmp_path: Path) -> None:
    variants = [("fr", "Oui"), ("de-AT", "Jo"), ("EN-GB", "Yes"), ("de", "Ja"), ("en-US", "Yeah")]
    several = "".join(f'<tuv lang="{code}"><prop>p</prop><seg>{text}</seg></tuv>' for code, text in variants)
    units = f"<tu>{several}</tu>{unit('x', codes=('en', 'fr'))}{unit('a', 'b', ('de', 'en'))}<tu/>"
    (tmp_path / "a.tmx").write_text(tmx(units))
    with pytest.warns(NmtWarning) as caught:
        assert read(tmp_path / "a.tmx") == [("Yes", "Jo"), ("b", "a")]
    assert [str(warning.message) for warning in caught] == [
        f"{tmp_path}/a.tmx: skipped 2, which are no pairs: without both languages 2"
    ]


def test_a_code_that_is_the_very_code_of_a_side_comes_before_codes_of_its_language(tmp_path: Path) -> None:
    (tmp_path / "a.tmx").write_text(tmx(unit("colour", "color", ("en-GB", "en-US"))))
    for code in ("en-GB", "en_GB"):
        assert read(tmp_path / "a.tmx", source="en", target=code) == [("color", "colour")]


def xliff_1(units: str, languages: str = 'source-language="en-US" target-language="de"') -> str:
    return f'<xliff version="1.2"><file {languages}><header><skl>x</skl></header><body>{units}</body></file></xliff>'


MARKED = """<trans-unit><source>Press <g id="1">the <x id="2"/>key</g><bx id="3"/>.</source>
<target>Taste <g id="1">drücken</g><x id="2" ctype="lb"/>bitte</target>
<alt-trans><source>no</source><target>nein</target></alt-trans></trans-unit>
<trans-unit><source>A. B. C.</source>
<seg-source><mrk mtype="seg" mid="0">A.</mrk> <mrk mtype="seg" mid="1">B.</mrk>
<mrk mtype="seg" mid="2">C.</mrk></seg-source>
<target><mrk mtype="seg" mid="1">Be.</mrk><mrk mtype="seg" mid="0">Ah.</mrk></target></trans-unit>"""
UNTRANSLATED = """<trans-unit><source>a</source></trans-unit>
<trans-unit><source>a</source><target> </target></trans-unit>
<trans-unit><source>a</source><target state="new">a</target></trans-unit>
<trans-unit><source>a</source><target state="needs-translation">a</target></trans-unit>"""


def test_xliff_1_gives_translated_units_and_segments_and_counts_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.xlf").write_text(xliff_1(MARKED + UNTRANSLATED), encoding="utf-8")
    with pytest.warns(NmtWarning, match="a.xlf: skipped 5, which are no pairs: untranslated 5"):
        assert read(tmp_path / "a.xlf") == [("Press the key.", "Taste drücken bitte"), ("A.", "Ah."), ("B.", "Be.")]
    error = refusal(tmp_path / "b.xlf", xliff_1(UNTRANSLATED))
    assert "untranslated 4; no pair is left" in error


def test_xliff_2_gives_translated_segments_and_counts_the_others(tmp_path: Path) -> None:
    segments = """<originalData><data id="d">&lt;i/&gt;</data></originalData>
    <segment><source>Hello <pc id="1">big</pc> <ph id="2"/>world</source>
    <target>Hallo <mrk id="m">Welt</mrk></target></segment>
    <ignorable><source> </source><target> </target></ignorable>
    <segment state="initial"><source>a</source><target>a</target></segment><segment><source>a</source></segment>
    <segment state="final"><source>b</source><target>B</target></segment>"""
    root = 'xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="de" trgLang="en-GB"'
    (tmp_path / "a.xliff").write_text(
        f'<{root}><file id="f"><group id="g"><unit id="1">{segments}</unit></group></file></xliff>'
    )
    with pytest.warns(NmtWarning, match="untranslated 2"):
        assert read(tmp_path / "a.xliff") == [("Hallo Welt", "Hello big world"), ("B", "b")], "de to en is turned round"


def test_xliff_of_other_languages_is_answered_with_those_that_are_there(tmp_path: Path) -> None:
    one = "<trans-unit><source>a</source><target xml:lang='de-CH'>b</target></trans-unit>"
    error = refusal(tmp_path / "a.xlf", xliff_1(one, 'source-language="cs" target-language="fr"'))
    assert "has nothing from en to de, but 'cs to fr'; " in error
    (tmp_path / "b.xlf").write_text(xliff_1(one, 'source-language="en"'))
    assert read(tmp_path / "b.xlf") == [("a", "b")], "the target names its own language"
    assert "has nothing from en to de" in refusal(
        tmp_path / "c.xlf", xliff_1(one.replace("de-CH", "da"), 'source-language="en"')
    )


HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Language: de_DE@euro\\n"\n\n'
CATALOGUE = r"""# a comment
#: a.c:1
#, c-format
#| msgid "older"
msgctxt "menu"
msgid "a %d"
msgstr ""
"b\n"
"c \"q\" \\"
#, fuzzy
msgid "x"
msgstr "y"

msgid "untranslated"
msgstr ""

msgid "file"
msgid_plural "files"
msgstr[0] "Datei"
msgstr[1] "Dateien"
msgid "one"
msgid_plural "many"
msgstr[0] "viele"

#~ msgid "obsolete"
#~ msgstr "alt"
#:
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_catalogue_gives_translated_entries_with_plurals_and_counts_the_others(tmp_path: Path, end: str) -> None:
    (tmp_path / "a.po").write_bytes((HEADER + CATALOGUE).replace("\n", end).encode())
    with pytest.warns(NmtWarning, match="skipped 3, which are no pairs: fuzzy 1, untranslated 1, obsolete 1"):
        pairs = read(tmp_path / "a.po")
    assert pairs == [("a %d", 'b c "q" \\'), ("file", "Datei"), ("files", "Dateien"), ("many", "viele")]


def test_a_catalogue_is_the_same_in_blocks_and_its_errors_have_the_line_of_the_file(tmp_path: Path) -> None:
    pairs = [(f"a {number}", f"b {number}") for number in range(1234)]
    text = as_po(pairs).decode()
    (tmp_path / "a.po").write_text(text)
    (tmp_path / "b.po").write_text(text.replace("\n\n", "\n"))
    assert read(tmp_path / "a.po") == read(tmp_path / "b.po") == pairs
    for wrong in ('msgid "x"\nmsgid "y"\n', 'msgid "x\nmsgstr "y"\n', "garbage\n", 'msgid "x"\nmsgstr "a"b"\n'):
        line = text.count("\n") + 1 + (wrong.count('"') in (4, 5))
        assert f"a.po line {line} is not PO" in refusal(tmp_path / "a.po", text + wrong)


def test_the_language_of_a_catalogue_decides_which_side_is_which(tmp_path: Path) -> None:
    for language, source, target in (
        ("de_AT", "de", "en"),
        ("de@euro", "de", "en"),
        ("de", "en", "de"),
        ("", "en", "de"),
        ("German", "en", "de"),
    ):
        (tmp_path / "a.po").write_bytes(as_po([("a", "b")], language))
        assert read(tmp_path / "a.po", source=source, target=target) == [("b", "a") if source == "de" else ("a", "b")]
    error = refusal(tmp_path / "a.po", as_po([("a", "b")], "fr"))
    assert error.endswith("is translated into fr, which is neither en nor de; name its language with `target`")


# --- files from strangers ---------------------------------------------------------------------------------------------


MEASURING = r"""
import re, sys
from pathlib import Path
from nmt.corpus.parallel import find_corpus, read_pairs
from nmt.errors import DataError

def peak():  # of this program alone; getrusage also tells that of the process it was forked from
    return re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]

try:
    for number, _ in enumerate(read_pairs(find_corpus(Path(sys.argv[1]), "en", "de"))):
        if number == 1000:
            print(peak())
except DataError:
    pass
print(peak())
"""


def peaks(path: Path) -> list[int]:
    """Peak memory in kilobytes of a process that reads the file: after 1,000 pairs, and at the end."""
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here")
    command = [sys.executable, "-c", MEASURING, str(path)]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    return list(map(int, result.stdout.split()))


def laughs() -> str:
    """A document type of ten entities, each ten times the one before: ten gigabytes of laughter."""
    entities = "".join(f'<!ENTITY l{level + 1} "{f"&l{level};" * 10}">\n' for level in range(9))
    return f'<!DOCTYPE tmx [<!ENTITY l0 "lollollol">\n{entities}]>\n'


def test_a_billion_laughs_are_refused_at_once(tmp_path: Path) -> None:
    for text in (tmx(unit("&l9;"), laughs()), tmx(unit("a", codes=("&l9;", "de")), laughs())):
        assert "is not well-formed XML: 'Maximum entity amplification" in refusal(tmp_path / "a.tmx", text)
    assert peaks(tmp_path / "a.tmx")[-1] < 100_000


def test_nothing_outside_the_file_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("swordfish")
    outside = f'<!DOCTYPE tmx [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y SYSTEM "file:///etc/passwd">]>'
    for name in ("x", "y"):
        error = refusal(tmp_path / "a.tmx", tmx(unit(f"so: &{name};"), outside))
        assert f"unit 1 uses the entity '&{name};', which is not read" in error
        assert "swordfish" not in error
        assert "root:" not in error
    (tmp_path / "tmx.dtd").write_text('<!ENTITY x "swordfish">')
    for doctype in (
        f'<!DOCTYPE tmx SYSTEM "{(tmp_path / "tmx.dtd").as_uri()}">',
        f'<!DOCTYPE tmx [<!ENTITY % d SYSTEM "{(tmp_path / "tmx.dtd").as_uri()}"> %d;]>',
    ):
        assert "swordfish" not in refusal(tmp_path / "a.tmx", tmx(unit("&x;"), doctype))
        (tmp_path / "b.tmx").write_text(tmx(unit("Yes"), doctype))
        assert read(tmp_path / "b.tmx") == [("Yes", "Ja")], "a document type alone is no reason to refuse"
    inside = '<!DOCTYPE tmx [<!ENTITY x "a">]>'
    assert "uses the entity '&x;'" in refusal(tmp_path / "a.tmx", tmx(unit("&x;"), inside))


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('en,de\na,b\n"open,c\n' + "more,x\n" * 5, 3, "opens a quote that is never closed"),
        ('en,de\n"a\nb ""q"" c\nd,e\n', 2, "opens a quote that is never closed"),
        ('en,de\na,b\n"open,c\n' + "more,x\n" * 200_000, 3, "opens a quote that is not closed within 1048576"),
        (
            'en,de\n"a\nb","open,c\nd,e\n"good",x\n',
            5,
            "has text right after the quote that closes a cell, opened on line 3",
        ),
        ('en,de\n"a"b,c\n', 2, "has text right after the quote that closes a cell, opened on the same line"),
        ('en,de\n"' + "line\n" * 250_000 + '",x\n', 2, "opens a quote that is not closed within 1048576"),
        ("en,de\n" + "x" * (LONGEST_LINE + 1) + ",a\n", 2, "has over 1048576 bytes"),
        ("en,de\na\rb,c\n", 2, "has a carriage return within a cell"),
    ],
)
def test_a_quote_that_is_not_closed_and_a_megabyte_cell_are_named_by_their_line(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    assert f"a.csv line {line} {what}" in refusal(tmp_path / "a.csv", text)


def test_a_cell_of_nearly_a_megabyte_is_read_and_the_limit_of_the_process_is_put_back(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    (tmp_path / "a.csv").write_text('a,"' + "line\n" * 200_000 + '"\n')
    assert [len(target) for _, target in read(tmp_path / "a.csv")] == [1_000_000]
    refusal(tmp_path / "a.csv", 'a,"b')
    assert csv.field_size_limit() == before < LONGEST_LINE


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tmx", tmx(unit("x" * (LONGEST_LINE + 1)))),
        ("a.tmx", tmx(unit("x" * 20_000_000))),
        ("a.tmx", tmx(unit(f'<a x="{"y" * 50}"/>' * 150_000))),
        ("a.xlf", xliff_1(f"<trans-unit><source>{'x' * (LONGEST_LINE + 1)}</source><target>a</target></trans-unit>")),
        ("a.po", f'{HEADER}msgid "{"x" * (LONGEST_LINE + 1)}"\nmsgstr "a"\n'),
        ("a.po", HEADER + 'msgid "a"\n' + '"line"\n' * 200_000),
        ("a.jsonl", json.dumps({"en": "x" * (LONGEST_LINE + 1), "de": "a"})),
        ("a.tsv", "x" * (LONGEST_LINE + 1) + "\ta\n"),
    ],
    ids=["segment", "huge segment", "elements", "xliff", "po line", "po entry", "jsonl", "tsv"],
)
def test_a_text_of_over_a_megabyte_is_refused_in_every_format(tmp_path: Path, name: str, content: str) -> None:
    assert re.search(r"(line|unit) \d+ .*over 1048576|an element of over 8388608", refusal(tmp_path / name, content))


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.jsonl", "[" * 100_000, "line 1 is not JSON: it is nested too deep"),
        ("a.jsonl", '{"en":' * 100_000, "line 1 is not JSON: it is nested too deep"),
        ("a.jsonl", '{"en": ' + "9" * 5000 + "}", "line 1 is not JSON: Exceeds the limit"),
        ("a.tmx", tmx(unit("<hi>" * 300 + "</hi>" * 300)), "well-formed XML: 'Excessive depth"),
        ("a.tmx", tmx(unit("a\0b")), "Char 0x0 out of allowed range"),
        ("a.tmx", tmx(unit("Yes"))[:-60], "a.tmx line 3 is not well-formed XML: "),
        ("a.tmx", tmx(unit("&nbsp;")), "a.tmx line 3 is not well-formed XML: \"Entity 'nbsp' not defined\""),
        ("a.tmx", tmx(unit("é")).encode("latin-1"), "a.tmx line 3 is not well-formed XML: "),
        ("a.tmx", "<html><body/></html>", "is XML, but its outermost element is 'html', not 'tmx'"),
        ("a.xlf", tmx(unit("a")), "is XML, but its outermost element is 'tmx', not 'xliff'"),
        ("a.tmx", "a\tb\n", "line 1 is not well-formed XML"),
        ("a.tmx", b"", "a.tmx holds no pair"),
        ("a.tmx", tmx(""), "a.tmx holds no pair"),
        ("a.tmx", gzip.compress(tmx(unit("a")).encode()), "is compressed by gzip; rename it to "),
        ("a.tmx.gz", gzip.compress(tmx(unit("abc" * 999)).encode())[:-20], "a.tmx.gz is damaged: "),
        ("a.csv.gz", gzip.compress(b"en,de\na,b\n")[:-9], "a.csv.gz is damaged: "),
        ("a.po.xz", lzma.compress(as_po([("a", "b")]))[:-9], "a.po.xz is damaged: "),
        ("a.csv", b"en,de\na,b\n\xe9,b\n", "a.csv line 3 byte 1 is not UTF-8"),
        ("a.jsonl", b'{"en": "\xe9"}\n', "a.jsonl line 1 byte 9 is not UTF-8"),
        ("a.po", HEADER.encode() + b'msgid "a"\nmsgstr "\xe9"\n', "a.po line 7 byte 9 is not UTF-8"),
        ("a.csv", "en,de\n".encode("utf-16"), "a.csv line 1 is UTF-16, not UTF-8"),
        ("a.csv", b"PK\x03\x04", "a.csv is a zip archive, as .docx and .xlsx are too"),
        ("a.tmx", tmx(unit("a", codes=("fr", "cs-CZ"))), "no unit with both en and de, but with 'fr', 'cs-CZ'; name"),
        ("a.tmx", tmx("".join(unit("a", codes=("fr", f"x{n}")) for n in range(1000))), "over 1000 codes of languages"),
    ],
)
def test_what_is_broken_is_refused_in_one_line(tmp_path: Path, name: str, content: str | bytes, what: str) -> None:
    assert what in refusal(tmp_path / name, content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "euc-kr"])
def test_xml_is_read_in_the_encoding_that_it_declares(tmp_path: Path, encoding: str) -> None:
    text = "한국어" if encoding == "euc-kr" else "grün"
    (tmp_path / "a.tmx").write_bytes(as_tmx([("a", text)], encoding=encoding))
    assert read(tmp_path / "a.tmx") == [("a", text)]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.po"])
def test_nul_bytes_are_no_text_but_a_space(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(WRITERS[name]([("a\0b", "c\0")]))
    assert read(tmp_path / name) == [("a b", "c ")]


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    content = bytearray(WRITERS[name]([pair for pair in PAIRS if "\n" not in pair[0]]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        inserted = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b'"', b"<", b"\n", b",", b"{", b"</seg>", b"#~ "]))
        )
        content[at : at + data.draw(st.integers(0, 9))] = inserted
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NmtWarning)
            pairs = read(path, COLUMNS.get(name))
    except DataError as error:
        pairs = [(str(error), "")]
    assert all(text == one_line(text) for pair in pairs for text in pair if name != "a.tsv")
    assert all(text.encode() is not None for pair in pairs for text in pair)


@pytest.mark.parametrize("name", ["a.tmx", "a.xlf", "a.xliff", "a.po", "a.csv"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    pairs = [(f"A sentence of some words, number {number}", "Ein Satz " * 5) for number in range(60_000)]
    (tmp_path / name).write_bytes(WRITERS[name](pairs))
    early, late = peaks(tmp_path / name)
    assert late - early < 6_000


# --- the command ------------------------------------------------------------------------------------------------------

SUBJECTS = [
    ("The teacher", "Der Lehrer"),
    ("My sister", "Meine Schwester"),
    ("A child", "Ein Kind"),
    ("Nobody", "Niemand"),
]
VERBS = [("sees", "sieht"), ("buys", "kauft"), ("draws", "zeichnet"), ("sells", "verkauft"), ("loves", "liebt")]
OBJECTS = [
    ("a red house", "ein rotes Haus"),
    ("the old book", "das alte Buch"),
    ("two small dogs", "zwei kleine Hunde"),
]
MANY = [
    (f"{subject[0]} {verb[0]} {thing[0]}.", f"{subject[1]} {verb[1]} {thing[1]}.")
    for subject, verb, thing in product(SUBJECTS, VERBS, OBJECTS)
]


def request(tmp_path: Path, name: str, columns: tuple[str, str] | None = None) -> PrepareRequest:
    (tmp_path / name).write_bytes(WRITERS[name](MANY))
    return PrepareRequest("en", "de", (tmp_path / name,), None, (), tmp_path / "data", columns=columns)


@pytest.mark.parametrize("name", WRITERS)
def test_a_dataset_is_the_same_from_every_format(tmp_path: Path, name: str) -> None:
    for side, language in enumerate(("en", "de")):
        (tmp_path / f"plain.{language}").write_text("".join(f"{pair[side]}\n" for pair in MANY))
    plain = PrepareRequest("en", "de", (tmp_path / "plain",), None, (), tmp_path / "plain-data")
    prepare(plain, PrepareOptions())
    made = request(tmp_path, name, COLUMNS.get(name))
    prepare(made, PrepareOptions())
    files = [read_manifest(folder)["files"] for folder in (plain.output, made.output)]
    for own in files:
        del own["dropped.tsv.gz"], own["cleaning.json"]  # name the corpora
    assert files[0] == files[1]


def test_columns_are_part_of_what_the_dataset_is_made_from_when_they_are_given(tmp_path: Path) -> None:
    made, options = request(tmp_path, "a.csv"), PrepareOptions(clean="off")
    prepare(made, options)
    assert "columns" not in read_manifest(made.output)["inputs"][0]
    for columns in (("en", "de"), ("de", "en"), ("1", "2"), None):
        assert not prepare(replace(made, columns=columns), options).unchanged
        assert prepare(replace(made, columns=columns), options).unchanged
    (tmp_path / "a.en").write_text("a\n" * 9)
    (tmp_path / "a.de").write_text("b\n" * 9)
    with pytest.raises(SettingsError, match="`columns` names columns, but no corpus has any"):
        prepare(replace(made, train=(tmp_path / "a",), columns=("en", "de")), options)


def prepared(tmp_path: Path, *flags: str | Path) -> "subprocess.CompletedProcess[str]":
    return nmt("prepare", "-s", "en", "-t", "de", "-o", tmp_path / "data", *flags)


def test_the_command_takes_columns_by_quoted_names_and_refuses_other_numbers_of_them(tmp_path: Path) -> None:
    file = io.StringIO()
    csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None).writerows(
        [("a, b", "English words", "de"), *(("x", *pair) for pair in MANY)]
    )
    (tmp_path / "a.tsv").write_text(file.getvalue())
    for flag, said in (
        ("English words,de", "a.tsv: 60 pairs"),
        ('"English words", "de"', "is up to date"),
        ("2,3", "a.tsv: 61 pairs"),
    ):
        result = prepared(tmp_path, "--train", tmp_path / "a.tsv", "--columns", flag)
        assert (result.returncode, said in result.stderr) == (0, True), result.stderr
    for flag in ("en", "en,", "a,b,c", "en,en", '"en,de', ""):
        result = prepared(tmp_path, "--train", tmp_path / "a.tsv", "--columns", flag)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
        assert "does not name two columns; write it like en,de or 2,3" in result.stderr


def test_the_command_says_once_what_was_skipped_and_advises_its_own_flag(tmp_path: Path) -> None:
    (tmp_path / "a.po").write_bytes(as_po([*MANY, ("untranslated", "")]))
    result = prepared(tmp_path, "--train", tmp_path / "a.po")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("skipped") == 1
    assert f"nmt: warning: {tmp_path}/a.po: skipped 1, which are no pairs: untranslated 1\n" in result.stderr
    (tmp_path / "a.jsonl").write_text('{"x": "a", "y": "b"}\n')
    result = prepared(tmp_path, "--train", tmp_path / "a.jsonl")
    error = f"{tmp_path}/a.jsonl line 1 has no keys en and de, but 'x', 'y'; name the two keys with --columns"
    assert (result.returncode, result.stderr) == (65, f"nmt: error: {error}\n")


def test_other_commands_still_refuse_these_formats_by_name(tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "a.tmx").write_bytes(as_tmx([("a", "b")], ("ko", "en")))
    for command in ("translate", "evaluate"):
        result = nmt(command, tiny_run.run, tmp_path / "a.tmx")
        assert (result.returncode, result.stderr.count("\n")) == (65, 1)
        assert "a.tmx is .tmx, not lines of plain text; " in result.stderr


def without(module: str, folder: Path, *arguments: str) -> Any:
    code = f"import sys; sys.modules[{module!r}] = None; from nmt.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, encoding="utf-8")


@pytest.mark.parametrize(("module", "name"), [("polib", "a.po"), ("lxml", "a.tmx"), ("lxml", "a.xliff")])
def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path, module: str, name: str) -> None:
    (tmp_path / name).write_bytes(WRITERS[name](MANY))
    flags = ["prepare", "-s", "en", "-t", "de", "-o", "data", "--train"]
    result = without(module, tmp_path, *flags, name)
    assert result.returncode == 78
    assert re.fullmatch(
        rf"nmt: error: .*{name}: to read it takes {module}; install the extra 'formats'.*\n", result.stderr
    )
    assert not (tmp_path / "data").exists()
