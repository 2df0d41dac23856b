import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from streamlit.testing.v1 import AppTest

from adapters.chat_ui.copying import copy_button
from tests.fakes.browser import browser, streamlit_server

TEXT = "你好，**世界**\n\n    x = '$5' </script>\n\t€ 🎉\n"
SCRIPT = f"""
import streamlit as st
from adapters.chat_ui.copying import copy_button

run = st.session_state["run"] = st.session_state.get("run", 0) + 1
st.button("Again")
copy_button({TEXT!r}, label="Copy first", done="First copied", key="first", shortcut=True)
if st.toggle("Second", value=True):
    copy_button(f"run {{run}}", label="Copy second", done="Second copied", key="second", shortcut=True)
copy_button("third", label="Copy third", done="Third copied", key="third")
st.text_input("Words")
st.text(f"This was run {{run}}.")
"""
# As little secure to a browser as an address in the local network.
LAN = "lan.test"
PRESS = """how => document.body.dispatchEvent(new KeyboardEvent("keydown", {
  key: "C", code: "KeyC", altKey: true, shiftKey: true, bubbles: true, cancelable: true, ...how
}))"""


def test_it_needs_no_browser_to_be_drawn() -> None:
    def script() -> None:
        from adapters.chat_ui.copying import copy_button

        copy_button("你好\n", label="Copy", done="Copied", key="one", shortcut=True)
        copy_button("", label="Copy", done="Copied", key="two")

    for _session in range(2):
        app = AppTest.from_function(script).run().run()
        assert not app.exception
        drawn = [json.loads(element.proto.mixed.json or element.proto.json) for element in app.get("bidi_component")]
        assert [one["text"] for one in drawn] == ["你好\n", ""]


def test_it_does_nothing_outside_of_a_page() -> None:
    copy_button("text", label="Copy", done="Copied", key="one")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    script = tmp_path_factory.mktemp("page") / "page.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with (
        browser(f"--host-resolver-rules=MAP {LAN} 127.0.0.1") as chromium,
        streamlit_server(script, options=(f"--browser.serverAddress={LAN}",)) as url,
    ):
        yield chromium, url


@pytest.fixture
def context(served: tuple[Browser, str]) -> Iterator[BrowserContext]:
    with served[0].new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, served: tuple[Browser, str]) -> Page:
    return opened(context, served[1])


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    for name in ("Copy first", "Copy second", "Copy third"):
        page.get_by_role("button", name=name).wait_for()
    return page


def clipboard(page: Page) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def again(page: Page, run: int) -> None:
    page.get_by_role("button", name="Again").click()
    expect(page.get_by_text(f"This was run {run}.")).to_be_visible()


@pytest.mark.browser
def test_a_click_copies_the_text_to_the_letter_and_says_so_for_a_while(page: Page) -> None:
    page.get_by_role("button", name="Copy first").click()
    expect(page.get_by_role("button", name="First copied")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="First copied")).to_have_count(1)
    assert clipboard(page) == TEXT
    expect(page.get_by_role("button", name="Copy first")).to_be_visible()
    expect(page.get_by_role("button", name="Copy second")).to_be_visible()


@pytest.mark.browser
def test_the_keyboard_alone_reaches_and_presses_it(page: Page) -> None:
    page.get_by_role("button", name="Again").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy first")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="First copied")).to_be_focused()
    assert clipboard(page) == TEXT


@pytest.mark.browser
def test_where_the_browser_has_no_clipboard_for_the_page_it_copies_all_the_same(
    context: BrowserContext, served: tuple[Browser, str]
) -> None:
    page = opened(context, served[1].replace("127.0.0.1", LAN))
    assert page.evaluate("navigator.clipboard === undefined")
    page.get_by_role("button", name="Copy first").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="First copied")).to_be_focused()
    # Another page may look.
    looking = opened(context, served[1])
    assert clipboard(looking) == TEXT


@pytest.mark.browser
def test_the_shortcut_presses_the_last_one_that_has_it(page: Page) -> None:
    page.get_by_label("Words").focus()
    page.keyboard.press("Alt+Shift+C")
    expect(page.get_by_role("button", name="Second copied")).to_be_visible()
    assert clipboard(page) == "run 1"
    assert page.get_by_label("Words").input_value() == ""


@pytest.mark.browser
def test_after_runs_of_the_script_the_shortcut_copies_once_and_what_is_there_now(page: Page) -> None:
    again(page, 2)
    again(page, 3)
    page.evaluate(
        """() => {
            const { clipboard } = navigator;
            const write = clipboard.writeText.bind(clipboard);
            window.writes = [];
            clipboard.writeText = (text) => { window.writes.push(text); return write(text); };
        }"""
    )
    page.keyboard.press("Alt+Shift+C")
    expect(page.get_by_role("button", name="Second copied")).to_be_visible()
    assert page.evaluate("window.writes") == ["run 3"]


@pytest.mark.browser
def test_a_button_that_is_gone_is_not_pressed_any_more(page: Page) -> None:
    page.get_by_text("Second", exact=True).click()
    expect(page.get_by_role("button", name="Copy second")).to_have_count(0)
    # What is drawn last: before that, a button may be drawn anew, and forget that it was pressed.
    expect(page.get_by_text("This was run 2.")).to_be_visible()
    page.keyboard.press("Alt+Shift+C")
    expect(page.get_by_role("button", name="First copied")).to_be_visible()
    assert clipboard(page) == TEXT


@pytest.mark.browser
@pytest.mark.parametrize(
    "how",
    [
        {"isComposing": True},
        {"keyCode": 229},
        {"repeat": True},
        {"shiftKey": False},
        {"altKey": False},
        {"ctrlKey": True},
        {"metaKey": True},
        {"key": "X", "code": "KeyX"},
    ],
)
def test_other_keys_and_those_of_an_input_method_are_left_alone(page: Page, how: dict[str, object]) -> None:
    # False is what it says when somebody has taken the key.
    assert page.evaluate(PRESS, how) is True
    assert page.evaluate(PRESS, {"key": "Ç"}) is False
    assert page.evaluate(PRESS, {"code": "KeyI"}) is False


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_looks_like_the_button_beside_it_in_either_theme(
    served: tuple[Browser, str], tmp_path: Path, theme: str
) -> None:
    script = tmp_path / "page.py"
    script.write_text(
        "import streamlit as st\n"
        "from adapters.chat_ui.copying import copy_button\n"
        "with st.container(horizontal=True):\n"
        "    copy_button('text', label='Copy', done='Copied', key='one')\n"
        "    st.button('Other', type='tertiary')\n",
        encoding="utf-8",
    )
    looks = "button => [getComputedStyle(button).color, button.getBoundingClientRect().height]"
    with streamlit_server(script, options=(f"--theme.base={theme}",)) as url, served[0].new_page() as page:
        page.goto(url)
        ours = page.get_by_role("button", name="Copy").evaluate(looks)
        theirs = page.get_by_role("button", name="Other").evaluate(looks)
        assert ours == theirs
