"""However bytes arrive: Hypothesis strategies for cutting them and for ending their lines."""

from hypothesis import strategies as st

LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """`data` cut at any places, empty pieces included."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
