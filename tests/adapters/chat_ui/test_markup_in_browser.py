"""What Streamlit makes of the markup, in a real Chromium: the laws that only the page itself can confirm."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from tests.fakes.browser import browser, streamlit_server

GRAPH = "graph LR\n  A[开始] --> B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What Chromium makes of one text."""

    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """`shown` is what the page says, the text itself if not given; `html` is found in the page."""

    text: str
    shown: str | None = None
    html: tuple[str, ...] = ()


FAITHFUL = (
    Sample(text="color:red user:key:42 :smile: 1:100:5 std::help :+1: :streamlit: at 10:30:45"),
    Sample(text=":material/home: :red[x] a:b[c]{d} :small[x] 注意:请[看] :material_home: :shimmer[y]{z}"),
    Sample(text="x -> y <-> z <- a -- b >= c <= d ~= e"),
    Sample(text="3~5天，10~20元, $5 or 6 $, a<b>c</b> <br> <!-- d -->"),
    Sample(text=":::note", html=("<p>",)),
    Sample(text="::leaf", html=("<p>",)),
    Sample(text='<div style="color:red">'),
    Sample(text="[Ann]: hello"),
    Sample(
        text="**注意：**请**（看）**这",
        shown="注意：请（看）这",
        html=("<strong>注意：</strong>", "<strong>（看）</strong>"),
    ),
    Sample(text="`:red[$a$]` :red[b]", shown=":red[$a$] :red[b]", html=("<code",)),
    Sample(text="see https://a.example/b。然后", html=('href="https://a.example/b"',)),
    Sample(text="https://a.example/Talk:Foo x", html=('href="https://a.example/Talk:Foo"',)),
    Sample(text='[a:b](/c:d:e "t:key:u")', shown="a:b", html=('title="t:key:u"', 'href="/c:d:e"')),
)
FORMULAS = (
    Sample(text="\\(a\\)", html=("katex",)),
    Sample(text="x $a$ y, `b`", html=("katex",)),
    Sample(text="1. a\n   \\[\n   b\n   \\]", html=("katex-display",)),
    Sample(text="``` a`b\n\n$c$", html=("katex",)),
    Sample(text="> so \\[\n> a\n> \\]", html=("katex",)),
)
IMAGE = "![x](https://leak.example/i)"
# Each has been an image, in Streamlit or in an earlier form of this code.
TRAPS = (
    IMAGE,
    "![](https://leak.example/i) ![x][r] ![r] [![x](https://leak.example/i)](y)\n\n[r]: https://leak.example/i",
    "<img src='https://leak.example/i'> !!" + IMAGE,
    f"    {IMAGE}",
    f"   - a\n\n    {IMAGE}",
    f"|a|b|\n|-|-|\n|`a | {IMAGE} | b`|",
    f"|a|\n|-|\n2. foo\n\n    {IMAGE}",
    f"x[^1]\n\n[^1]: foo\n\n    {IMAGE}",
    f"`a\n- {IMAGE}`",
    f"`a\n<div>\n{IMAGE}`",
    f"a\n+ -\n|a|b|\n\n    {IMAGE}",
    f"     code\n12) ```js\n    {IMAGE}",
    f"[a]: b\n===\n    {IMAGE}",
    f"``` a`b\n$$\n{IMAGE}\n$$\n\n\\({IMAGE}\\)",
    f"https://a.example/[[```js {IMAGE}```",
    f"http://😀`` {IMAGE} ``",
    f"\\https://a.example/http://😀-` {IMAGE} `",
    f"[[a]<https://x>]([a]<http``12) {IMAGE}``",
    f"[a](b 'c`d') {IMAGE}`",
    f"[foo][z`b] {IMAGE}`\n\n[z`b]: /x",
    f"[^`x] {IMAGE}`\n\n[^`x]: a",
    f"[\\)\n<div>\n[^`x]: a\n    {IMAGE}[^`x]: a> ``",
    f"](\n[^`x]: a\n\n    {IMAGE}",
    "--===\n!www.x:::)",
    f"foo$$a\n$$\n  - \n    {IMAGE}",
    f"1.\na\n|-|\n\t|b|\n12) ````\n    {IMAGE}",
    "~~~mermaid\nflowchart TD\n A@{ img: 'https://leak.example/i', w: 60, h: 60 }\n~~~",
    "- ~~~mermaid\n  classDiagram\n  class A\n  style A background:url(https://leak.example/i)\n  ~~~",
)
DRAWING = """
import json, sys
from pathlib import Path
import streamlit as st
from adapters.chat_ui.markup import Diagram, pieces_of

for number, text in enumerate(json.loads(Path(__file__).with_name("texts.json").read_text(encoding="utf-8"))):
    with st.container(key=f"text{number}"):
        for piece in pieces_of(text):
            if isinstance(piece, Diagram):
                st.mermaid_chart(piece.source)
            else:
                st.markdown(piece.markdown)
st.text("All is drawn.")
"""
TEXTS_DRAWN = [*(sample.text for sample in (*FAITHFUL, *FORMULAS)), *TRAPS, f"```mermaid\n{GRAPH}\n```"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Drawn], list[str]]]:
    """Each text as Chromium shows it, and what it has asked other hosts for meanwhile."""
    script = tmp_path_factory.mktemp("page") / "page.py"
    script.write_text(DRAWING, encoding="utf-8")
    script.with_name("texts.json").write_text(json.dumps(TEXTS_DRAWN), encoding="utf-8")
    with streamlit_server(script) as url, browser("--host-resolver-rules=MAP *.example ~NOTFOUND") as chromium:
        page = chromium.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        page.get_by_text("All is drawn.").wait_for()
        page.wait_for_function("document.querySelector('[data-testid=stMermaidChart] img') !== null")
        page.wait_for_function("document.querySelector('[data-testid=stSkeleton]') === null")
        yield dict(zip(TEXTS_DRAWN, seen(page), strict=True)), [one for one in asked if "example" in one]


def seen(page: Page) -> Iterator[Drawn]:
    for number in range(len(TEXTS_DRAWN)):
        text, html = page.evaluate(
            "name => { const at = document.querySelector(name); return [at.innerText, at.innerHTML]; }",
            f".st-key-text{number}",
        )
        yield Drawn(text=text, html=html)


@pytest.mark.browser
def test_the_page_shows_what_was_written(drawn: tuple[dict[str, Drawn], list[str]]) -> None:
    for sample in FAITHFUL:
        page = drawn[0][sample.text]
        assert page.text.strip() == (sample.text if sample.shown is None else sample.shown)
        assert [part for part in sample.html if part not in page.html] == []


@pytest.mark.browser
def test_the_page_draws_formulas(drawn: tuple[dict[str, Drawn], list[str]]) -> None:
    for sample in FORMULAS:
        assert [part for part in sample.html if part not in drawn[0][sample.text].html] == [], sample.text


@pytest.mark.browser
def test_the_page_fetches_no_image_that_an_answer_names(drawn: tuple[dict[str, Drawn], list[str]]) -> None:
    pages, asked = drawn
    assert [text for text in TRAPS if 'src="http' in pages[text].html or 'src="//' in pages[text].html] == []
    assert asked == []


@pytest.mark.browser
def test_the_page_draws_a_diagram(drawn: tuple[dict[str, Drawn], list[str]]) -> None:
    assert 'src="blob:' in drawn[0][TEXTS_DRAWN[-1]].html
