import re
import textwrap
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.chat_ui.markup import Diagram, Prose, growing_prose, pieces_of
from adapters.chat_ui.markup_marks import APART

GUARD = "[//]: # ($x$)\n\n"
LETTERS = "abcXYZ019 你好，。é"
# What means something somewhere in Markdown, in Streamlit's or in TeX.
SPECIAL = (
    *"`*_~$:!<>|#\\",
    *(
        "- ",
        "1. ",
        "  ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        "```",
        "~~~",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "**",
        "->",
        " -- ",
    ),
    *("| a | b |\n", "|--|--|\n", "===\n", "[^1]: ", "[ref]: /x\n", ":red[", ":help", ":key:", "::: note", "<div>"),
    *("![x][ref]", "[x](y)", "```mermaid\n", "\\`", "\r\n"),
)
TEXTS = st.lists(st.sampled_from([*SPECIAL, *LETTERS, "words", "中文"]), max_size=40).map("".join)
LINES = st.lists(st.text("`$:*![]()<>\\~ ab你：\t", max_size=12), max_size=6)


def prose_of(text: str) -> str:
    """The Markdown of a text without diagrams."""
    pieces = pieces_of(text)
    assert all(isinstance(piece, Prose) for piece in pieces)
    return "\n".join(piece.markdown for piece in pieces if isinstance(piece, Prose))


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


@given(st.lists(st.text(LETTERS, min_size=1).filter(lambda line: line == line.strip() != ""), min_size=1))
def test_text_without_special_characters_is_left_alone(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert pieces_of(text) == (Prose(markdown=text),)


@given(TEXTS)
@example("`a\n- b`\n\n\\[x\n\\], y")
@example("$a$$b$ \\(c\\)\\(d\\)5")
def test_every_word_is_kept_in_its_place(text: str) -> None:
    said = "\n".join(
        piece.source if isinstance(piece, Diagram) else piece.markdown.removeprefix(GUARD) for piece in pieces_of(text)
    )
    for ours in (APART, "\\displaystyle", "[//]: #"):
        said = said.replace(ours, "")
    # The info of a fence that is shown as code, or is drawn, is no word of the text.
    assert words_of(said.replace("mermaid", "")) == words_of(text.replace("mermaid", ""))


@given(TEXTS)
@example("    ![x](https://a.example)")
@example("   - a\n\n    ![x](https://a.example)")
@example("\x0b\n\n    ![x](https://a.example)")
def test_streamlit_strips_no_indentation_that_means_something(text: str) -> None:
    for piece in pieces_of(text):
        if isinstance(piece, Prose):
            # streamlit.string_util.clean_text
            cleaned = textwrap.dedent(piece.markdown).strip()
            assert cleaned.split() == piece.markdown.split()
            assert cleaned.splitlines()[0].rstrip() == piece.markdown.splitlines()[0].rstrip()


@given(TEXTS)
def test_an_answer_can_be_drawn_however_far_it_has_come(text: str) -> None:
    for end in range(len(text)):
        pieces_of(text[:end])


@given(LINES, st.sampled_from(["```", "````", "~~~"]), st.sampled_from(["", "> ", "  ", "1. a\n   "]))
def test_fenced_code_is_never_changed(lines: list[str], fence: str, before: str) -> None:
    marks = fence + fence[0] * max((len(run) for line in lines for run in re.findall(r"[`~]+", line)), default=0)
    margin = before.rpartition("\n")[2]
    code = "".join(f"{margin}{line}\n" for line in lines)
    text = f"{before}{marks}py\n{code}{margin}{marks}\n"
    assert prose_of(text).removeprefix(GUARD).rstrip() == text.rstrip()


@given(LINES, LINES)
def test_fenced_code_is_not_changed_while_it_grows_either(words: list[str], lines: list[str]) -> None:
    code = "\n".join(line.replace("`", "") for line in lines)
    text = "\n".join(line.replace("`", "").replace("~", "") for line in words)
    assert prose_of(f"{text}\n\n```\n{code}").endswith(f"```\n{code}".rstrip("\n"))


@given(st.text("$:*![]()<>\\~-|` ab你：", min_size=1).filter(lambda code: not re.search(r"^`|`$|``", code)))
def test_code_in_a_line_is_never_changed(code: str) -> None:
    assert f"``{code}``" in prose_of(f"a ``{code}`` b :red[c]")


@given(LINES)
def test_indented_code_is_never_changed(lines: list[str]) -> None:
    code = "".join(f"    {line}\n" for line in lines)
    assert prose_of(f"Words:\n\n{code}\nmore").startswith(f"Words:\n\n{code}".rstrip("\n"))


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("It costs $5, or US$ 6, or 7$ now.", "It costs \\$5, or US\\$ 6, or 7\\$ now."),
        ("$x$ and $5 more", "$x$ and \\$5 more"),
        ("$a $ b$5", "\\$a \\$ b\\$5"),
        ("$x$5", "\\$x\\$5"),
        ("from $5 to 10$ or $10 \\pm 2$", "from \\$5 to 10\\$ or $10 \\pm 2$"),
        ("\\$5 and \\$6", "\\$5 and \\$6"),
        ("\\(x\\)5", "$$x$$5"),
        ("\\(a_1\\)\\(b\\)", f"$a_1${APART}$b$"),
        ("$\\text{\\$5}$", "$$\\text{\\$5}$$"),
        ("\\($ x \\$\\)", "$$ $ x \\$ $$"),
        ("\\[x\\]", "$$\nx\n$$"),
        ("so: \\[x\\] ok", "so: $$\\displaystyle x$$ ok"),
        ("so:\n$$\nx\n$$\nok", "so:\n$$\nx\n$$\nok"),
        ("$$E=mc^2$$", "$$\nE=mc^2\n$$"),
        ("1. a\n   \\[ x\n   - y \\]", "1. a\n   $$\n    x\n   - y \n   $$"),
        ("> \\[\n> x\n> \\]", "> $$\n> x\n> $$"),
        ("so: \\[\nx\n\\]\nok", "so: $$\\displaystyle \nx$$\n:small[]\nok"),
        ("so: \\[ x\n\\], ok", "so: $$\\displaystyle x$$\n, ok"),
        ("so: \\[ x\n\\]- ok", "so: \\[ x\n\\]- ok"),
        ("$$\nx", "\\$\\$\nx"),
        ("\\(x", "\\(x"),
        ("\\[1\\](y)", "\\[1\\](y)"),
        ("\\\\(x\\\\)", "\\\\(x\\\\)"),
        ("`$a$` $b$", f"{GUARD}`$a$` $b$"),
        ("| `a` | $x$ 5$ |\n|-|-|", f"{GUARD}| `a` | $x$ 5\\$ |\n|-|-|"),
    ],
)
def test_mathematics_is_told_from_money(text: str, markdown: str) -> None:
    assert pieces_of(text) == (Prose(markdown=markdown),)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("**注意：**请", f"**注意：**{APART}请"),
        ("请**（注意）**看", f"请{APART}**（注意）**{APART}看"),
        ("**第1步:**请", f"**第1步:**{APART}请"),
        ("**注意**请，**好。** 是", "**注意**请，**好。** 是"),
        ("2**(3)**x", "2**(3)**x"),
        ("3~5天，10~20元，~~30~~", "3\\~5天，10\\~20元，~~30~~"),
        ("见https://a.example/b。然后", "见<https://a.example/b>。然后"),
        ("（见 https://a.example/b_(c)）", "（见 <https://a.example/b_(c)>）"),
        (
            "见 https://a.example/b 和 www.a.example。",
            "见 https://a.example/b 和 [www.a.example](<http://www.a.example>)。",
        ),
        ("一\r\n二\r三", "一\n二\n三"),
    ],
)
def test_chinese_stays_right(text: str, markdown: str) -> None:
    assert pieces_of(text) == (Prose(markdown=markdown),)


