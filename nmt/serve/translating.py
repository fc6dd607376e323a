"""POST /translate: texts of a request to translations, by way of the batcher. Knows no model."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nmt.decoding.checks import TERM, Checks
from nmt.decoding.translation import Translation
from nmt.decoding.translator import Translator
from nmt.errors import shown
from nmt.serve.asking import Asked, unknown_language
from nmt.serve.bodies import fields_of
from nmt.serve.directions import Served
from nmt.serve.encoding import json_of
from nmt.serve.service import Service
from nmt.serve.waiting import done, results
from nmt.text.directions import spoken

AUTO = "auto"
FEW = 8  # alternatives, with which the answer to a short request is short too


class Told(NamedTuple):
    """The direction of a text, and how sure it is where its language was told."""

    served: Served
    probability: float | None = None


async def translate(request: Request) -> Response:
    """Answer POST /translate, in LibreTranslate's shape."""
    service: Service = request.app.state.service
    fields, is_short = await fields_of(request, service.keys, service.limits)
    is_quick = is_short and fields.get("format") in (None, "", "text")  # a tag of a page takes some 10 µs to read
    asked = await done(is_quick, partial(Asked.of, fields, service.limits, service.directions.alternatives))
    told = await done(asked.source != AUTO, partial(directions_of, service, asked))
    if asked.alignment:
        await results(request, [service.aligning.submit(each.served for each in told)], service.limits.seconds)
    translated = await translations(request, service, asked, told)
    is_quick = is_quick and not asked.details and asked.alternatives <= FEW
    answer = await done(is_quick, partial(answer_for, request, service, asked, told, translated))
    return Response(answer, media_type="application/json")


def directions_of(service: Service, asked: Asked) -> list[Told]:
    """The direction of each text. Raises HTTPException where the service has none."""
    directions = service.directions
    into = directions.into(asked.target)
    if not into:
        raise unknown_language(asked.target, list(dict.fromkeys(each.target for each in directions.served)))
    if asked.source != AUTO:
        found = directions.named(asked.source, asked.target)
        if not found:
            sources = ", ".join(dict.fromkeys(each.source for each in into))
            raise HTTPException(
                400, f"nothing here translates {shown(asked.source)} into {asked.target}, only {sources}"
            )
        check_one(found)
        return [Told(found[0])] * len(asked.texts)
    by_source = {each.source: each for each in into}
    for source in by_source:
        check_one([each for each in into if each.source == source])
    if not service.detector:
        raise HTTPException(400, "this service cannot tell languages: name the source")
    told = []
    for number, lines in enumerate(asked.texts, start=1):
        best = service.detector.choose(" ".join(lines), list(by_source.values()))
        if not best:
            sources = ", ".join(by_source)
            raise HTTPException(400, f"cannot tell which of {sources} text {number} is in: name the source")
        told.append(Told(*best))
    return told


def check_one(found: Sequence[Served]) -> None:
    """Raise HTTPException where codes name several directions."""
    if len(found) > 1:
        several = spoken((each.source, each.target) for each in found)
        raise HTTPException(400, f"the languages may be {several} here: name them in full")


async def translations(
    request: Request, service: Service, asked: Asked, told: Sequence[Told]
) -> list[list[Translation]]:
    """The translations of the lines of each text. Raises what ``results`` raises."""
    groups: dict[Translator, list[int]] = {}  # the texts of each translator
    for number, (served, _) in enumerate(told):
        groups.setdefault(translator_of(service, asked, served), []).append(number)
    batcher = service.batcher
    futures = (
        batcher.submit(translator, [line for number in numbers for line in asked.texts[number]])
        for translator, numbers in groups.items()
    )
    found = await results(request, futures, service.limits.seconds, batcher.seconds_left)
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


def answer_for(
    request: Request,
    service: Service,
    asked: Asked,
    told: Sequence[Told],
    translated: Sequence[Sequence[Translation]],
) -> bytes:
    """The answer to a request as JSON, which is counted and logged."""
    each = enumerate(zip(told, translated, strict=True))
    answers = [answer_of(asked, number, its, lines) for number, (its, lines) in each]
    note(request, service, asked, told, answers)
    if not asked.is_list:
        return json_of(answers[0]).encode()
    names = answers[0] if answers else {"translatedText": ""}
    return json_of({name: [answer[name] for answer in answers] for name in names}).encode()


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
