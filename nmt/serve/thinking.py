"""POST /think: how a sentence is translated, for a page that shows it. Knows no model's inside."""

from dataclasses import dataclass
from typing import Any, Self

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nmt.decoding.engine import NotNumbersError
from nmt.errors import DataError
from nmt.serve.asking import text_of, unknown_language
from nmt.serve.bodies import Fields, fields_of
from nmt.serve.directions import Served
from nmt.serve.encoding import json_of
from nmt.serve.service import Service
from nmt.serve.waiting import results

MOST_BEAMS = 8  # more cannot be told apart


@dataclass(frozen=True)
class Asked:
    """A request to watch, checked."""

    text: str
    served: Served
    reference: str | None
    beam_size: int
    open: dict[str, Any] | None
    model: int  # whose place is opened, of those beside each other

    @classmethod
    def of(cls, fields: Fields, service: Service) -> Self:
        """What the fields ask for. Raises HTTPException for what is missing or wrong."""
        text, reference = text_of(fields.get("q")), fields.get("reference")
        reference = text_of(reference) if reference else None
        if max(len(text), len(reference or "")) > service.limits.line:
            raise HTTPException(413, f"a line has at most {service.limits.line:,} characters")
        source, target = (
            fields.get(name) if isinstance(fields.get(name), str) else "" for name in ("source", "target")
        )
        served = service.directions.find(str(source), str(target))
        if not served:
            known = [f"{each.source} → {each.target}" for each in service.directions.served]
            raise unknown_language(f"{source} → {target}", known)
        beam_size, wanted, model = fields.get("beam_size", 5), fields.get("open"), fields.get("model", 0)
        if type(beam_size) is not int or not 1 <= beam_size <= MOST_BEAMS:
            raise HTTPException(400, f"beam_size is a number from 1 to {MOST_BEAMS}")
        if wanted is not None and not isinstance(wanted, dict):
            raise HTTPException(400, "open names a place: an object with what, and its numbers")
        if type(model) is not int or model < 0:
            raise HTTPException(400, "model is a number from 0")
        return cls(text, served, reference, beam_size, wanted, model)


def answer_of(service: Service, asked: Asked) -> dict[str, Any]:
    """What is asked for, in the thread that thinks. Raises HTTPException for what cannot be shown, else NmtError."""
    thinkers = service.thinking.thinkers(asked.served)
    try:
        if asked.open is not None:
            return {"opened": thinkers[asked.model].open(asked.text, asked.beam_size, asked.open)}
        told = [thinker.think(asked.text, asked.reference, asked.beam_size) for thinker in thinkers]
    except NotNumbersError:
        raise
    except DataError as error:
        raise HTTPException(400, f"{error.what}: {error.mend}") from None
    except IndexError:
        raise HTTPException(400, "model is the number of one of those beside each other, from 0") from None
    return {"models": told}


async def think(request: Request) -> Response:
    """Answer POST /think; docs/watch.md has the fields."""
    service: Service = request.app.state.service
    fields, _ = await fields_of(request, service.keys, service.limits)
    if not service.thinking.is_there:
        raise HTTPException(501, "watching needs PyTorch, which is not installed here")
    asked = Asked.of(fields, service)
    futures = map(service.thinking.submit, [lambda: json_of(answer_of(service, asked)).encode()])
    (answer,) = await results(request, futures, service.limits.seconds)
    request.state.facts.update(direction=f"{asked.served.source}-{asked.served.target}", characters=len(asked.text))
    if service.log.texts:
        request.state.facts["texts"] = [asked.text]
    return Response(answer, media_type="application/json")
