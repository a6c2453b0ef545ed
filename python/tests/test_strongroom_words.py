"""Sizes and times, as callers may give them."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest

import strongroom
from strongroom import words

UTC = datetime.timezone.utc
DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("size", "expected"),
    [(None, None), (0, 0), (5, 5), ("5", 5), ("10M", 10 * 2**20), ("1.5KiB", 1536), ("2gb", 2**31)],
)
def test_sizes(size: Any, expected: int | None) -> None:
    assert words.size_bytes(size) == expected


@pytest.mark.parametrize("size", ["", "ten", "-1", "1X", "99999P", "nan", "1.5 KiB"])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(strongroom.InvalidError):
        words.size_bytes(size)


@pytest.mark.parametrize(
    ("when", "first", "last"),
    [
        (None, None, None),
        ("1970-01-02", DAY, 2 * DAY - 1),
        (datetime.date(1970, 1, 2), DAY, 2 * DAY - 1),
        ("1970-01-01T00:00:01Z", 1_000_000, 1_000_000),
        ("1970-01-01T01:00:00+01:00", 0, 0),
        (datetime.datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC), 1_000_005, 1_000_005),
        (datetime.datetime(1970, 1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), 0, 0),
        (datetime.datetime(1, 1, 1, tzinfo=UTC), -62_135_596_800_000_000, -62_135_596_800_000_000),
    ],
)
def test_times(when: Any, first: int | None, last: int | None) -> None:
    assert words.first_instant(when) == first
    assert words.last_instant(when) == last


@pytest.mark.parametrize("span", ["2h", datetime.timedelta(hours=2)])
def test_spans_before_now(span: Any) -> None:
    expected = (time.time() - 7200) * 1e6
    found = words.first_instant(span)
    assert found is not None and abs(found - expected) < 60e6


@pytest.mark.parametrize(
    ("when", "error"),
    [
        (datetime.datetime(2026, 1, 1), strongroom.InvalidError),
        ("2026-02-31", strongroom.InvalidError),
        ("soon", strongroom.InvalidError),
        ("", strongroom.InvalidError),
        (5, TypeError),
        (b"2026-01-01", TypeError),
    ],
)
def test_times_that_are_none(when: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        words.instant(when)


def test_a_time_without_a_zone_says_its_cure() -> None:
    with pytest.raises(strongroom.InvalidError, match="tzinfo=datetime.timezone.utc"):
        words.instant(datetime.datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (None, None),
        ("as it is", "as it is"),
        (datetime.date(2026, 1, 31), "2026-01-31"),
        (datetime.datetime(2026, 1, 31, 9, 30, tzinfo=UTC), "2026-01-31T09:30:00Z"),
        (datetime.datetime(2026, 1, 31, 9, 30, 0, 5, tzinfo=UTC), "2026-01-31T09:30:00.000005Z"),
    ],
)
def test_times_that_are_kept(when: Any, text: str | None) -> None:
    assert words.time_text(when) == text
