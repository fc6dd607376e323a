"""nmt: neural machine translation from two text files to a trained translator.

The library is one class, ``Translator``; the four commands are in ``nmt.cli``.
"""

from typing import TYPE_CHECKING, Any

from nmt.version import __version__

if TYPE_CHECKING:
    from nmt.decoding.translator import Translator

__all__ = ["Translator", "__version__"]


def __getattr__(name: str) -> Any:
    # Lazy, because ``nmt --help`` and every light module pass through this package first.
    if name == "Translator":
        from nmt.decoding.translator import Translator

        return Translator
    raise AttributeError(f"module 'nmt' has no attribute {name!r}")
