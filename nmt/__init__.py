"""Neural machine translation, from two text files to a trained translator.

The library is the class ``Translator``, with its options, results and errors; docs/library.md shows how to use it. The
commands are in ``nmt.cli``.
"""

from typing import TYPE_CHECKING, Any

from nmt.version import __version__

if TYPE_CHECKING:
    from nmt.config import SearchOptions
    from nmt.decoding.request import Request
    from nmt.decoding.translation import Alternative, Translation
    from nmt.decoding.translator import Translator
    from nmt.errors import NmtError

__all__ = ["Alternative", "NmtError", "Request", "SearchOptions", "Translation", "Translator", "__version__"]


def __getattr__(name: str) -> Any:
    # Lazy, because ``nmt --help`` and every light module import this package first.
    if name not in __all__:
        raise AttributeError(f"module 'nmt' has no attribute {name!r}")
    from nmt import config, errors
    from nmt.decoding import translation, translator

    modules = errors, config, translation, translator
    return next(getattr(module, name) for module in modules if hasattr(module, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
