"""The parts of a PyTorch search that heed what queries and options ask of translations. Knows no model and no text."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from nmt.config import SearchOptions
from nmt.decoding.constrained import ConstrainedBeam, EdgeTensors, Phrases
from nmt.decoding.engine import Query
from nmt.decoding.filters import avoid, begin_with, no_early_end, no_repeats
from nmt.decoding.roles import Columns, Filter, State
from nmt.decoding.search import Search
from nmt.decoding.unseen import with_unseen
from nmt.errors import SettingsError


def asks_nothing(queries: Sequence[Query], options: SearchOptions) -> bool:
    """Whether the plain search does for these queries."""
    return not (
        options.min_length
        or options.no_repeat_ngram
        or any(query.prefix or query.constraints or query.avoided for query in queries)
    )


def heeding(
    plain: Search[State], queries: Sequence[Query], options: SearchOptions, forbidden: Collection[int]
) -> Search[State]:
    """The search ``plain`` for queries of which all have constraints or none has.

    A piece that the model never produces is told by <unk>, with the log-probability ``NEVER_SEEN`` in a constraint.
    """
    wanted = {piece for query in queries for pieces in (query.prefix, *phrases(query)) for piece in pieces}
    stepper, columns, unseen = with_unseen(plain.stepper, plain.columns, wanted, forbidden)
    filters = [*plain.filters, *new_filters(queries, options, columns)]
    changed = replace(plain, stepper=stepper, columns=columns, filters=filters)
    if not any(query.constraints for query in queries):
        return changed
    if options.sample is not None:
        raise SettingsError("what is drawn by `sample` cannot be told phrases that must appear", "search for them")
    edges = EdgeTensors(queries[0].edges, columns.device)
    tables = Phrases.of(queries, [query.limit(options) for query in queries], columns, edges)
    return replace(changed, role=ConstrainedBeam(plain.role.enough, tables, edges, columns, unseen))


def new_filters(queries: Sequence[Query], options: SearchOptions, columns: Columns) -> list[Filter]:
    """The filters that these queries need; what is given for certain comes last, and wins."""
    filters: list[Filter] = []
    if options.no_repeat_ngram:
        exempt = [sorted({piece for pieces in phrases(query) for piece in pieces}) for query in queries]
        filters.append(no_repeats(options.no_repeat_ngram, exempt, columns))
    if any(query.avoided for query in queries):
        limits = [query.limit(options) for query in queries]
        filters.append(avoid([query.avoided for query in queries], limits, columns))
    if options.min_length:
        filters.append(no_early_end(options.min_length))
    if any(query.prefix for query in queries):
        filters.append(begin_with([columns.list_of(query.prefix) for query in queries], columns.device))
    return filters


def phrases(query: Query) -> list[Sequence[int]]:
    """The pieces of each alternative of its constraints."""
    return [pieces for constraint in query.constraints for pieces in constraint]
