"""The chat page in a real Chromium, over a real sandbox behind a real login.

Screenshots of the main states, in both themes and both languages, are written to the folder that OCA_SCREENSHOTS names,
else to a temporary one whose name is printed.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from adapters.clock.system import SystemClock
from adapters.sandbox.controls import SandboxControls
from entrypoints.page_server import SCRIPT
from tests.adapters.langchain.standard.media_files import png
from tests.entrypoints.stack import sandbox, write_env
from tests.fakes.browser import browser, streamlit_server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
PATIENCE_MS = 30_000
GREETING = "Hello from the OCA Gateway sandbox!"


class World:
    """A browser, the page, and the sandbox behind it."""

    def __init__(self, chromium: Browser, url: str, controls: SandboxControls, shots: Path) -> None:
        self.controls = controls
        self.url = url
        self._chromium = chromium
        self._shots = shots
        self._contexts: list[BrowserContext] = []

    def visitor(self, locale: str = "en-US", *, dark: bool = False, width: int = 1280) -> "Visitor":
        """A person with a browser profile of their own."""
        context = self._chromium.new_context(
            locale=locale, color_scheme="dark" if dark else "light", viewport={"width": width, "height": 900}
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.goto(self.url)
        return Visitor(page, self._shots)

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        self._contexts.clear()


class Visitor:
    """What a person does and sees."""

    def __init__(self, page: Page, shots: Path) -> None:
        self.page = page
        self._shots = shots

    def ask(self, question: str) -> None:
        box = self.page.get_by_test_id("stChatInputTextArea")
        box.fill(question)
        # Not before: a file may still be on its way.
        expect(self.page.get_by_test_id("stChatInputSubmitButton")).to_be_enabled(timeout=PATIENCE_MS)
        box.press("Enter")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)

    @property
    def answers(self) -> Locator:
        return self.page.get_by_test_id("stChatMessage")

    def settled(self, button: str = "Regenerate") -> None:
        expect(self.button(button)).to_be_visible(timeout=PATIENCE_MS)

    def shoot(self, name: str) -> None:
        self.page.screenshot(path=str(self._shots / f"{name}.png"))


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("OCA_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"screenshots: {folder}\n")
    return folder


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, shots: Path) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("page")
    with ExitStack() as lasting:
        chromium = lasting.enter_context(browser())
        running = lasting.enter_context(sandbox(SystemClock()))
        env = {"OCA_ENV_FILE": str(write_env(folder, running)), "OCA_DATA_DIR": str(folder)}
        url = lasting.enter_context(streamlit_server(SCRIPT, env=env))
        yield World(chromium, url, running.controls, shots)


@pytest.fixture
def world(stage: World) -> Iterator[World]:
    yield stage
    stage.close()


def test_words_arrive_while_they_stream_and_stop_keeps_what_came_and_hangs_up(world: World) -> None:
    visitor = world.visitor()
    left = world.controls.answers.aborted
    visitor.ask("/slow 0.4")
    visitor.sees("Hello from")
    assert visitor.page.get_by_text("Send /help").count() == 0
    visitor.page.get_by_test_id("stChatInputStopButton").click()
    visitor.sees("Stopped. The answer is incomplete.")
    visitor.sees("Hello from")
    visitor.settled()
    assert world.controls.answers.aborted == left + 1


def test_a_reload_finds_the_conversation_and_the_language_can_be_switched(world: World) -> None:
    visitor = world.visitor()
    visitor.ask("Remember the word heliotrope")
    visitor.sees(GREETING)
    visitor.settled()
    visitor.page.reload()
    visitor.sees("Remember the word heliotrope")
    visitor.sees(GREETING)
    visitor.page.get_by_text("中文", exact=True).click()
    visitor.settled("重新生成")
    visitor.sees("系统提示词")
    assert "lang=zh" in visitor.page.url
    visitor.page.reload()
    visitor.settled("重新生成")


def test_a_question_is_edited_and_sent_again_and_the_old_answer_is_replaced(world: World) -> None:
    visitor = world.visitor()
    visitor.ask("first wording")
    visitor.sees("You said: “first wording”")
    visitor.settled()
    visitor.button("Edit").first.click()
    box = visitor.page.get_by_role("textbox", name="Edit")
    box.fill("second wording")
    box.press("Control+Enter")
    visitor.button("Send again").click()
    visitor.sees("You said: “second wording”")
    visitor.settled()
    # Neither in the conversation nor in the list, where it was the title.
    expect(visitor.page.get_by_text("first wording")).to_have_count(0, timeout=PATIENCE_MS)
    assert visitor.answers.count() == 2


def test_a_failure_stays_in_its_turn_and_a_retry_mends_it(world: World) -> None:
    visitor = world.visitor()
    visitor.ask("/fail once 503")
    visitor.sees("The model server failed.")
    visitor.sees("/fail once 503")
    visitor.settled("Retry")
    visitor.button("Retry").click()
    visitor.sees(GREETING)
    visitor.settled()
    assert visitor.page.get_by_text("The model server failed.").count() == 0


def test_an_image_is_sent_and_seen(world: World, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(png())
    visitor = world.visitor()
    visitor.page.get_by_test_id("stChatInput").locator("input[type=file]").first.set_input_files(picture)
    visitor.sees("picture.png")
    visitor.ask("What is this?")
    visitor.sees("I see 1 image")
    visitor.settled()
    expect(visitor.page.get_by_test_id("stChatMessage").first.locator("img").first).to_be_visible()
    visitor.shoot("image-light-en")


def test_an_unknown_file_is_told_and_the_message_is_not_lost(world: World, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x00\x01\x02 not a picture")
    visitor = world.visitor()
    visitor.page.get_by_test_id("stChatInput").locator("input[type=file]").first.set_input_files(broken)
    visitor.sees("broken.png")
    visitor.ask("A long message that I do not want to type again")
    visitor.sees("is of a kind that cannot be sent")
    visitor.sees("A long message that I do not want to type again")


def test_chinese_is_copied_as_it_is(world: World) -> None:
    visitor = world.visitor("zh-CN")
    visitor.ask("你好")
    visitor.sees("你说的是：“你好”")
    visitor.settled("重新生成")
    visitor.button("复制").first.click()
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("你好，这里是 OCA Gateway 沙盒！")
    assert "你说的是：“你好”。" in copied
    visitor.shoot("answer-light-zh")


def test_enter_does_not_send_while_an_input_method_composes(world: World) -> None:
    visitor = world.visitor("zh-CN")
    box = visitor.page.get_by_test_id("stChatInputTextArea")
    box.fill("ni hao")
    box.evaluate(
        "(box) => box.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', code: 'Enter', keyCode: 229, isComposing: true, bubbles: true, cancelable: true}))"
    )
    expect(box).to_have_value("ni hao")
    assert visitor.answers.count() == 0


def test_two_people_do_not_see_each_others_running_answers(world: World) -> None:
    first, second = world.visitor(), world.visitor()
    first.ask("/slow 0.4")
    first.sees("Hello from")
    second.ask("only mine")
    second.sees("You said: “only mine”")
    assert first.page.get_by_text("only mine", exact=False).count() == 0
    assert second.page.get_by_text("Hello from").count() == 1
    first.page.get_by_test_id("stChatInputStopButton").click()
    first.sees("Stopped.")


def test_keys_begin_a_new_chat_and_ask_again(world: World) -> None:
    visitor = world.visitor()
    visitor.ask("by keys")
    visitor.sees(GREETING)
    visitor.settled()
    answered = world.controls.answers.finished
    visitor.page.get_by_test_id("stChatMessage").last.click()
    visitor.page.keyboard.press("Alt+g")
    visitor.page.wait_for_timeout(0)
    for _ in range(300):
        if world.controls.answers.finished > answered:
            break
        visitor.page.wait_for_timeout(100)
    assert world.controls.answers.finished == answered + 1
    visitor.settled()
    visitor.page.keyboard.press("Alt+n")
    visitor.sees("Ask something to begin.")


def test_a_conversation_can_be_taken_out_and_brought_in_again(world: World, tmp_path: Path) -> None:
    visitor = world.visitor()
    visitor.ask("to be exported 你好")
    visitor.settled("Regenerate")
    visitor.page.get_by_test_id("stSidebar").get_by_test_id("stMenuButton").first.click()
    visitor.page.get_by_text("Export", exact=True).click()
    with visitor.page.expect_download() as markdown:
        visitor.button("Export as Markdown").click()
    assert "to be exported 你好" in markdown.value.path().read_text(encoding="utf-8")
    with visitor.page.expect_download() as exported:
        visitor.button("Export as JSON").click()
    file = tmp_path / "conversation.json"
    exported.value.save_as(file)
    visitor.page.keyboard.press("Escape")
    visitor.button("Import a JSON export").click()
    visitor.page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(file)
    expect(visitor.page.get_by_test_id("stSidebar").get_by_text("to be exported 你好")).to_have_count(
        2, timeout=PATIENCE_MS
    )


@pytest.mark.parametrize(("locale", "dark"), [("en-US", False), ("en-US", True), ("zh-CN", False), ("zh-CN", True)])
def test_the_page_in_both_themes_and_languages_and_on_a_narrow_screen(world: World, locale: str, dark: bool) -> None:
    chinese = locale.startswith("zh")
    name = f"{'dark' if dark else 'light'}-{'zh' if chinese else 'en'}"
    for width in (1280, 390):
        visitor = world.visitor(locale, dark=dark, width=width)
        visitor.ask("请介绍一下你自己" if chinese else "Tell me about yourself")
        visitor.settled("重新生成" if chinese else "Regenerate")
        # Nothing sticks out to the side.
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        visitor.shoot(f"answer-{width}-{name}")
        visitor.ask("/slow 0.3")
        expect(visitor.answers).to_have_count(4, timeout=PATIENCE_MS)
        expect(visitor.answers.last).to_contain_text("Hello from", timeout=PATIENCE_MS)
        visitor.shoot(f"streaming-{width}-{name}")
        visitor.page.get_by_test_id("stChatInputStopButton").click()
        visitor.sees("已停止，回答不完整。" if chinese else "Stopped. The answer is incomplete.")
        visitor.shoot(f"stopped-{width}-{name}")
        visitor.ask("/fail 503")
        visitor.settled("重试" if chinese else "Retry")
        visitor.shoot(f"failed-{width}-{name}")
