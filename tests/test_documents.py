"""Documents: what is not translated stays byte for byte, and what is written is what a second reading finds."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.documents import FORMATS, Asked, format_of, parse, read
from nmt.documents.html_tokens import tokens
from nmt.documents.kept import lost, tidied
from nmt.documents.wrapping import width_of, wrapped
from nmt.errors import NmtError

CODE = re.compile(r"(<[^ >]+>|%[sd]|\{\w+\})")
XLIFF = '<?xml version="1.0"?>\n<xliff version="{}" {}>\n<file {} original="a">{}\n</file>\n</xliff>\n'
HEADER = (
    'msgid ""\nmsgstr ""\n"Project-Id-Version: a\\n"\n"PO-Revision-Date: 2026-01-01 00:00+0000\\n"\n'
    '"Last-Translator: a\\n"\n"Language-Team: a\\n"\n"Language: de\\n"\n"MIME-Version: 1.0\\n"\n'
    '"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
)

PARTS = {
    "html": [
        "<p>One <b>two</b> three.</p>\n",
        "<p class=x>A &amp; b &copy; <a href='?a=1&amp;b=2' title=\"Is\n it\">here <i>or there</i></a>",
        "<br>",
        "<br/> ",
        "text < alone 1<2 ",
        "<ul><li> item<li>other  item\n</ul>",
        "<script>if (a<b) { '</p>' }</script>",
        "<style>p > b { }</style><pre>as it\n is</pre>",
        "<!-- <p>no</p> --> ",
        "Use <code>foo <b>bar</b></code> now, <kbd>Ctrl</kbd>.",
        "<img src=x alt=Word><input type=submit value='Send it' placeholder=name>",
        "<div translate=no>Acme <p>Corp</div><b></i>lone ends</b> ",
        "<title>A &lt;title&gt; here</title><textarea>user <b>text</textarea>",
        '<meta name=description content="About it"><svg><title>no</title></svg>',
        "<?xml version='1.0'?><!doctype html></ bogus>",
        "\u00a0 caf\u00e9 \ud55c\uad6d\uc5b4 <span>\u4f60\u597d</span>\r\n",
        "<g1>odd</g1> &lt;g7&gt; ",
    ],
    "srt": [
        "1\n00:00:01,000 --> 00:00:02,500\nOne line\nand another <i>one\nmore</i>\n\n",
        "00:00:01.5 --> 00:00:02.5 X1:1\n- Yes.\n- {\\an8}No, <b>really</b>!\n\n",
        "7\n0:0:1,000 --> 0:00:02,000\n\n\n",
        "8\n00:00:03,000 --> 00:00:04,000\n\u266a la la \u266a\n\n \n",
        "9\n00:00:03,000 --> 00:00:04,000\n\u4f60\u597d\u4e16\u754c\n10\n00:00:05,000 --> 00:00:06,000\n"
        "No blank before\n",
    ],
    "vtt": [
        "NOTE about\nthis --\n\nSTYLE\n::cue { }\n\n",
        "id\n00:01.000 --> 00:04.000 align:start\n<v Ann>One &amp; <c.x>two</c>\nthree <00:02.000>four\n\n",
        "01:00:01.000 --> 01:00:04.000\n- \ud55c\uad6d\uc5b4\n- Yes\n\n",
    ],
    "md": [
        "# A *heading* #\n\n",
        'Some text with **bold words**, `code` and\na [link *text*](http://x.org "T") or <http://auto.org>\\\n'
        "goes on &amp; on.\n\n",
        "> quoted text\n> goes on[^1] here\n\n",
        "- [ ] item one\n- item two\n  more of it\n  1. sub\n\n",
        "| a | b c |\n|---|:-:|\n| cell *x* | `a\\|b` and \\| pipe |\n\n",
        "```py\ncode here\n```\n\n    indented code\n\n",
        "<div>html\nblock</div>\n\n",
        "Setext\n======\n\n",
        '![image alt](a.png "t") after <b>it</b> and [ref], [the ref][ref], [ref][].\n\n',
        "snake_case 2 * 3 \\* x * y_ ~~gone~~\n\n***\n\n",
        "[ref]: http://r.org 'title'\n\n",
        "\ud55c\uad6d\uc5b4 **\uad75\uac8c**\uc785\ub2c8\ub2e4  \n\u4f60\u597d\n\n",
    ],
    "jsonl": [
        '{"text": "One.", "id": 1}\n',
        '{"id": [1, {"text": "no"}], "text" : "two\\n\\nlines \\u00e9 \\"q\\" %s"}\n',
        "\n",
        ' {"text": null, "other": "x"} \n',
        '{"text": "42", "a": {}}\n',
    ],
    "po": [
        '#: a.c:1\n#, c-format\nmsgid "Delete %s?\\n"\nmsgstr ""\n\n',
        '# note\nmsgid "one file"\nmsgid_plural "%d files"\nmsgstr[0] ""\nmsgstr[1] ""\n\n',
        '#, fuzzy\n#| msgid "Old"\nmsgctxt "menu"\nmsgid "New \\"one\\""\nmsgstr "Alt"\n\n',
        'msgid "done"\nmsgstr "fertig"\n\n',
        '#~ msgid "gone"\n#~ msgstr "weg"\n\n',
        'msgid ""\n"a long line that "\n"goes on over words and on, until it is longer than eighty."\nmsgstr ""\n\n',
        'msgid "First line.\\n"\n"\\tSecond line.\\n"\nmsgstr ""\n\n',
    ],
    "xlf": [
        '\n<trans-unit id="1">\n <source>Click <g id="1">here</g> &amp; <x id="2"/> now</source>\n</trans-unit>',
        '<trans-unit id="2"><source>Done</source><target>Fertig</target></trans-unit>',
        '<trans-unit id="3"><source>New one</source><target state="new"/></trans-unit>',
        '<trans-unit id="4"><source>A. B.</source><seg-source><mrk mtype="seg" mid="1">Aa.</mrk> '
        '<mrk mtype="seg" mid="2">Bb.</mrk></seg-source><target xml:lang="de"></target></trans-unit>',
        '<trans-unit id="5" translate="no"><source>Acme</source></trans-unit>',
        '<trans-unit id="6"><source>a <bpt id="1">&lt;b></bpt>bold<ept id="1">&lt;/b></ept> <ph id="2">{0}</ph> '
        "\u00e9<!-- c --><![CDATA[ a < b ]]></source></trans-unit>",
    ],
}
NAMES = sorted(PARTS)


def made(kind: str, parts: list[str]) -> str:
    """A file of parts."""
    text = "".join(dict.fromkeys(parts)) if kind == "po" else "".join(parts)
    if kind == "vtt":
        return f"WEBVTT\n\n{text}"
    if kind == "xlf":
        return XLIFF.format("1.2", 'xmlns="urn:oasis:names:tc:xliff:document:1.2"', 'source-language="en"', text)
    return HEADER + text if kind == "po" else text


FILES = st.sampled_from(NAMES).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.builds(
            lambda parts, newline, mark: (
                mark + made(kind, parts).replace("\r\n", "\n").replace("\n", newline)
            ).encode(),
            st.lists(st.sampled_from(PARTS[kind]), max_size=8),
            st.sampled_from(["\n", "\r\n"]),
            st.sampled_from(["", "\ufeff"]),
        ),
    )
)
ASKED = Asked(keys=("text",))


def other(line: str) -> str:
    """Another text with the same codes and placeholders, and signs that formats must escape."""
    word = "\ub9d0 \" ' < \\ & | Wort"  # ends in letters: a sign there could undo emphasis
    parts = CODE.split(line)
    return "".join(
        part if place % 2 else re.sub(r"[^\W\d_]+", lambda _: word, part) for place, part in enumerate(parts)
    )


@settings(max_examples=700, deadline=None)  # a hundred of each format
@given(FILES)
def test_only_what_is_translated_changes_and_a_library_reads_the_translation(file: tuple[str, bytes]) -> None:
    kind, data = file
    document = parse(data, kind, "a", ASKED)
    assert document.written([""] * len(document.segments))[0] == data  # each unit is left as it is
    wanted = list(map(other, document.segments))
    written, left = document.written(wanted)
    assert left == []
    if kind not in ("po", "xlf"):
        assert document.written(document.segments) == (data, [])
        assert parse(written, kind, "a", ASKED).segments == wanted
    else:  # their sources stay, so what they have must be what is given
        again = parse(written, kind, "a", Asked(again=True))
        there = {"done": "fertig", "Done": "Fertig"}
        assert again.written([there.get(text, other(text)) for text in again.segments]) == (written, [])
    if kind == "po":
        check_catalogue(written)
    elif kind == "xlf":
        check_xliff(written)
    if kind == "md":
        assert markup_of(written) == markup_of(data)
    if kind == "jsonl":
        for before, after in zip(
            data.decode("utf-8-sig").split("\n"), written.decode("utf-8-sig").split("\n"), strict=True
        ):
            there, now = (json.loads(line) if line.strip() else {} for line in (before, after))
            assert now == there | ({"text": other(there["text"])} if there.get("text") else {})


def check_catalogue(data: bytes) -> None:
    """Each entry that lacked a translation has one and is marked; the others are as they were."""
    import polib

    for entry in polib.pofile(data.decode("utf-8-sig").replace("\r\n", "\n")):
        if entry.obsolete or entry.msgid == "done":
            assert (entry.msgstr, entry.fuzzy) == ("weg" if entry.obsolete else "fertig", False)
        elif entry.msgid_plural:
            assert (entry.msgstr_plural, entry.fuzzy) == ({0: other(entry.msgid), 1: other(entry.msgid_plural)}, True)
        else:
            assert (entry.msgstr, entry.fuzzy) == (other(entry.msgid), True)


def check_xliff(data: bytes) -> None:
    """Each target has the codes of its source, and its words translated."""
    from lxml import etree

    for unit in etree.fromstring(data.removeprefix(b"\xef\xbb\xbf")).iter("{*}trans-unit"):
        if unit.get("id") in ("2", "5"):
            continue
        (target,) = unit.iterchildren("{*}target")
        source = next(unit.iterchildren("{*}seg-source"), next(unit.iterchildren("{*}source")))
        assert target.get("state") == "needs-review-translation"
        codes = [[(each.tag, dict(each.attrib)) for each in side.iterdescendants("*")] for side in (source, target)]
        assert codes[0] == codes[1]
        words = [
            " ".join("".join(side.xpath(".//text()[not(parent::*[@id and not(self::*[local-name()='g'])])]")).split())
            for side in (source, target)
        ]
        assert words[1] == other(words[0])


@settings(max_examples=300, deadline=None)
@given(FILES.filter(lambda file: file[0] in ("html", "md", "srt", "vtt")))
def test_a_library_reads_each_translation_where_its_source_was(file: tuple[str, bytes]) -> None:
    kind, data = file
    document = parse(data, kind, "a")
    wanted = []
    for number, segment in enumerate(document.segments):
        mark = "mark" + str(number).translate(str.maketrans("0123456789", "abcdefghij")) + "end"
        parts = CODE.split(segment)
        wanted.append("".join(part if at % 2 else re.sub(r"[^\W\d_]+", mark, part) for at, part in enumerate(parts)))
    written, left = document.written(wanted)
    assert left == []
    before, after = (told_by(kind, each.decode("utf-8-sig")) for each in (data, written))
    at = 0
    for source, target in zip(before, after, strict=True):  # word for word: a mark, or what was there
        for was, now in zip(WORD.findall(source), WORD.findall(target), strict=True):
            at += now.startswith("mark")
            assert now.startswith("mark") or now == was
    marks = [[re.findall("mark[a-j]+end", text) for text in texts] for texts in (wanted, after)]
    assert at == len(marks[1][0] + marks[1][1]) == sum(map(len, marks[0]))
    flat = [mark for found in marks[0] for mark in found]
    order = {mark: place for place, mark in enumerate(dict.fromkeys(flat))}
    for found in marks[1]:
        assert [order[mark] for mark in found] == sorted(order[mark] for mark in found)
    assert sorted(marks[1][0] + marks[1][1]) == sorted(flat)


WORD = re.compile(r"[^\W\d_]+")


def told_by(kind: str, text: str) -> tuple[str, str]:
    """The text that a library reads in a file, and that of its attributes."""
    if kind == "html":
        return told_by_lxml(text)
    if kind == "md":
        from markdown_it import MarkdownIt

        tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
        inner = [child for token in tokens for child in token.children or []]
        return " ".join(child.content for child in inner), ""
    pysubs2 = pytest.importorskip("pysubs2", reason="pysubs2 is not installed")
    cues = pysubs2.SSAFile.from_string(text, kind, keep_html_tags=True, keep_unknown_html_tags=True)
    return " ".join(cue.text.replace("\\N", "\n") for cue in cues), ""


def told_by_lxml(page: str) -> tuple[str, str]:
    """The text of a page, and that of its attributes, each in order."""
    from lxml import etree

    text, attributes = list[str](), list[str]()

    class Told:
        def start(self, name: str, values: dict[str, str]) -> None:
            text.append(" ")
            attributes.extend(values.values())

        def end(self, name: str) -> None:
            text.append(" ")

        def data(self, data: str) -> None:
            text.append(data)

        def close(self) -> None: ...

    parser = etree.HTMLParser(target=Told())
    parser.feed(page or " ")
    parser.close()
    return "".join(text), " ".join(attributes)


def markup_of(data: bytes) -> list[str]:
    """The tags of what Markdown becomes."""
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(data.decode("utf-8-sig"))
    return re.findall(r"<[^>]*>", html)


# --- what a translation must keep -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("a <g1>b</g1>", "<g1>B</g1> A", ""),
        ("a <g1>b</g1>", "A B</g1>", "its translation lacks <g1>"),
        ("a <g1>b</g1>", "</g1>B<g1> A", "its translation crosses tags"),
        ("<g1>a <g2>b</g2></g1>", "<g1>A <g2>B</g1></g2>", "its translation crosses tags"),
        ("a <g1>b</g1>", "A B <g1> </g1>", "its translation has nothing in <g1>"),
        ("a <x1/> b", "A <x1/> <x1/>", "its translation adds <x1/>"),
        ("<g1><x2/></g1> b", "<g1><x2/></g1> B", ""),
        ("%d of {n}", "{n} von %d", ""),
        ("%d of {n}", "%s von {n}", "its translation lacks %d"),
        ("<g1> is <g2>odd <g3>a</g3></g2>", "<g2>O <g3>A</g2></g3> ist <g1>", "its translation crosses tags"),
        ("<g1> is <g2>odd</g2>", "<g1> <g2></g2> ist O", "its translation has nothing in <g2>"),
        ("<g1> is <g2>odd</g2>", "<g2>O</g2> ist <g1>", ""),
        ("</g1> is <g2>odd</g2> <g1>", "<g1> <g2>O</g2> </g1>", ""),
        ("<g1> <g2>a </g1> b</g2>", "<g1> <g2>A </g1> B</g2>", ""),
        ("<g1> <g2>a </g1> b</g2>", "<g1> <g2>A </g2> B</g1>", "its translation moves tags"),
        ("5 files", "fünf Dateien", ""),
        ("a", " ", "its translation is empty"),
    ],
)
def test_a_translation_keeps_codes_and_placeholders_or_it_is_said(source: str, target: str, reason: str) -> None:
    assert lost(source, target) == reason


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("a <g1>b</g1>.", "<g1> B </g1> a.", "<g1>B</g1> a."),
        ("a <g1>b</g1>.", "A<g1> B </g1>.", "A <g1>B</g1>."),
        ("a <g1>b</g1> c", "A <g1>B </g1>C", "A <g1>B</g1> C"),
        ("a <g1> b </g1> c", "A <g1> B </g1> C", "A <g1> B </g1> C"),
        ("a <x1/> b", "A <x1/> B", "A <x1/> B"),
    ],
)
def test_blanks_that_a_source_has_not_move_out_of_tags(source: str, target: str, expected: str) -> None:
    assert tidied(source, target) == expected


def test_an_entry_that_loses_a_tag_is_left_with_its_line_and_the_others_are_written() -> None:
    page = b"<p>One <b>two</b></p>\n<p title='Three'>Four</p>\n<p>Five %s</p>"
    document = parse(page, "html", "a")
    written, left = document.written(["Eins zwei", "Drei", "Vier", "F\u00fcnf"])
    assert written == b"<p>One <b>two</b></p>\n<p title='Drei'>Vier</p>\n<p>Five %s</p>"
    assert [(each.line, each.reason) for each in left] == [
        (1, "its translation lacks <g1>, </g1>"),
        (3, "its translation lacks %s"),
    ]


# --- formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        "<p>a<b>c</b>d",
        "<!--a--><!-->b--><!--->c--!>d-->e",
        "<script>a<b></script >c<style>d</STYLE>e",
        "<title>a<b></title>c",
        "<script><!-- <script>a</script> <b> --></script>c",
        "<script><!-- a</script>b<script><!--> <script></script>c",
        "a < b <3 c <",
        "<a b='>' c=\">\" d=> e>f</a\n>g",
        "<a/b=c/>d",
        "<a b='x'c=y>d",
        "<?a b>c<!d>e",
        "&lt;a&gt; &amp;amp; &copy b",
        '<p a="x\ny" a=z>b',
    ],
)
def test_tokens_are_those_of_a_parser(page: str) -> None:
    import html

    from lxml import etree

    class Told:
        def __init__(self) -> None:
            self.text, self.tags = "", list[tuple[str, dict[str, str]]]()

        def start(self, name: str, attributes: dict[str, str]) -> None:
            self.tags.append((name, dict(attributes)))

        def end(self, name: str) -> None: ...

        def data(self, data: str) -> None:
            self.text += data

        def close(self) -> None: ...

    told = Told()
    parser = etree.HTMLParser(target=told)
    parser.feed(page)
    parser.close()
    ours = list(tokens(page, "a"))
    text, raw = "", ""
    for token in ours:
        if token.kind == "text":
            part = page[token.start : token.end]
            text += part if raw in ("script", "style") else html.unescape(part)
        raw = token.name
    tags = [
        (token.name, {name: value.value for name, value in token.attributes.items()})
        for token in ours
        if token.kind == "start"
    ]
    assert "".join(text.split()) == "".join(told.text.split())
    assert tags == [tag for tag in told.tags if tag[0] in {name for name, _ in tags}]
    assert "".join(page[token.start : token.end] for token in ours) == page


def test_a_page_in_another_encoding_keeps_it() -> None:
    page = "<meta charset=iso-8859-1><p>caf\u00e9</p>".encode("cp1252")
    written, left = parse(page, "html", "a").written(["\ud55c\uae00 caf\u00e9"])
    assert (written, left) == (b"<meta charset=iso-8859-1><p>&#54620;&#44544; caf\xe9</p>", [])


def test_xml_in_another_encoding_keeps_it() -> None:
    unit = "<trans-unit><source>caf\u00e9</source>{}</trans-unit>"
    file = f'<?xml version="1.0" encoding="ISO-8859-1"?><xliff>{unit}</xliff>'
    document = parse(file.format("<target/>").encode("latin-1"), "xlf", "a")
    written, left = document.written(["\ud55c\uae00 caf\u00e9"])
    target = (
        '<target state="needs-review-translation" state-qualifier="mt-suggestion">&#54620;&#44544; caf\u00e9</target>'
    )
    assert (written, left) == (file.format(target).encode("latin-1"), [])


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p translate=no>Acme<p>One", ["One"]),
        ("<p translate=no>Acme<b>x</b><div>One</div>", ["One"]),
        ("<p translate=no>Acme</p>One", ["One"]),
        ("<ul><li translate=no>Acme<li>One</ul>", ["One"]),
        ("<div translate=no>Acme<div>Corp</div>Ltd</div>One", ["One"]),
        ("<div translate=no>Acme", []),
        ("<p translate=no>Acme<script>x</script> <style>a</style><button>Corp</button><p>One", ["One"]),
        ("<p translate=no>Acme<select><option>Corp</select><input><video></video> Ltd<hr>One", ["One"]),
        ("<p translate=no>Acme<my-tag>Corp<button><div>Ltd</div></button><h2>One", ["One"]),
        ("<div><p translate=no>Acme<meta></div>One", ["One"]),
        ("<ul><li translate=no>Acme<ul><li>Corp</ul>Ltd<li>One</ul>", ["One"]),
        ("<ul><li translate=no>Acme<ul><li>Corp</ul></ul>One", ["One"]),
        ("<table><tr translate=no><td>A1<td>A2<tr><td>One</table>", ["One"]),
        ("<table><tr><td translate=no>A1<table><tr><td>A2</table>A3<td>One</table>", ["One"]),
        ("<table><tbody translate=no><tr><td>A1<tbody><tr><td>One</table>", ["One"]),
        ("<dl><dt translate=no>Acme<p>Corp<dd>One</dl>", ["One"]),
        ("<select><option translate=no>Acme<option>One</select>", ["One"]),
        ("<section translate=no><div>Acme</section>One", ["One"]),
        ("<p>One <b translate=no>Acme<br>", ["One <x1/>Acme"]),
        ("<svg><title/><style/><script/></svg>One", ["One"]),
        ("<p>One <svg><svg/><title>no</title><path/></svg> two<svg/>three", ["One <x1/> two<x2/>three"]),
        ("<svg><foreignObject><p>no</p><title/></title></foreignObject><style/></svg>One", ["One"]),
        ("<svg><p><title/>One</title>Two", ["One", "Two"]),
        ("<pre>a<b>b</b>", []),
        ("<p>One <code>two</p><p>Three", ["One <x1/>two", "Three"]),
        ("<p>One <code>a <code>b</code> c</code> two", ["One <x1/> two"]),
        ("<p>One <span class='x notranslate'>Acme</span> two", ["One <x1/> two"]),
        ("<p>One<br>two<br>\n<br>Three", ["One<x1/>two", "Three"]),
        ("<p><a href=x>Read <b>more</b></a>", ["Read <g1>more</g1>"]),
        ("<p><img src=x> <i class=icon></i>Save<br>", ["Save"]),
        ("<p>a</i> b <b>c", ["a<x1/> b <x2/>c"]),
        ("<p>One <!-- c --> two<script>x</script>three", ["One <x1/> two", "three"]),
        ("<p>&lt;g1&gt; is <b>odd</b>, yes", ["<g1> is <g2>odd</g2>, yes"]),
        ("<p>&lt;g999999&gt; and &lt;x1/&gt; are <b>odd</b>", ["<g999999> and <x1/> are <g2>odd</g2>"]),
    ],
)
def test_what_of_a_page_is_translated(page: str, expected: list[str]) -> None:
    assert parse(page.encode(), "html", "a").segments == expected


def test_lines_of_a_cue_are_joined_and_broken_again() -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\nIt was a dark\nand stormy night.\n"
    document = parse(cue.encode(), "srt", "a")
    assert document.segments == ["It was a dark and stormy night."]
    written, _ = document.written(["Es war eine <i> dunkle und wirklich sehr st\u00fcrmische Nacht, wei\u00dft du."])
    assert written.decode() == cue  # a tag that was not there
    written, _ = document.written(["Es war eine dunkle und wirklich sehr st\u00fcrmische Nacht, wei\u00dft du."])
    assert written.decode().splitlines()[2:] == [
        "Es war eine dunkle und wirklich",
        "sehr st\u00fcrmische Nacht, wei\u00dft du.",
    ]


@pytest.mark.parametrize(
    ("kind", "cues", "expected"),
    [
        ("srt", "One\nTwo\n{}\nThree\n", ["One Two", "Three"]),  # no number, no blank line
        ("srt", "One\nTwo\n2\n{}\nThree\n", ["One Two", "Three"]),
        ("srt", "One\n\nTwo\nmore\n \n2\n{}\nThree\n\nFour", ["One", "Two more", "Three", "Four"]),
        ("srt", "One\n\n2\n\n{}\nThree\n", ["One", "Three"]),
        ("vtt", "One\n2 a\n{}\nThree\n", ["One 2 a", "Three"]),
        ("vtt", "One\n\nNOTE a\n\nb\n{}\nThree\n\nno", ["One", "Three"]),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_cue_has_all_its_lines(kind: str, cues: str, expected: list[str], newline: str) -> None:
    times = "00:00:01.000 --> 00:00:02.000"
    text = ("WEBVTT\n\n" if kind == "vtt" else "1\n") + f"{times}\n" + cues.format(times)
    document = parse(text.replace("\n", newline).encode(), kind, "a")
    assert document.segments == expected
    written, left = document.written(list(map(str.upper, expected)))
    assert (parse(written, kind, "a").segments, left) == (list(map(str.upper, expected)), [])


@given(st.text("ab \u4f60\u3002\ud55c", max_size=60), st.integers(1, 12))
def test_wrapping_loses_nothing_and_is_no_wider_than_it_must(text: str, width: int) -> None:
    text = " ".join(text.split())
    lines = wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert len(lines) == len(wrapped(text, width, balanced=False))
    parts = max((width_of(part) for part in wrapped(text, 1)), default=0)
    assert all(width_of(line) <= max(width, parts) for line in lines)


@pytest.mark.parametrize("plural", ["nplurals=1; plural=0", "nplurals=3; plural=(n==1 ? 0 : n==2 ? 1 : 2)"])
def test_plurals_have_as_many_forms_as_the_language(plural: str) -> None:
    catalogue = HEADER.replace("nplurals=2; plural=(n != 1)", plural) + PARTS["po"][1]
    written, _ = parse(catalogue.encode(), "po", "a").written(["eine Datei", "%d Dateien"])
    forms = re.findall(r'^msgstr\[\d\] "(.*)"', written.decode(), re.MULTILINE)
    assert forms == (["%d Dateien"] if "=1" in plural[:11] else ["eine Datei", "%d Dateien", "%d Dateien"])


@pytest.mark.skipif(not which("msgfmt"), reason="gettext is not installed")
def test_msgfmt_takes_what_was_written(tmp_path: Path) -> None:
    document = parse(made("po", PARTS["po"]).encode(), "po", "a")
    written, left = document.written(list(map(other, document.segments)))
    (tmp_path / "a.po").write_bytes(written)
    checked = subprocess.run(["msgfmt", "-c", "-o", "/dev/null", tmp_path / "a.po"], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr, left) == (0, "", [])


def test_pysubs2_takes_what_was_written() -> None:
    pysubs2 = pytest.importorskip("pysubs2", reason="pysubs2 is not installed")
    for kind in ("srt", "vtt"):
        data = made(kind, PARTS[kind])
        document = parse(data.encode(), kind, "a")
        written, _ = document.written(list(map(other, document.segments)))
        before, after = (pysubs2.SSAFile.from_string(text, kind) for text in (data, written.decode()))
        assert [(cue.start, cue.end) for cue in before] == [(cue.start, cue.end) for cue in after]


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ("- Nein", "\\- Nein"),
        ("1. Nein", "1\\. Nein"),
        ("Nein *und* ja", "Nein \\*und\\* ja"),
        ("a_b und <b>", None),
        ("Ja [ref] so", "Ja \\[ref\\] so"),
        ("2 * 3", "2 * 3"),
    ],
)
def test_a_translation_never_becomes_other_markdown(translation: str, expected: str | None) -> None:
    data = "No\n\n[ref]: http://x\n"
    written, left = parse(data.encode(), "md", "a").written([translation])
    assert written.decode() == data.replace("No", expected or "No", 1)
    assert bool(left) == (expected is None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("Text[^1] here, [^a b].\n\n[^1]: https://example.org\n[^a b]: word\n", ["Text<x1/> here, <x2/>."]),
        ("Text [^1](http://a) and [^1][^1] so\n\n[^1]: b\n", ["Text <g1>^1</g1> and <g2>^1</g2> so"]),
        ("One *two*\nthree\n===\n\n- Four\n  five\n  ---\n", ["One <g1>two</g1> three", "Four five"]),
        ("[One][\u00df  x] and [two][]\n\n[\u1e9e X]: http://a\n[two]: b\n", None),
    ],
)
def test_what_of_markdown_is_translated(data: str, expected: list[str] | None) -> None:
    document = parse(data.encode(), "md", "a")
    assert expected is None or document.segments == expected
    written, left = document.written(list(map(other, document.segments)))
    assert left == []
    assert markup_of(written) == markup_of(data.encode())
    assert parse(written, "md", "a").segments == list(map(other, document.segments))


def test_a_translation_that_is_refused_gives_no_name_to_links_of_the_next() -> None:
    written, left = parse(b"No\n\nYes\n\n[b]: c\n", "md", "a").written(["[ref]: x", "Ja [ref]"])
    assert written == b"\\[ref\\]: x\n\nJa [ref]\n\n[b]: c\n"
    assert left == []


def test_a_segment_of_xliff_2_is_marked_as_not_reviewed() -> None:
    unit = '<unit id="1"><segment id="s"{}><source>Hi <pc id="1">you</pc></source>{}</segment></unit>'
    build: Callable[..., str] = lambda *parts: XLIFF.format("2.0", 'srcLang="en"', 'id="f"', unit.format(*parts))  # noqa: E731
    written, left = parse(build(' state="initial"', "").encode(), "xlf", "a").written(["Du <g1>da</g1>"])
    marks = ' state="translated" subState="nmt:needs-review"'
    assert (written.decode(), left) == (build(marks, '<target>Du <pc id="1">da</pc></target>'), [])


# --- bad files --------------------------------------------------------------------------------------------------------

ENTITY = "<!DOCTYPE x [<!ENTITY e {}>]><xliff><trans-unit><source>&e;</source></trans-unit></xliff>"
LAUGHS = "<!DOCTYPE x [" + "".join(
    f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' if n else '<!ENTITY l1 "ha">' for n in range(10)
)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.html", b"<p>a<b title='", "a.html line 1 begins a tag that never ends"),
        ("a.html", b"<p>a\n<!-- b", "a.html line 2 begins a comment that never ends"),
        ("a.html", b"<script>if (a", "a.html line 1 begins <script> that never ends"),
        ("a.html", b"\n<p title='" + b"a " * 600_000 + b"'>", "a.html line 2 begins a text of over 1048576 bytes"),
        ("a.html", "<p>h\u00e9".encode("cp1252"), "a.html line 1 byte 5 is not UTF-8"),
        ("a.html", "<p>h\u00e9</p>".encode("utf-16"), "a.html is UTF-16"),
        ("a.srt", b"no cue here\n", "a.srt has no line with times"),
        ("a.vtt", b"00:01.000 --> 00:02.000\na\n", "a.vtt does not begin with WEBVTT"),
        ("a.vtt", b"WEBVTT\r\r00:01.000 --> 00:02.000\ra\r", "a.vtt has line ends of a lone carriage return"),
        ("a.srt", b"00:01,000 --> 00:02,000\n" + b"<i>" * 400_000, "a.srt line 2 begins a text of over 1048576 bytes"),
        ("a.po", b'msgid "a"\nmsgstr "b\n', "a.po line 2 is not PO"),
        ("a.po", b'msgid "a"\nmsgid "b"\nmsgstr ""\n', "a.po line 2 is not PO"),
        ("a.po", b'msgid "a"\n', "is not PO"),
        ("a.po", b"\x80\x81", "a.po line 1 byte 1 is not UTF-8"),
        ("a.jsonl", b'{"text": "a"', "a.jsonl line 1 is not JSON"),
        ("a.jsonl", b'{"text": "\\ud800"}', "a.jsonl line 1 has no text as 'text'"),
        ("a.jsonl", b'{"test": "a"}', "a.jsonl has no key 'text'"),
        ("a.jsonl", b'{"text": 1}', "a.jsonl line 1 has no text as 'text'"),
        ("a.jsonl", b"[1]", "a.jsonl line 1 is no object"),
        ("a.xlf", b"<xliff><file>", "a.xlf line 1 is not well-formed XML"),
        ("a.xlf", b"<tmx/>", "a.xlf is XML, but its outermost element is 'tmx'"),
        ("a.xlf", ENTITY.format('SYSTEM "file:///etc/passwd"').encode(), "a.xlf line 1 has the entity 'e'"),
        ("a.xlf", (LAUGHS + "]><xliff>&l9;</xliff>").encode(), "a.xlf line 1 has the entity 'l1'"),
        ("a.xlf", b"<xliff>" + b"<a>" * 100_000, "a.xlf has over 200 elements within each other"),
        ("a.md", b"%PDF-1.5", "a.md is a PDF"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(NmtError) as error:
        read(tmp_path / name, ASKED)
    assert message in str(error.value)
    assert error.value.exit_code in (65, 66)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a.jsonl", "a.md", "a.html.gz"])
def test_a_document_over_the_limit_is_refused_before_it_is_read(tmp_path: Path, name: str) -> None:
    import gzip

    path = tmp_path / name
    with path.open("wb") as file:
        if name.endswith(".gz"):
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as packed:
                packed.write(bytes((1 << 25) + 1))
        else:
            file.truncate(100 << 20)
    with pytest.raises(NmtError, match=f"{name} has over {FORMATS[format_of(path)].largest >> 20} MiB; cut it"):
        read(path, ASKED)


def test_a_long_attribute_and_tags_that_never_end_are_read() -> None:
    page = b"<p title='" + b"a " * 100_000 + b"'>" + b"<b>" * 5_000 + b"x" + b"</i>" * 5_000
    assert len(parse(page, "html", "a").segments) == 2


@pytest.mark.parametrize(("name", "expected"), [("a.HTML", "html"), ("a.md.gz", "md"), ("a.txt", ""), ("a", "")])
def test_a_format_is_told_by_the_ending(name: str, expected: str) -> None:
    assert format_of(Path(name)) == expected


LINKS = "".join(f"[one{n}][r{n}] " for n in range(1000)) + "\n\n" + "".join(f"[r{n}]: http://x\n" for n in range(1000))


@pytest.mark.parametrize(
    ("kind", "page"), [("html", f"<p><b>{'<i></i>' * 1000}x</b>{'<i></i>' * 1000}"), ("md", LINKS)]
)
def test_much_markup_takes_steps_in_proportion(kind: str, page: str) -> None:
    steps = 0

    def count(frame: FrameType, event: str, function: object) -> None:
        nonlocal steps
        steps += event in ("call", "c_call") and "/nmt/documents/" in frame.f_code.co_filename

    sys.setprofile(count)
    try:
        assert len(parse(page.encode(), kind, "a").segments) == 1
    finally:
        sys.setprofile(None)
    assert steps < 20 * len(page)
