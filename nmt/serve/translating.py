"""POST /translate: texts of a request to translations, by way of the batcher. Knows no model."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nmt.decoding.checks import TERM, Checks
from nmt.decoding.translation import Translation
from nmt.decoding.translator import Translator
from nmt.errors import BusyError, DataError, MissingInputError
from nmt.serve.asking import Asked, check_key, fields_of, is_small, unknown_language
from nmt.serve.directions import Served
from nmt.serve.service import Service

T = TypeVar("T")

AUTO = "auto"
GONE = 499  # nginx's status for a client that closed its connection; nobody reads it
BUSY = "too many requests are waiting; try again later"

CHANGED = "the files of the model have changed since the service began; restart it"


class Told(NamedTuple):
    """The direction of a text, and how sure it is where its language was told."""

    served: Served
    probability: float | None = None


async def translate(request: Request) -> Response:
    """Answer POST /translate, in LibreTranslate's shape."""
    service: Service = request.app.state.service
    fields = await fields_of(request, service.limits)
    check_key(request, fields, service.keys)
    small = is_small(fields)
    asked = await done(small, partial(Asked.of, fields, service.limits, service.directions.alternatives))
    told = await done(asked.source != AUTO, partial(directions_of, service, asked))
    is_there = not asked.alignment or await linking(request, service, told)
    translated = await translations(request, service, asked, told) if is_there else None
    if translated is None:
        return Response(status_code=GONE)
    answers = await done(small and not asked.details, partial(answers_of, asked, told, translated))
    note(request, service, asked, told, answers)
    if asked.is_list:
        names = answers[0] if answers else {"translatedText": ""}
        return JSONResponse({name: [answer[name] for answer in answers] for name in names})
    return JSONResponse(answers[0])


async def done(at_once: bool, work: Callable[[], T]) -> T:
    """The result of some work: at once, or by a thread, which costs more than what is short and lets others go on."""
    return work() if at_once else await asyncio.to_thread(work)


async def linking(request: Request, service: Service, told: Sequence[Told]) -> bool:
    """Have what links words loaded; False when the client is gone. Raises HTTPException when it takes too long."""
    future = service.aligning.submit(each.served for each in told)
    try:
        return await unless_gone(request, [future], service.limits.seconds) is not None
    except TimeoutError:
        raise HTTPException(503, BUSY, {"Retry-After": "1"}) from None
    except (DataError, MissingInputError):
        raise HTTPException(503, CHANGED) from None
    finally:
        future.cancel()


def directions_of(service: Service, asked: Asked) -> list[Told]:
    """The direction of each text. Raises HTTPException where the service has none."""
    directions = service.directions
    into = directions.into(asked.target)
    if not into:
        raise unknown_language(asked.target, list(dict.fromkeys(each.target for each in directions.served)))
    if asked.source != AUTO:
        if served := directions.find(asked.source, asked.target):
            return [Told(served)] * len(asked.texts)
        raise unknown_language(asked.source, [each.source for each in into])
    by_source = {each.source: each for each in into}
    told = []
    for lines in asked.texts:
        best = service.detector and service.detector.choose(" ".join(lines), by_source)
        if not best:
            raise HTTPException(400, "this service cannot tell languages: name the source")
        told.append(Told(by_source[best[0]], best[1]))
    return told


async def translations(
    request: Request, service: Service, asked: Asked, told: Sequence[Told]
) -> list[list[Translation]] | None:
    """The translations of the lines of each text; None when the client is gone. Raises HTTPException when busy."""
    groups: dict[Any, list[int]] = {}  # the texts of each translator
    for number, (served, _) in enumerate(told):
        groups.setdefault(translator_of(service, asked, served), []).append(number)
    waiting: list[Future[list[Translation]]] = []
    try:
        for translator, numbers in groups.items():
            lines = [line for number in numbers for line in asked.texts[number]]
            waiting.append(service.batcher.submit(translator, lines))
        found = await unless_gone(request, waiting, service.limits.seconds)
    except (BusyError, TimeoutError):
        raise HTTPException(503, BUSY, {"Retry-After": str(service.batcher.seconds_left())}) from None
    finally:
        for future in waiting:
            future.cancel()
    if found is None:
        return None
    translated: list[list[Translation]] = [[] for _ in told]
    for numbers, lines_found in zip(groups.values(), found, strict=True):
        left = iter(lines_found)
        for number in numbers:
            translated[number] = [next(left) for _ in asked.texts[number]]
    return translated


