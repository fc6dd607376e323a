"""References to characters, like &amp; and &#233;, as HTML and XML have them. Knows text; no format."""

import html
import re

_NUMBER = re.compile("&#0*([0-9]+)")


def unescaped(text: str) -> str:
    """A text with what its references mean. A number that no character has is U+FFFD, however long it is."""
    return html.unescape(_NUMBER.sub(_shortened, text))


def _shortened(found: re.Match[str]) -> str:
    """The number without leading zeros, or one too large: Python reads none of over 4,300 digits."""
    return f"&#{found[1]}" if len(found[1]) < 8 else "&#1114112"
