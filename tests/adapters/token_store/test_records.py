from hypothesis import given
from hypothesis import strategies as st

from adapters.token_store.records import encode_record, newest_record, place_of_next, room_for

BODIES = st.binary(max_size=60).map(lambda body: body.replace(b"\n", b"."))


def written(data: bytes, body: bytes) -> tuple[bytes, int]:
    """What a file holds after the next record, and where that begins."""
    newest = newest_record(data)
    record = encode_record(1 if newest is None else newest.serial + 1, body)
    place = place_of_next(newest, len(record))
    return data[:place].ljust(place, b"\0") + record + data[place + len(record) :], place


@given(garbage=st.binary(max_size=80), bodies=st.lists(BODIES, min_size=1, max_size=8))
def test_the_record_written_last_is_the_newest(garbage: bytes, bodies: list[bytes]) -> None:
    data = garbage
    for body in bodies:
        data, _ = written(data, body)
        newest = newest_record(data)
        assert newest is not None
        assert newest.body == body


@given(bodies=st.lists(BODIES, min_size=2, max_size=8), mask=st.lists(st.booleans(), min_size=300, max_size=300))
def test_a_record_that_was_torn_in_any_way_leaves_the_one_before(bodies: list[bytes], mask: list[bool]) -> None:
    data = b""
    for body in bodies[:-1]:
        data, _ = written(data, body)
    whole, _ = written(data, bodies[-1])
    before = data.ljust(len(whole), b"\0")
    torn = bytes(new if taken else old for old, new, taken in zip(before, whole, mask * 9, strict=False))
    newest = newest_record(torn)
    assert newest is not None
    assert newest.body in {bodies[-2], bodies[-1]}


@given(bodies=st.lists(BODIES, min_size=1, max_size=12))
def test_a_record_never_touches_the_one_before_and_the_room_is_bounded(bodies: list[bytes]) -> None:
    data = b""
    for body in bodies:
        newest = newest_record(data)
        data, place = written(data, body)
        length = len(encode_record(10, body))
        assert newest is None or place + length <= newest.start + 1 or place >= newest.end
    assert len(data) <= room_for(max(len(encode_record(10, body)) for body in bodies))


def test_of_two_whole_records_the_higher_number_counts_wherever_it_lies() -> None:
    first, second = encode_record(9, b"nine"), encode_record(10, b"ten")
    for data in (first + second, second + first):
        newest = newest_record(data)
        assert newest is not None
        assert newest.body == b"ten"


def test_a_record_behind_a_torn_one_is_found() -> None:
    torn = encode_record(8, b"eight")[:-3]
    newest = newest_record(torn + encode_record(7, b"seven"))
    assert newest is not None
    assert newest.body == b"seven"


def test_garbage_holds_no_record() -> None:
    spoilt = encode_record(1, b"body").replace(b"body", b"b0dy")
    for data in (b"", b"\n", b"\0" * 99, spoilt, b"\n" + b"0" * 16 + b" 1 body\n"):
        assert newest_record(data) is None
