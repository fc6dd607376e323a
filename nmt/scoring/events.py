"""Values of the events of a run's metrics, bounded and checked: the file may come from a stranger. Knows no figure."""

from collections.abc import Mapping
from typing import Any

from nmt.disk.untrusted import is_real
from nmt.errors import DataError, shown


def whole(event: Mapping[str, Any], key: str) -> int:
    """The value of ``key``, from 0 on. Raises DataError for what no run writes."""
    value = event.get(key)
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise invalid(key, value)
    return value


def real(event: Mapping[str, Any], key: str, most: float = 1e30) -> float:
    """The value of ``key``, whose size is below ``most``. Raises DataError for what no run writes."""
    value = event.get(key)
    if not is_real(value, most):
        raise invalid(key, value)
    return float(value)


def words(event: Mapping[str, Any], key: str) -> str:
    """The text of ``key``. Raises DataError for what no run writes."""
    value = event.get(key)
    if not isinstance(value, str):
        raise invalid(key, value)
    return value


def invalid(key: str, value: object) -> DataError:
    """The error for an event with such a value."""
    return DataError(f"metrics.jsonl has an event whose {key} is {shown(value)}", "restore the file")
