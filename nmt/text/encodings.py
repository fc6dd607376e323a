"""Errors for files that are not plain UTF-8 lines: what they are instead, and the command that converts them.

Knows the first bytes and the names of files; opens none.
"""

import re
from functools import cache
from pathlib import Path

from nmt.disk.compression import COMPRESSED
from nmt.errors import DataError

SAMPLE = 1 << 12  # bytes that are examined
STANDARD_INPUT = "standard input"  # the name of a stream that has no file

# First bytes of files that are not plain text; what such a file is, and how to get its text.
_BEGINNINGS = (
    (rb"\x1f\x8b\x08", "compressed by gzip", "rename it to {name}.gz"),
    (rb"\x28\xb5\x2f\xfd", "compressed by zstd", "rename it to {name}.zst"),
    (rb"\xfd7zXZ\x00", "compressed by xz", "rename it to {name}.xz"),
    (rb"BZh[1-9]1AY&SY", "compressed by bzip2", "decompress it: bzip2 -dk {name}"),
    (
        rb"PK\x03\x04",
        "a zip archive, as .docx and .xlsx are too",
        "save its content as plain text, one sentence on each line",
    ),
    (rb"%PDF-\d", "a PDF", "save its text as plain text, one sentence on each line"),
)
_UNICODE = (  # UTF-32 first, because its little-endian mark begins with that of UTF-16
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_UNPACK = {".gz": ("gzip -dc", "gzip"), ".zst": ("zstd -dc", "zstd"), ".xz": ("xz -dc", "xz")}

_TABLE = "export its columns as text with tabs between them (.tsv)"
_MARKED_UP = "extract its sentences as plain text, one on each line, or as pairs separated by a tab (.tsv)"
_DOCUMENT = "save its text as plain text, one sentence on each line"
_FORMATS = {
    **dict.fromkeys(("csv", "xls", "xlsx", "ods"), _TABLE),
    **dict.fromkeys(("tmx", "xlf", "xliff", "sdlxliff", "po", "pot", "jsonl", "json", "xml", "srt", "vtt"), _MARKED_UP),
    **dict.fromkeys(("doc", "docx", "odt", "rtf", "pptx", "pdf", "html", "htm", "epub"), _DOCUMENT),
}


def refuse_format(path: Path, also: tuple[str, ...] = ()) -> None:
    """Raise DataError if the file's ending says that its lines are not sentences; ``also`` lists more such endings."""
    plain = path.with_suffix("") if path.suffix in COMPRESSED else path
    ending = plain.suffix[1:].lower()
    mend = _FORMATS.get(ending) or (ending in also and "cut out the column of the source: cut -f 1")
    if mend:
        raise DataError(f"{path} is .{ending}, not lines of plain text", mend)


def refuse_no_text(first_line: bytes, name: str) -> None:
    """Raise DataError if a file is compressed, UTF-16, or has the line ends of old Macs, by its first line.

    ``first_line`` ends with the first line feed, or with the file.
    """
    refuse_binary(first_line, name)
    if encoding := utf_16(first_line):
        raise DataError(f"{name} line 1 is {encoding}, not UTF-8", convert(encoding, name))
    if not first_line.endswith(b"\n") and b"\r" in first_line.rstrip(b"\r"):
        raise DataError(
            f"{name} has carriage returns alone, from line 1 on, and no line feeds",
            "convert them to line feeds: " + filtered(r"tr '\r' '\n'", name),
        )


def refuse_binary(beginning: bytes, name: str) -> None:
    """Raise DataError if a file is compressed, an archive or a PDF, by its first bytes."""
    for signature, what, mend in _BEGINNINGS:
        if re.match(signature, beginning):
            if name.endswith(COMPRESSED):
                what, mend = f"{what} twice", "decompress it once"
            if name == STANDARD_INPUT:
                mend = "pipe in its text instead"
            raise DataError(f"{name} is {what}", mend.format(name=_quoted(name)))


def not_utf_8(name: str, number: int, column: int, sample: bytes) -> DataError:
    """The error for a line that is not UTF-8, with its number and the byte's column, both from 1.

    ``sample`` holds lines of the same file, from which its encoding is guessed.
    """
    what = f"{name} line {number} byte {column} is not UTF-8"
    if encoding := likely(sample):
        return DataError(f"{what}, and looks like {encoding}", convert(encoding, name))
    suffix, file = _suffix(name), _quoted(name)
    look = f"{_UNPACK[suffix][0]} {file} | sed -n {number}p | xxd" if suffix else f"sed -n {number}p {file} | xxd"
    return DataError(what, f"convert the file, or look at the line: {look}")


def convert(encoding: str, name: str) -> str:
    """Advice with the command that converts a file to UTF-8."""
    return "convert it: " + filtered(f"iconv -f {encoding} -t UTF-8", name)


def filtered(command: str, name: str) -> str:
    """Shell command that pipes the file ``name`` through ``command``; a compressed file stays compressed."""
    if name == STANDARD_INPUT:
        return f"… | {command} | nmt"
    suffix = _suffix(name)
    if suffix:
        unpack, pack = _UNPACK[suffix]
        return f"{unpack} {_quoted(name)} | {command} | {pack} > NEW{suffix}"
    return f"{command} < {_quoted(name)} > NEW"


def utf_16(beginning: bytes) -> str:
    """The encoding, UTF-16 or UTF-32, that a text's first bytes show; "" for neither."""
    for mark, encoding in _UNICODE:
        if beginning.startswith(mark):
            return encoding
    # Without a byte-order mark: of Latin letters, spaces and digits every second byte is zero, and no other byte.
    even, odd = beginning[0:SAMPLE:2], beginning[1:SAMPLE:2]
    if len(odd) > 1 and odd.count(0) > len(odd) / 8 and not even.count(0):
        return "UTF-16LE"
    if len(odd) > 1 and even.count(0) > len(even) / 8 and not odd.count(0):
        return "UTF-16BE"
    return ""


def likely(sample: bytes) -> str:
    """The probable encoding of lines that are not UTF-8, as iconv names it; "" when none is probable.

    It is the first encoding that decodes the lines into letters that are frequent in its languages.
    """
    for encoding, codec, standard, letters, least in _candidates():
        try:
            text = sample.decode(codec)
        except UnicodeDecodeError:
            continue
        strange = sum(not character.isascii() for character in text)
        frequent = text.encode(standard, "ignore").decode(standard)
        if (
            strange
            and not re.search(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]", text)
            and len(letters.findall(frequent)) >= least * strange
        ):
            return encoding
    return ""


@cache
def _candidates() -> tuple[tuple[str, str, str, re.Pattern[str], float], ...]:
    """Candidate encodings: iconv's name, Python's codec, and three facts by which their texts are recognised.

    These are a codec of the frequent characters alone, a pattern of frequent letters, and the least share of these
    letters in what is not ASCII. The strictest candidates come first, because the first that fits is chosen.
    """
    han = re.compile("[一-龥、。，！？：；「」《》（）“”]")
    return (
        ("CP1252", "cp1252", "cp1252", re.compile(r"(?<![^\x00-\x7f])[À-ÖØ-öø-ÿ](?![^\x00-\x7f])|[“”‘’–—…€«»]"), 0.8),
        ("EUC-JP", "euc_jp", "euc_jp", re.compile("[ぁ-ヶー]"), 0.2),
        ("CP932", "cp932", "shift_jis", re.compile("[ぁ-ヶー]"), 0.2),
        ("CP949", "cp949", "euc_kr", re.compile("[가-힣]"), 0.9),
        ("GB18030", "gb18030", "gb2312", han, 0.9),
        ("BIG5", "big5", "big5", han, 0.9),
        ("CP1251", "cp1251", "cp1251", re.compile("[а-яё№«»—]"), 0.7),
    )


def _quoted(name: str) -> str:
    import shlex  # needed in error messages only

    return shlex.quote(name)


def _suffix(name: str) -> str:
    return next((suffix for suffix in COMPRESSED if name.endswith(suffix)), "")
