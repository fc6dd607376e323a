"""POST /translate: texts of a request to translations, by way of the batcher. Knows no model."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nmt.decoding.translation import Translation
from nmt.errors import BusyError
from nmt.serve.asking import Asked, check_key, fields_of, unknown_language
from nmt.serve.directions import Served
from nmt.serve.service import Service

AUTO = "auto"
GONE = 499  # nginx's status for a client that closed its connection; nobody reads it
BUSY = "too many requests are waiting; try again later"


class Told(NamedTuple):
    """The direction of a text, and how sure it is where its language was told."""

    served: Served
    probability: float | None = None


async def translate(request: Request) -> Response:
    """Answer POST /translate, in LibreTranslate's shape."""
    service: Service = request.app.state.service
    fields = await fields_of(request, service.limits)
    check_key(request, fields, service.keys)
    asked = Asked.of(fields, service.limits, service.directions.alternatives)
    is_told = asked.source == AUTO  # which takes a while, so a thread does it
    told = await asyncio.to_thread(directions_of, service, asked) if is_told else directions_of(service, asked)
    translated = await translations(request, service, asked, told)
    if translated is None:
        return Response(status_code=GONE)
    answers = [answer_of(asked, each, lines) for each, lines in zip(told, translated, strict=True)]
    note(request, service, asked, told, answers)
    if asked.is_list:
        names = answers[0] if answers else {"translatedText": ""}
        return JSONResponse({name: [answer[name] for answer in answers] for name in names})
    return JSONResponse(answers[0])


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
        groups.setdefault(served.n_best if asked.alternatives else served.plain, []).append(number)
    waiting: list[Future[list[Translation]]] = []
    try:
        for translator, numbers in groups.items():
            lines = [line for number in numbers for line in asked.texts[number]]
            waiting.append(service.batcher.submit(translator, lines))
        done = await unless_gone(request, waiting, service.limits.seconds)
    except (BusyError, TimeoutError):
        raise HTTPException(503, BUSY, {"Retry-After": str(service.batcher.seconds_left())}) from None
    finally:
        for future in waiting:
            future.cancel()
    if done is None:
        return None
    found: list[list[Translation]] = [[] for _ in told]
    for numbers, translated in zip(groups.values(), done, strict=True):
        left = iter(translated)
        for number in numbers:
            found[number] = [next(left) for _ in asked.texts[number]]
    return found


async def unless_gone(
    request: Request, waiting: Sequence["Future[list[Translation]]"], seconds: float
) -> list[list[Translation]] | None:
    """The results of futures; None when the client goes before that. Raises TimeoutError, and what they raise."""

    async def all_of_them() -> list[list[Translation]]:
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


def answer_of(asked: Asked, told: Told, lines: Sequence[Translation]) -> dict[str, Any]:
    """The answer for a text, by LibreTranslate's names."""
    answer: dict[str, Any] = {"translatedText": "\n".join(line.text for line in lines)}
    if asked.alternatives:
        best = [[line.text, *(other.text for other in line.alternatives)] for line in lines]
        count = min(asked.alternatives + 1, max(map(len, best)))
        ranks = ["\n".join(texts[min(rank, len(texts) - 1)] for texts in best) for rank in range(count)]
        answer["alternatives"] = ranks[1:]
    if told.probability is not None:
        answer["detectedLanguage"] = {"language": told.served.source, "confidence": percent(told.probability)}
    return answer


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
