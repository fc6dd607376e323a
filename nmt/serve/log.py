"""The log of a service: JSON lines with facts of requests, and without their texts unless asked. Knows no stream."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

LIBRARIES = {"uvicorn.error": logging.WARNING, "asyncio": logging.WARNING, "python_multipart": logging.CRITICAL}
"""From which level on what they say is part of the log. The last one quotes damaged forms."""


class Log:
    """Writes a line for each event. ``write`` gets the line; ``texts`` keeps texts in it, ``quiet`` drops requests."""

    def __init__(self, write: Callable[[str], None], texts: bool = False, quiet: bool = False) -> None:
        self.write, self.texts, self.quiet = write, texts, quiet

    def event(self, level: str, event: str, **facts: Any) -> None:
        """Write an event and what is known of it."""
        if self.quiet and level == "info":
            return
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.write(json.dumps({"time": when, "level": level, "event": event, **facts}, ensure_ascii=not self.texts))

    def bug(self, error: BaseException) -> None:
        """Write an unexpected exception: where it was raised, but not its message, which may quote a text."""
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        message = {"message": str(error)} if self.texts else {}
        self.event("error", "bug", error=type(error).__name__, where=where, **message)

    @contextmanager
    def hears(self) -> Iterator[None]:
        """Write the warnings of the libraries, too, while the block lasts."""
        handler = _Handler(self)
        loggers = [logging.getLogger(name) for name in LIBRARIES]
        before = [(logger.level, logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.setLevel(LIBRARIES[logger.name])
            logger.propagate = False
            logger.addHandler(handler)
        try:
            yield
        finally:
            for logger, (level, propagate) in zip(loggers, before, strict=True):
                logger.removeHandler(handler)
                logger.level, logger.propagate = level, propagate


class _Handler(logging.Handler):
    """Passes records of libraries on, without the values in them, for these may be texts."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        # asyncio writes values into the message itself, below its first line.
        message = str(record.msg).strip().partition("\n")[0]
        self.log.event(record.levelname.lower(), "server", message=message)
        if record.exc_info and record.exc_info[1]:
            self.log.bug(record.exc_info[1])
