"""Parts of a line that are in no language: tags, addresses, names of a program's things. Knows characters."""

import re

# Tags, addresses, entities, \commands, and names of a program's things, which are
# words with _, . or :: between them or with ( behind them. In "git gc [<options>]" <options> is a word.
# Each alternative begins where a word begins, or the time for a line of a million letters would grow with its square.
_CODE = re.compile(
    r"<(?=[^<>]*(?:=|/>))[^<>]*>|</\w+>|(?:https?|ftp)://\S+|(?<!\w)\w+/\w+\.\S+|&\w+;|\\\w+"
    r"|(?<![^\W_])[^\W_]+(?:(?:_+|::|\.)[^\W_]+(?:-[^\W_]+)*)+|(?<![A-Za-z0-9])[A-Za-z0-9]+(?=\()"
)
_TAG = re.compile(r"<[^<>]*>")


def without_code(text: str) -> str:
    """The line with a space in the place of each part that is in no language."""
    return _CODE.sub(" ", _TAG.sub(" ", text) if "</" in text else text)
