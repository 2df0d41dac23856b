import io
import string

import pytest
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.token_store.env_text import EnvTextError, read_values, replace_values

RT, AT, END = "OAUTH_REFRESH_TOKEN", "OAUTH_ACCESS_TOKEN", "OAUTH_ACCESS_TOKEN_EXPIRES_AT"
KEYS = (RT, AT, END)


def replaced(text: str, **values: str) -> str:
    return replace_values(text.encode(), values).decode()


class TestWhatIsAroundAValue:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param("OAUTH_REFRESH_TOKEN=old\n", "OAUTH_REFRESH_TOKEN=new\n", id="bare"),
            pytest.param("OAUTH_REFRESH_TOKEN='old'\n", "OAUTH_REFRESH_TOKEN='new'\n", id="single quotes"),
            pytest.param('OAUTH_REFRESH_TOKEN="old"\n', 'OAUTH_REFRESH_TOKEN="new"\n', id="double quotes"),
            pytest.param('OAUTH_REFRESH_TOKEN="o\\"ld" # it\n', 'OAUTH_REFRESH_TOKEN="new" # it\n', id="escaped quote"),
            pytest.param("export OAUTH_REFRESH_TOKEN=old\n", "export OAUTH_REFRESH_TOKEN=new\n", id="export"),
            pytest.param("'OAUTH_REFRESH_TOKEN'=old\n", "'OAUTH_REFRESH_TOKEN'=new\n", id="quoted key"),
            pytest.param("  OAUTH_REFRESH_TOKEN = old  \n", "  OAUTH_REFRESH_TOKEN = new  \n", id="blanks"),
            pytest.param("OAUTH_REFRESH_TOKEN=old # mine\n", "OAUTH_REFRESH_TOKEN=new # mine\n", id="comment"),
            pytest.param("OAUTH_REFRESH_TOKEN='old'# mine\n", "OAUTH_REFRESH_TOKEN='new'# mine\n", id="close comment"),
            pytest.param("OAUTH_REFRESH_TOKEN= # mine\n", "OAUTH_REFRESH_TOKEN=new # mine\n", id="empty with comment"),
            pytest.param("OAUTH_REFRESH_TOKEN=#old\n", "OAUTH_REFRESH_TOKEN=new\n", id="a value like a comment"),
            pytest.param("OAUTH_REFRESH_TOKEN=\n", "OAUTH_REFRESH_TOKEN=new\n", id="empty"),
            pytest.param("OAUTH_REFRESH_TOKEN=\nA=1\n", "OAUTH_REFRESH_TOKEN=new\nA=1\n", id="empty, and more"),
            pytest.param("OAUTH_REFRESH_TOKEN\nA=1\n", "OAUTH_REFRESH_TOKEN=new\nA=1\n", id="name alone"),
            pytest.param("OAUTH_REFRESH_TOKEN#mine\n", "OAUTH_REFRESH_TOKEN='new'#mine\n", id="name and comment"),
            pytest.param("OAUTH_REFRESH_TOKEN=''\n", "OAUTH_REFRESH_TOKEN='new'\n", id="empty quotes"),
            pytest.param("OAUTH_REFRESH_TOKEN=old", "OAUTH_REFRESH_TOKEN=new", id="no last newline"),
            pytest.param("\ufeffOAUTH_REFRESH_TOKEN=old\n", "\ufeffOAUTH_REFRESH_TOKEN=new\n", id="byte order mark"),
            pytest.param(
                "\n\n# a\r\nOAUTH_REFRESH_TOKEN=old\r\n\r\nB=2\r",
                "\n\n# a\r\nOAUTH_REFRESH_TOKEN=new\r\n\r\nB=2\r",
                id="all line ends",
            ),
            pytest.param(
                "OAUTH_REFRESH_TOKEN='a\nb' # c\nB=2\n", "OAUTH_REFRESH_TOKEN='new' # c\nB=2\n", id="two lines"
            ),
            pytest.param(
                "OAUTH_REFRESH_TOKEN=1\nA=${OAUTH_REFRESH_TOKEN}\nexport OAUTH_REFRESH_TOKEN='2'\n",
                "OAUTH_REFRESH_TOKEN=new\nA=${OAUTH_REFRESH_TOKEN}\nexport OAUTH_REFRESH_TOKEN='new'\n",
                id="written twice",
            ),
            pytest.param(
                "#OAUTH_REFRESH_TOKEN=x\n", "#OAUTH_REFRESH_TOKEN=x\nOAUTH_REFRESH_TOKEN=new\n", id="commented out"
            ),
            pytest.param(
                "A='x\nOAUTH_REFRESH_TOKEN=y'\n",
                "A='x\nOAUTH_REFRESH_TOKEN=y'\nOAUTH_REFRESH_TOKEN=new\n",
                id="within another",
            ),
            pytest.param("A='never closed\n", "A='never closed\nOAUTH_REFRESH_TOKEN=new\n", id="broken line"),
            pytest.param("A=1", "A=1\nOAUTH_REFRESH_TOKEN=new\n", id="appended without a last newline"),
            pytest.param("A=1\r\nB=2\r\n", "A=1\r\nB=2\r\nOAUTH_REFRESH_TOKEN=new\r\n", id="appended with CRLF"),
            pytest.param("A=1\rB=2", "A=1\rB=2\rOAUTH_REFRESH_TOKEN=new\r", id="appended with CR"),
            pytest.param("", "OAUTH_REFRESH_TOKEN=new\n", id="empty file"),
        ],
    )
    def test_it_stays(self, before: str, after: str) -> None:
        assert replaced(before, OAUTH_REFRESH_TOKEN="new") == after

    def test_bytes_that_are_not_utf_8_stay(self) -> None:
        before = b"NAME=J\xf6rg\xff\n# \xe9\nOAUTH_REFRESH_TOKEN=old\n"
        assert replace_values(before, {RT: "new"}) == before.replace(b"old", b"new")

    def test_a_value_that_stays_is_written_as_it_was(self) -> None:
        before = "OAUTH_REFRESH_TOKEN=\"a\" # kept\nOAUTH_REFRESH_TOKEN='b'\nOAUTH_ACCESS_TOKEN=c\n"
        assert replaced(before, OAUTH_REFRESH_TOKEN="b", OAUTH_ACCESS_TOKEN="d") == before.replace("=c", "=d")

    def test_absent_keys_are_appended_in_the_order_given(self) -> None:
        after = replaced("A=1\n", **dict(zip(KEYS, "123", strict=True)))
        assert after == f"A=1\n{RT}=1\n{AT}=2\n{END}=3\n"

    def test_an_absent_key_is_not_written_for_an_empty_value(self) -> None:
        assert replaced("A=1\n", OAUTH_REFRESH_TOKEN="") == "A=1\n"

    @pytest.mark.parametrize("before", ["OAUTH_REFRESH_TOKEN=old # c\n", "OAUTH_REFRESH_TOKEN='old' # c\n"])
    def test_a_value_can_be_emptied(self, before: str) -> None:
        assert replaced(before, OAUTH_REFRESH_TOKEN="") == before.replace("old", "")

    def test_quotes_come_where_the_present_form_cannot_carry_the_value(self) -> None:
        assert replaced("OAUTH_REFRESH_TOKEN=old # c\n", OAUTH_REFRESH_TOKEN="a #b") == (
            "OAUTH_REFRESH_TOKEN='a #b' # c\n"
        )
        assert replaced('OAUTH_REFRESH_TOKEN="old"\n', OAUTH_REFRESH_TOKEN="a$b`c") == "OAUTH_REFRESH_TOKEN='a$b`c'\n"

    def test_a_quote_that_is_never_closed_elsewhere_is_not_closed_by_a_value(self) -> None:
        before = "A='never closed\nB=2\n"
        assert replaced(before, OAUTH_REFRESH_TOKEN="a #b") == before + 'OAUTH_REFRESH_TOKEN="a #b"\n'

    def test_a_line_swallowed_by_the_quotes_of_a_value_is_noticed_though_the_value_is_read(self) -> None:
        before = "A='never closed\nB=2\nOAUTH_REFRESH_TOKEN=1\nOAUTH_REFRESH_TOKEN=2\n"
        after = replaced(before, OAUTH_REFRESH_TOKEN="a #b")
        assert after == before.replace("=1", '="a #b"').replace("N=2", 'N="a #b"')

    def test_a_text_that_cannot_take_a_value_is_refused_by_its_line(self) -> None:
        with pytest.raises(EnvTextError, match="line 2 "):
            replaced("X=1\nA='never closed\nB=\"nor this\n", OAUTH_REFRESH_TOKEN="a #b'\"")

    def test_utf_16_is_refused(self) -> None:
        with pytest.raises(EnvTextError, match="UTF-8"):
            read_values("A=1".encode("utf-16"), KEYS)

    def test_references_are_resolved_as_python_dotenv_does(self) -> None:
        assert read_values(b"MINE=abc\nOAUTH_REFRESH_TOKEN=${MINE}-${NOWHERE:-d}\n", KEYS) == {RT: "abc-d"}


