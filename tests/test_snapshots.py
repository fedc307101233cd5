"""Points in time: their text, and what of a snapshot they keep."""

import base64
import json
import re
from typing import Any

import pytest

from config.postgresql.keyset import decoded, encoded
from config.postgresql.snapshots import MAX, MOST_RUNNING, Point, Snapshot, checksum

SINCE = Snapshot(50, (20, 40))


def text_of(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw + checksum(raw)).decode().rstrip("=")


def refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        Point.parse(text)


def content_of(text: str) -> bytes | None:
    try:
        return decoded(text)
    except ValueError:
        return None


@pytest.mark.parametrize("content", [b"a", b"ab", b"abc", b"\xff\xfe"])
def test_only_one_text_stands_for_a_content(content: bytes) -> None:
    text = encoded(content)
    assert content_of(text) == content
    others = [text[:-1] + chr(code) for code in range(33, 127)]
    assert [other for other in others if content_of(other) == content] == [text]


@pytest.mark.parametrize("text", ["YR", "YWJ", "YQ==", "YQ=", "Y Q"])
def test_bits_and_signs_that_mean_nothing_are_refused(text: str) -> None:
    assert content_of(text) is None


@pytest.mark.parametrize(
    "point",
    [
        Point(-MAX, (0, 0), Snapshot(3)),
        Point(MAX, (MAX, MAX), SINCE, Snapshot(60, (20,)), (20, -5)),
        Point(1, (2, 3), SINCE, Snapshot(60)),
    ],
)
def test_a_point_survives_its_text(point: Point) -> None:
    assert Point.parse(point.text()) == point


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"[" * 3000,
        None,
        [1, [2, 3], [4], None],
        [1, [2, 3], [], None, None],
        [1, [2], [4], None, None],
        [1, [2, 3], [4], None, [5]],
        [1, [2, 3], [4], "x", None],
        [1.5, [2, 3], [4], None, None],
        ["1", [2, 3], [4], None, None],
        [1, [2, 3], [2**63], None, None],
        [1, [2, 3], [-(2**63)], None, None],
        {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5},
    ],
)
def test_a_made_up_text_is_none_of_a_point(content: Any) -> None:
    refused(text_of(content))


@pytest.mark.parametrize("text", ["", "A", "abcd", "é", "=", "a b", "A" * 5])
def test_neither_is_one_without_a_checksum(text: str) -> None:
    refused(text)


def test_the_text_fits_into_a_url_however_many_transactions_run() -> None:
    numbers = [10**15 + each for each in range(MOST_RUNNING)]
    assert Snapshot.of(10**16, numbers[::-1]) == Snapshot(10**16, tuple(numbers))
    assert Snapshot.of(10**16, [*numbers, 7]) == Snapshot(7)
    most = Snapshot.of(10**16, numbers)
    assert len(Point(MAX, (MAX, MAX), most, most, (MAX, MAX)).text()) < 5000


def test_transactions_after_the_last_change_are_left_out() -> None:
    assert Snapshot.of(10, [12, 9, 10]) == Snapshot(10, (9,))
    assert Snapshot.of(10, [12]) == Snapshot(10)


def test_what_follows_a_point_is_read_from_where_the_last_page_ended() -> None:
    first = Point(1, (0, 0), SINCE).values
    assert (first["late"], first["late_after"], first["start"], first["start_id"]) == ([20, 40], [-MAX] * 2, 49, MAX)
    among = Point(1, (0, 0), SINCE, Snapshot(60), (20, 7)).values
    assert (among["late"], among["late_after"], among["start"], among["start_id"]) == ([20, 40], [7, -MAX], 49, MAX)
    behind = Point(1, (0, 0), SINCE, Snapshot(60, (55,)), (52, 7)).values
    assert (behind["late"], behind["start"], behind["start_id"], behind["until_running"]) == ([], 52, 7, (55,))
    still_running = Point(1, (0, 0), SINCE, Snapshot(60, (40,)), (20, 7)).values
    assert (still_running["late"], still_running["until"]) == ([20], 60)