GRAPH = "graph LR\n  A[开始] --> B"


def test_a_closed_fence_of_mermaid_is_a_diagram() -> None:
    assert pieces_of(f"See:\n  ```Mermaid title\n  {GRAPH}\n  ```\n:red[b]") == (
        Prose(markdown="See:"),
        Diagram(source=GRAPH.replace("\n  ", "\n")),
        Prose(markdown="\\:red[b]"),
    )
    assert pieces_of(f"~~~mermaid\n{GRAPH}\n~~~\n```mermaid\n{GRAPH}\n````") == (Diagram(source=GRAPH),) * 2


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        (f"```mermaid\n{GRAPH}", f"```\n{GRAPH}"),
        ("```mermaid\n \n```", "```\n \n```"),
        ("```mermaid\nA@{ img: 'https://a.example' }\n```", "```\nA@{ img: 'https://a.example' }\n```"),
        ("```mer&#109;aid\nA@{ \"i\\x6dg\": 'x' }\n```", "```\nA@{ \"i\\x6dg\": 'x' }\n```"),
        ("```mermaid\nstyle A fill:url( //a )\n```", "```\nstyle A fill:url( //a )\n```"),
        (f"````md\n```mermaid\n{GRAPH}\n```\n````", f"````md\n```mermaid\n{GRAPH}\n```\n````"),
        ("- a\n  ```mermaid\n  graph LR\n  ```", "- a\n  ```mermaid\n  graph LR\n  ```"),
        ("> ```mermaid\n> graph LR\n\nb", "> ```\n> graph LR\n\nb"),
        ("```mermaids\na\n```", "```mermaids\na\n```"),
    ],
)
def test_other_fences_stay_in_the_prose(text: str, markdown: str) -> None:
    assert pieces_of(text) == (Prose(markdown=markdown),)


def test_while_it_grows_a_diagram_is_code() -> None:
    text = f"a:b\n````mermaid\n{GRAPH}\n```\n````\n> ```mermaid\n> graph LR\n> ```\n"
    assert growing_prose(text) == f"a\\:b\n````\n{GRAPH}\n```\n````\n> ```\n> graph LR\n> ```"
    assert growing_prose("") == ""


@pytest.mark.parametrize("text", ["", " \n\t\n", "\r\n\r\n"])
def test_nothing_is_drawn_of_nothing(text: str) -> None:
    assert pieces_of(text) == ()


@pytest.mark.parametrize(
    "part",
    [
        *"$`[](*_~<:!|>#-\\&=\t",
        *("](", "\\(", "\\[\n", "$$\n", "**", ":a:", "- ", "- a\n", "> ", "~~~\n", "```\n", "` `` ```\n", "[a]: b\n"),
        *(
            "![a](",
            "https://a",
            "|\n-|-\n",
            "    a\n\n",
            "[^a]: ",
            '](a "',
            "`\n1 ",
            "$$ $ ",
            "<a@",
            "www.(",
            "]((",
            "[\n",
        ),
    ],
)
def test_a_long_answer_takes_no_longer_than_its_length(part: str) -> None:
    text = part * (200_000 // len(part))
    began = time.process_time()
    pieces_of(text)
    assert time.process_time() - began < 3