# Laws: whatever the text is.

TOKEN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1).filter(str.strip)
PLAIN_TOKEN = st.text(st.sampled_from(string.ascii_letters + string.digits + "-._~+/="), min_size=1)
NASTY = st.text(st.sampled_from("'\"\\#=$ {}:-\n\r\tabX0\u00e9\x85\u2028\ufeff\udcff"), max_size=12)
WORD = st.text(st.sampled_from("abXY_09"), min_size=1, max_size=5)
NAME = st.sampled_from(["FOO", "BAR_2", "foo.bar", "LLM_API_URL", "OAUTH_HOST", "MY_OAUTH_REFRESH_TOKEN"])
BLANKS = st.sampled_from(["", " ", "\t", "  "])
VALUE = st.one_of(
    st.just(""),
    WORD,
    WORD.map(lambda word: f"'{word}'"),
    WORD.map(lambda word: f'"{word} \\" \\n # {word}"'),
    WORD.map(lambda word: f"'{word}\n\n{word}'"),
    st.just("${FOO}-${BAR:-x}"),
    st.just('"${FOO}"'),
    st.just("J\udcf6rg"),
)
COMMENT = st.one_of(st.just(""), NASTY.map(lambda text: " #" + text.replace("\n", "").replace("\r", "")))


def assignment(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    name = st.one_of(names, names.map(lambda each: f"'{each}'"))
    start = st.sampled_from(["", "export ", " ", "\texport\t"])
    full = st.tuples(start, name, BLANKS, st.just("="), BLANKS, VALUE, COMMENT).map("".join)
    return st.one_of(full, full, name)


SOUND_LINE = st.one_of(
    st.sampled_from(["", " ", "\t"]), COMMENT, assignment(NAME), assignment(NAME), assignment(st.sampled_from(KEYS))
)
NEWLINE = st.sampled_from(["\n", "\n", "\r\n", "\r"])


def texts(line: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    body = st.lists(st.tuples(line, NEWLINE).map("".join), max_size=8).map("".join)
    whole = st.tuples(st.sampled_from(["", "", "\ufeff"]), body, st.one_of(st.just(""), line)).map("".join)
    return whole.map(lambda text: text.encode("utf-8", "surrogateescape"))


def login(tokens: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(KEYS, tokens, strict=True))


def others(data: bytes) -> list[tuple[str, str | None]]:
    """The unmanaged assignments as python-dotenv reads them from a file, in their order."""
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="surrogateescape")
    return [(b.key, b.value) for b in parse_stream(stream) if b.key is not None and b.key not in KEYS]


def managed(data: bytes) -> dict[str, str | None]:
    stream = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="surrogateescape")
    return {key: value for key, value in dotenv_values(stream=stream, interpolate=True).items() if key in KEYS}


