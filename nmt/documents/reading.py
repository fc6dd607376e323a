"""The text of a file's bytes, from which the same bytes are made again. Knows encodings; no format."""

import codecs
import re
from collections.abc import Callable
from functools import partial

from nmt.errors import DataError
from nmt.text.encodings import SAMPLE, convert, not_utf_8, refuse_binary, utf_16

_CHARSET = re.compile(rb"<meta\b[^>]{0,200}?\bcharset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})")
_DECLARED = 1 << 10  # bytes in which a page names its encoding, by the HTML standard
_AS_BROWSERS = {"iso8859-1": "cp1252", "ascii": "cp1252", "euc_kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030"}
# Each byte below 128 is the character of ASCII, so that markup stays as it is.
_ENCODINGS = re.compile(
    r"ascii|cp125\d|cp866|cp949|iso8859-\d+|koi8-[ru]|euc_(?:jp|kr)|gb18030|gb2312|gbk|big5|mac-\w+|utf-8"
)


def declared(data: bytes, is_xml: bool = False) -> str:
    """The codec of the encoding that a file names; UTF-8 where it names none.

    A page's is what browsers understand by the name, and XML's is the one that has the name. In a file of ASCII that
    names an encoding which is not read, all else is written as references, which are right in each.
    """
    found = _XML.match(data) or (None if is_xml else _CHARSET.search(data, 0, _DECLARED))
    if not found or data.startswith(codecs.BOM_UTF8):
        return "utf-8"
    try:
        codec = codecs.lookup(found[1].decode("ascii", "replace")).name
    except LookupError:
        codec = ""
    codec = codec if is_xml else _AS_BROWSERS.get(codec, codec)
    return codec if _ENCODINGS.fullmatch(codec) else "ascii" if data.isascii() else "utf-8"


def decoded(data: bytes, name: str, codec: str = "utf-8") -> tuple[str, Callable[[str], bytes]]:
    """The text of bytes, and the function that makes bytes of it again; a byte-order mark is its first character.

    What another codec than UTF-8 has no sign for becomes a numeric character reference. Raises DataError for bytes that
    are not of the encoding.
    """
    beginning = data[:SAMPLE]
    refuse_binary(beginning, name)
    if encoding := utf_16(beginning):
        raise DataError(f"{name} is {encoding}, not UTF-8", convert(encoding, name))
    encode = str.encode if codec == "utf-8" else partial(_encoded, codec=codec)
    try:
        text = data.decode(codec)
        if codec == "utf-8" or encode(text) == data:
            return text, encode
    except UnicodeDecodeError as error:
        if codec == "utf-8":
            line = data.rfind(b"\n", 0, error.start) + 1
            number = data.count(b"\n", 0, error.start) + 1
            sample = data[line : line + SAMPLE]
            raise not_utf_8(name, number, error.start - line + 1, sample) from None
    except UnicodeEncodeError:
        pass
    raise DataError(f"{name} is not {codec}, as it says it is", "convert it to UTF-8")


def _encoded(text: str, codec: str) -> bytes:
    return text.encode(codec, "xmlcharrefreplace")
