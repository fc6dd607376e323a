"""Items computed ahead in a thread are the same items, in the same order."""

from collections.abc import Iterator
from threading import Event

import pytest

from nmt.errors import BusyError
from nmt.text.ahead import ahead, heard


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


def test_work_that_is_heard_gives_its_result_or_its_error() -> None:
    def refuse() -> None:
        raise BusyError("too much", "")

    assert heard(lambda: 7, lambda: None) == 7
    with pytest.raises(BusyError, match="too much"):
        heard(refuse, lambda: None)


def test_who_waits_for_work_is_told_that_it_goes_on() -> None:
    told = Event()
    assert heard(lambda: told.wait(60), told.set)
