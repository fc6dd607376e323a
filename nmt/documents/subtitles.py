"""Subtitles, SubRip and WebVTT: the lines of a cue are one text, and are broken again. Knows cues; no file.

A cue is a line with times and the lines up to a blank one; in SubRip, where people leave blank lines within cues, those
up to the next cue. No library says where in the file they are; tests read what is written with pysubs2.
"""

import html
import re
from collections.abc import Iterator
from functools import partial

from nmt.documents.document import Unit, over_long
from nmt.documents.inline import Code, Piece, Style, Text, run_of
from nmt.documents.references import unescaped
from nmt.documents.wrapping import width_of, wrapped
from nmt.errors import DataError
from nmt.text.lines import LONGEST_LINE

WIDTH = 42
"""Columns of a line of subtitles that is not wider already, as broadcasters recommend."""

_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{1,2}[,.:]\d{1,3}"
_TIMES = re.compile(rf"[ \t]*-?{_TIME}[ \t]*-->[ \t]*-?{_TIME}(?:[ \t][^\n]*)?\r?")
_CUE_TAG = re.compile(r"(?P<tag></?(?P<name>[A-Za-z]+)[^<>\n]{0,200}>)|<\d[\d:.]{0,20}>|\{\\[^{}\n]{0,200}\}")
_SPEECH = re.compile(r"(?:(?:<[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\})*)[-–—][ \t]*(?=\S)")


def read_srt(text: str, name: str) -> Iterator[Unit]:
    """The units of SubRip: a text of a cue each. Raises DataError where there is no cue, but text."""
    return _cues(text, name, Style(), is_srt=True)


def read_vtt(text: str, name: str) -> Iterator[Unit]:
    """The units of WebVTT: a text of a cue each. Raises DataError for one without WEBVTT first or with lone CRs."""
    if not re.match(r"\ufeff?WEBVTT(?:[ \t\r\n]|$)", text):
        raise DataError(f"{name} does not begin with WEBVTT", "name it by its format, or get it again")
    if re.search(r"\r(?!\n)", text):
        raise DataError(f"{name} has line ends of a lone carriage return", "save it with line ends of Unix or Windows")
    return _cues(text, name, Style(unescaped, partial(html.escape, quote=False)), is_srt=False)


def _cues(text: str, name: str, style: Style, is_srt: bool) -> Iterator[Unit]:
    newline = "\r\n" if "\r\n" in text else "\n"
    lines: list[tuple[int, int]] = []  # of the cue
    start, is_cue, found = len(text) - len(text.removeprefix("\ufeff")), False, False
    while start < len(text):
        end = text.find("\n", start)
        after = len(text) if end < 0 else end + 1
        line = text[start : len(text) if end < 0 else end]
        if _TIMES.fullmatch(line):
            if is_srt and lines and text[slice(*lines[-1])].strip().isdecimal():
                lines.pop()  # the number of the next cue
            yield from _cue(lines, text, style, newline)
            lines, is_cue, found = [], True, True
        elif not line.strip():
            yield from _cue(lines, text, style, newline)
            lines, is_cue = [], is_cue and is_srt
        elif is_cue:
            lines.append((start, start + len(line.rstrip("\r"))))
            if start - lines[0][0] + len(line) > LONGEST_LINE:  # the pieces of many tags would fill the memory
                raise over_long(text, lines[0][0], name)
        start = after
    yield from _cue(lines, text, style, newline)
    if not found and text.strip("\ufeff \t\r\n") and is_srt:
        example = "00:00:01,000 --> 00:00:02,000"
        raise DataError(f"{name} has no line with times", f"name it by its format: subtitles have lines like {example}")


def _cue(lines: list[tuple[int, int]], text: str, style: Style, newline: str) -> Iterator[Unit]:
    """The units of a cue: one, or one for each line that begins with a dash, as speeches do."""
    widest = max([WIDTH, *(width_of(_CUE_TAG.sub("", text[start:end])) for start, end in lines)])
    style = style._replace(wrap=partial(wrapped, width=widest), newline=newline)
    speech: list[tuple[int, int]] = []
    for start, end in lines:
        if dash := _SPEECH.match(text, start, end):
            yield from _speech(speech, text, style)
            speech = []
            start = dash.end()
        speech.append((start, end))
    yield from _speech(speech, text, style)


def _speech(lines: list[tuple[int, int]], text: str, style: Style) -> Iterator[Unit]:
    if not lines:
        return
    pieces: list[Piece] = []
    place, end = lines[0][0], lines[-1][1]
    for found in _CUE_TAG.finditer(text, place, end):
        pieces.append(Text(place, found.start()))
        place = found.end()
        kind = ("close" if found["tag"].startswith("</") else "open") if found["tag"] else "empty"
        pieces.append(Code(*found.span(), kind, (found["name"] or "").lower()))  # type: ignore[arg-type]
    pieces.append(Text(place, end))
    if run := run_of(pieces, text, style):
        yield run