def translator_of(service: Service, asked: Asked, served: Served) -> Translator:
    """What translates a direction, as a request asks for it."""
    if asked.alignment and (links := service.aligning.find(served)):
        return links
    return served.n_best if asked.alternatives else served.plain


async def unless_gone(request: Request, waiting: Sequence["Future[T]"], seconds: float) -> list[T] | None:
    """The results of futures; None when the client goes before that. Raises TimeoutError, and what they raise."""

    async def all_of_them() -> list[T]:
        return [await asyncio.wrap_future(future) for future in waiting]

    results = asyncio.ensure_future(all_of_them())
    gone = asyncio.ensure_future(disconnected(request))
    try:
        either: list[asyncio.Future[Any]] = [results, gone]
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if results.done():
            return results.result()
        if gone.done():
            return None
        raise TimeoutError
    finally:
        gone.cancel()
        results.cancel()


async def disconnected(request: Request) -> None:
    """Wait until the client of a request that was read closes its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def answers_of(asked: Asked, told: Sequence[Told], translated: Sequence[Sequence[Translation]]) -> list[dict[str, Any]]:
    """The answers for all texts."""
    each = enumerate(zip(told, translated, strict=True))
    return [answer_of(asked, number, its, lines) for number, (its, lines) in each]


def answer_of(asked: Asked, number: int, told: Told, lines: Sequence[Translation]) -> dict[str, Any]:
    """The answer for the text ``number``, by LibreTranslate's names."""
    answer: dict[str, Any] = {"translatedText": asked.written(number, [line.text for line in lines])}
    if asked.alternatives:
        best = [[line.text, *(other.text for other in line.alternatives)] for line in lines]
        count = min(asked.alternatives + 1, max(map(len, best), default=1))
        each = ([texts[min(rank, len(texts) - 1)] for texts in best] for rank in range(count))
        ranks = [asked.written(number, texts) for texts in each]
        answer["alternatives"] = ranks[1:]
    if asked.details or asked.alignment:
        answer["details"] = [details_of(asked, told.served, line) for line in lines]
    if told.probability is not None:
        answer["detectedLanguage"] = {"language": told.served.source, "confidence": percent(told.probability)}
    return answer


def details_of(asked: Asked, served: Served, line: Translation) -> dict[str, Any]:
    """What is known of a translated line, by the names of JSON lines; null: this model or this service cannot say."""
    details: dict[str, Any] = {}
    if asked.details:
        details["usable"] = None if line.usable is None else round(line.usable, 3)
        details["checks"] = failed_checks(served.plain.checks, line)
        if served.plain.has_terms:
            details["terms"] = [term._asdict() for term in line.terms or []]
    if asked.alignment:
        details["alignment"] = line.alignment
    return details


def failed_checks(checks: Checks, line: Translation) -> list[str]:
    """The names of the checks that a line fails: those of the search, or else of the whole line."""
    if line.checks is not None or not line.source.strip():
        return line.checks or []
    failed = checks.failed(line.source, line.text, (line.source_pieces, line.target_pieces))
    return [*failed, TERM] if not all(term.kept for term in line.terms or ()) else failed


def percent(probability: float) -> float:
    """A probability as LibreTranslate gives it."""
    return round(100 * probability, 1)


def note(request: Request, service: Service, asked: Asked, told: Sequence[Told], answers: Sequence[Any]) -> None:
    """Count what was translated, and tell the log."""
    directions: dict[str, int] = {}
    for (served, _), lines in zip(told, asked.texts, strict=True):
        service.metrics.translated(served.source, served.target, len(lines), sum(map(len, lines)))
        name = f"{served.source}-{served.target}"
        directions[name] = directions.get(name, 0) + len(lines)
    request.state.facts.update(lines=directions, characters=sum(len(line) for text in asked.texts for line in text))
    if service.log.texts:
        request.state.facts["texts"] = ["\n".join(lines) for lines in asked.texts]
        request.state.facts["translations"] = [answer["translatedText"] for answer in answers]
