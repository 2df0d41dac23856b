"""`oca chat` without a question: a conversation at a terminal."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from domain.chat import ImagePart, Message, TextPart
from domain.errors import OCAError
from domain.system_words import system_words
from domain.words import Text, joined
from entrypoints.answering import Manner, show_answer
from entrypoints.console import Console
from entrypoints.error_words import error_told
from entrypoints.pictures import picture
from ports.gateway import Chat

_STOPPED = Text("(stopped)", "（已停止）")
_NO_QUESTION = Text("There is no question yet.", "还没有提过问题。")
COMMANDS = {
    "/model": Text("NAME: ask another model", "名称：换用另一个模型"),
    "/system": Text("TEXT: the system prompt; - for none", "文本：设置系统提示词；- 表示不用"),
    "/image": Text("FILE: a picture for the next question", "文件：给下一个问题附上图片"),
    "/retry": Text("ask the last question again", "重新提出上一个问题"),
    "/edit": Text("change the last question, and ask it again", "修改上一个问题后重新提问"),
    "/clear": Text("begin anew", "重新开始对话"),
    "/save": Text("FILE: write the conversation as Markdown", "文件：把对话保存为 Markdown"),
    "/help": Text("this list", "显示此列表"),
    "/exit": Text("leave; so does Ctrl-D", "退出；也可以按 Ctrl-D"),
}
_KEYS = Text(
    "Enter sends, Alt+Enter begins a line, Ctrl-C stops an answer, Ctrl-D leaves. // begins a text that begins with /.",
    "Enter 发送，Alt+Enter 换行，Ctrl-C 停止回答，Ctrl-D 退出。以 / 开头的文本请写成 //。",
)


class LineReader(Protocol):
    """Where questions come from."""

    def read(self, draft: str = "") -> str:
        """What the person has typed, beginning with `draft`. Raises EOFError when there is no more."""
        ...


class Conversation:
    """What has been said, and how it goes on. An error is told, and ends nothing."""

    def __init__(self, chat: Chat, manner: Manner, console: Console, pictures: tuple[ImagePart, ...] = ()) -> None:
        self._chat = chat
        self._manner = manner
        self._console = console
        self._pictures = list(pictures)
        self._messages: list[Message] = []
        # The question that the last answer is for, or should have been.
        self._question: Message | None = None
        self._draft = ""
        self._over = False
        self._actions: dict[str, Callable[[str], None]] = {
            "/model": self._choose_model,
            "/system": self._choose_system,
            "/image": self._attach,
            "/retry": self._retry,
            "/edit": self._edit,
            "/clear": self._clear,
            "/save": self._save,
            "/help": self._help,
            "/exit": self._leave,
            "/quit": self._leave,
        }

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(self._messages)

    def run(self, lines: LineReader) -> None:
        """Go on until the person leaves."""
        self._console.say(
            Text(
                f"{self._manner.model}. /help tells the commands, Ctrl-D leaves.",
                f"{self._manner.model}。输入 /help 查看命令，Ctrl-D 退出。",
            )
        )
        while not self._over:
            draft, self._draft = self._draft, ""
            try:
                self.take(lines.read(draft).strip())
            except EOFError:
                return
            except KeyboardInterrupt:
                self._console.say(_STOPPED)
            except OCAError as error:
                self._console.say(error_told(error))

    def take(self, line: str) -> None:
        """Do what one line says. Raises OCAError."""
        if not line.startswith("/") or line.startswith("//"):
            self._ask_new(line.removeprefix("/") if line.startswith("//") else line)
            return
        name, _, rest = line.partition(" ")
        action = self._actions.get(name)
        if action is None:
            self._console.say(Text(f"There is no command {name}. See: /help", f"没有命令 {name}。请查看：/help"))
            return
        action(rest.strip())

    def _ask_new(self, text: str) -> None:
        if not text:
            return
        pictures, self._pictures = tuple(self._pictures), []
        self._ask(Message(role="user", content=(TextPart(text=text), *pictures)))

    def _ask(self, question: Message) -> None:
        self._question = question
        asked = (*self._messages, question)
        # After a stop or an error neither the question nor half an answer goes on to the model; /retry asks again.
        answer = show_answer(self._chat, self._manner.request(asked), self._console)
        said = Message(role="assistant", content=(TextPart(text=answer.message.said),))
        self._messages = [*asked, said]

    def _take_back(self) -> Message | None:
        """The last question, which with its answer is said no more."""
        question = self._question
        if question is None:
            self._console.say(_NO_QUESTION)
        elif question in self._messages[-2:]:
            del self._messages[-2:]
        return question

    def _retry(self, _rest: str) -> None:
        question = self._take_back()
        if question is not None:
            self._ask(question)

    def _edit(self, _rest: str) -> None:
        question = self._take_back()
        if question is not None:
            self._draft = question.text
            self._pictures = [part for part in question.content if isinstance(part, ImagePart)]

    def _choose_model(self, name: str) -> None:
        if name:
            self._manner = replace(self._manner, model=name)
        self._console.say(self._manner.model)

    def _choose_system(self, text: str) -> None:
        if text:
            self._manner = replace(self._manner, system=None if text == "-" else text)
        self._console.say(self._manner.system or Text("There is no system prompt.", "没有系统提示词。"))

    def _attach(self, source: str) -> None:
        self._pictures.append(picture(source))
        self._console.say(Text("It goes with the next question.", "将随下一个问题一起发送。"))

    def _clear(self, _rest: str) -> None:
        self._messages, self._pictures, self._question = [], [], None
        self._console.say(Text("A new conversation.", "新的对话。"))

    def _save(self, name: str) -> None:
        path = Path(name or "conversation.md").expanduser()
        try:
            # A file that is there may be dear to somebody.
            with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(_markdown(self.messages))
        except OSError as error:
            why = system_words(error)
            self._console.say(Text(f"{path} cannot be written: {why.en}.", f"无法写入 {path}：{why.zh}。"))
            return
        self._console.say(Text(f"Saved in {path}.", f"已保存到 {path}。"))

    def _help(self, _rest: str) -> None:
        told = (Text(f"{name:8} {what.en}", f"{name:8} {what.zh}") for name, what in COMMANDS.items())
        self._console.say(joined([*told, _KEYS]))

    def _leave(self, _rest: str) -> None:
        self._over = True


def _markdown(messages: tuple[Message, ...]) -> str:
    names = {"user": "## You", "assistant": "## Model"}
    return "\n\n".join(f"{names.get(each.role, each.role)}\n\n{each.text}" for each in messages) + "\n"
