import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.content_coding import MAX_PIECE_BYTES, ContentDecoder, undo_coding


def decode(parts: list[bytes], *, is_gzip: bool) -> list[bytes]:
    decoder = ContentDecoder(gzip=is_gzip)
    pieces = [piece for part in parts for piece in decoder.feed(part)]
    decoder.finish()
    return pieces


def cut(data: bytes, places: set[int]) -> list[bytes]:
    edges = [0, *sorted(place for place in places if 0 < place < len(data)), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(body=st.binary(max_size=2000), places=st.sets(st.integers(1, 2000)), members=st.integers(1, 3))
def test_however_a_gzip_body_is_cut_it_decodes_to_the_same(body: bytes, places: set[int], members: int) -> None:
    encoded = gzip.compress(body) * members
    assert b"".join(decode(cut(encoded, places), is_gzip=True)) == body * members


@given(body=st.binary(max_size=2000), places=st.sets(st.integers(1, 2000)), raw=st.booleans())
def test_however_a_deflate_body_is_cut_it_decodes_to_the_same(body: bytes, places: set[int], raw: bool) -> None:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS if raw else zlib.MAX_WBITS)
    encoded = packer.compress(body) + packer.flush()
    assert b"".join(decode(cut(encoded, places), is_gzip=False)) == body


@given(body=st.binary(min_size=1, max_size=500), lost=st.integers(1, 400))
def test_a_compressed_body_that_lost_its_end_is_never_whole(body: bytes, lost: int) -> None:
    encoded = gzip.compress(body)
    with pytest.raises(zlib.error):
        decode([encoded[: max(1, len(encoded) - lost)]], is_gzip=True)


def test_pieces_are_bounded_however_well_the_body_was_compressed() -> None:
    pieces = decode([gzip.compress(bytes(5_000_000))], is_gzip=True)
    assert sum(map(len, pieces)) == 5_000_000
    assert max(map(len, pieces)) <= MAX_PIECE_BYTES


def test_padding_after_the_last_member_is_ignored() -> None:
    assert b"".join(decode([gzip.compress(b"body"), b"\0\0"], is_gzip=True)) == b"body"


def test_an_empty_body_may_declare_a_coding() -> None:
    assert decode([], is_gzip=True) == []


@pytest.mark.parametrize("value", ["br", "zstd", "gzip, br", "gzip, gzip"])
def test_an_unknown_coding_is_left_declared(value: str) -> None:
    headers = (("Content-Encoding", value), ("Content-Length", "5"))
    assert undo_coding(headers) == (headers, None)


def test_identity_is_no_coding() -> None:
    headers = (("Content-Encoding", "identity"),)
    assert undo_coding(headers) == (headers, None)
