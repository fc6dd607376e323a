"""Keys without which a service answers nobody. Knows the file and the hashes of keys; no request."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from nmt.disk.untrusted import read_small
from nmt.errors import DataError

LARGEST_FILE = 1 << 20  # bytes
SHORTEST = 16  # characters: shorter ones can be guessed
MAKE_ONE = """make one: python3 -c "import secrets; print(secrets.token_urlsafe())\""""


class Keys:
    """The keys of a service; without any, everybody may ask."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = frozenset(map(_digest, keys))

    @classmethod
    def read(cls, path: Path) -> "Keys":
        """The keys in a file, one on each line. Raises MissingInputError or DataError, never with a key in it."""
        try:
            lines = read_small(path, LARGEST_FILE).decode("utf-8").splitlines()
        except UnicodeDecodeError:
            raise DataError(f"{path} is not text", f"write a key on each line; {MAKE_ONE}") from None
        keys = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
        for number, key in keys:
            if len(key) < SHORTEST or not key.isascii() or " " in key:
                what = f"{path} line {number} is no key of at least {SHORTEST} letters and digits"
                raise DataError(what, MAKE_ONE)
        if not keys:
            raise DataError(f"{path} has no key", MAKE_ONE)
        return cls(key for _, key in keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def admit(self, key: str | None) -> bool:
        """Whether a client with this key may ask."""
        # Looked up by hash, so that the time tells nothing of the keys.
        return not self._digests or (key is not None and _digest(key) in self._digests)


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()
