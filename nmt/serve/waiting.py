"""What a request waits for, while its client is there, and errors of that as answers. Knows no route."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from nmt.decoding.engine import NotNumbersError
from nmt.errors import BusyError, DataError, MissingInputError
from nmt.serve.limits import QueueFullError

T = TypeVar("T")

BUSY = "too many requests are waiting; try again later"
NO_ROOM = "a line does not fit into the memory of this machine, even alone; send a shorter one"
CHANGED = "the files of the model have changed since the service began; restart it"


async def done(at_once: bool, work: Callable[[], T]) -> T:
    """The result of some work: at once, or by a thread, which costs more than what is short and lets others go on."""
    return work() if at_once else await asyncio.to_thread(work)


async def results(
    request: Request, futures: Iterable["Future[T]"], seconds: float, seconds_left: Callable[[], int] = lambda: 1
) -> list[T]:
    """The results of futures, which are cancelled if they are not all needed. An iterable may submit as it is read.

    Raises ClientDisconnect when the client goes before that; HTTPException for errors that are no bug, and after
    ``seconds``. ``seconds_left`` says when to ask again.
    """
    waiting: list[Future[T]] = []
    try:
        waiting.extend(futures)
        return await _unless_gone(request, waiting, seconds)
    except (QueueFullError, TimeoutError):
        raise HTTPException(503, BUSY, {"Retry-After": str(seconds_left())}) from None
    except BusyError:
        raise HTTPException(507, NO_ROOM) from None
    except NotNumbersError as error:
        raise HTTPException(503, str(error)) from None
    except (DataError, MissingInputError):
        raise HTTPException(503, CHANGED) from None
    finally:
        for future in waiting:
            future.cancel()


async def _unless_gone(request: Request, waiting: Sequence["Future[T]"], seconds: float) -> list[T]:
    async def all_of_them() -> list[T]:
        return [await asyncio.wrap_future(future) for future in waiting]

    found = asyncio.ensure_future(all_of_them())
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        either: list[asyncio.Future[Any]] = [found, gone]
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if found.done():
            return found.result()
        raise ClientDisconnect if gone.done() else TimeoutError
    finally:
        gone.cancel()
        found.cancel()


async def _disconnected(request: Request) -> None:
    """Wait until the client of a request that was read closes its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