LAW = settings(deadline=None, max_examples=200)


@LAW
@given(data=texts(SOUND_LINE), tokens=st.tuples(TOKEN, TOKEN, TOKEN))
@example(data=b"", tokens=("${X}", "a$${b:-c}}", "${:-$}{"))
@example(data=b'OAUTH_REFRESH_TOKEN="x"\n', tokens=("\\'\\\"", "\\", "'\""))
def test_any_token_goes_into_any_sound_text_and_nothing_else_changes(data: bytes, tokens: tuple[str, str, str]) -> None:
    values = login(tokens)
    after = replace_values(data, values)
    assert managed(after) == values
    assert read_values(after, KEYS) == values
    assert others(after) == others(data)
    assert replace_values(after, values) == after


@LAW
@given(data=texts(st.one_of(SOUND_LINE, NASTY)), tokens=st.tuples(PLAIN_TOKEN, PLAIN_TOKEN, PLAIN_TOKEN))
def test_a_usual_token_goes_into_any_text_and_nothing_else_changes(data: bytes, tokens: tuple[str, str, str]) -> None:
    values = login(tokens)
    after = replace_values(data, values)
    assert managed(after) == values
    assert dict(others(after)) == dict(others(data))


@LAW
@given(data=texts(st.one_of(SOUND_LINE, NASTY)), tokens=st.tuples(TOKEN, TOKEN, TOKEN))
def test_a_text_that_cannot_be_edited_soundly_is_not_edited(data: bytes, tokens: tuple[str, str, str]) -> None:
    values = login(tokens)
    try:
        after = replace_values(data, values)
    except EnvTextError:
        return
    assert managed(after) == values
    assert dict(others(after)) == dict(others(data))


@LAW
@given(data=st.binary())
def test_any_bytes_that_are_no_utf_16_can_be_read(data: bytes) -> None:
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert set(read_values(data, KEYS)) <= set(KEYS)


@LAW
@given(data=texts(SOUND_LINE), token=PLAIN_TOKEN)
def test_a_second_value_takes_the_place_of_the_first(data: bytes, token: str) -> None:
    first = replace_values(data, {RT: "placeholder"})
    assert replace_values(first, {RT: token}) == first.replace(b"placeholder", token.encode())
