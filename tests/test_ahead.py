"""Items made in a thread beforehand against the items themselves."""

from collections.abc import Iterator

import pytest

from nmt.errors import BusyError
from nmt.text.ahead import ahead


@pytest.mark.parametrize("count", [1, 2, 9])
def test_what_is_made_ahead_is_the_same_in_the_same_order_and_its_error_comes_in_its_place(count: int) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise BusyError("the sixth", "")

    assert list(ahead(iter(range(5)), count)) == [0, 1, 2, 3, 4]
    made = ahead(items(), count)
    assert [next(made) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(BusyError, match="the sixth"):
        next(made)
