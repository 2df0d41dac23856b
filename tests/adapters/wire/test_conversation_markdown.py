"""A conversation for people: nothing that anybody said breaks the page."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from adapters.wire.conversation_archive import encode_markdown
from domain.chat import ChatResponse, Choice, Message, TextPart, ToolCall
from domain.conversation import Answer, AnswerState, Conversation, PromptSettings, Trouble, TroubleKind, Turn
from tests.contracts.conversation_store import PICTURE


def turn(question: str, text: str, reasoning: str = "", state: AnswerState = AnswerState.COMPLETE) -> Turn:
    message = Message(role="assistant", content=(TextPart(text=text),), reasoning=reasoning)
    response = ChatResponse(choices=(Choice(message=message),))
    return Turn(question=question, answer=Answer(attempt=1, state=state, asked_model="m", response=response))


def test_markdown_tells_all_that_people_read() -> None:
    call = ToolCall(id="1", name="look", arguments='{"at": "```"}')
    message = Message(
        role="assistant", content=(TextPart(text="Let me see."),), tool_calls=(call,), reasoning="Hm.\n\nWell."
    )
    failed = Answer(
        attempt=2,
        state=AnswerState.FAILED,
        asked_model="m",
        response=ChatResponse(choices=(Choice(message=message),), model="m-1"),
        trouble=Trouble(kind=TroubleKind.TIMEOUT, detail="no <b>word</b>"),
    )
    settings = PromptSettings(model="m`1", system_prompt="Be kind.\nBe brief.")
    first = replace(turn("# Why?\nso", "世界"), attachments=(PICTURE,))
    turns = (first, Turn(question="two", answer=failed), Turn(question="", answer=Answer(attempt=3)))
    assert encode_markdown(Conversation(turns=turns, settings=settings, name="1 * <2>")) == (
        "# 1 \\* \\<2\\>\n\nModel: `` m`1 ``\n\nSystem prompt:\n\n> Be kind.\n> Be brief.\n\n"
        "## Question 1\n\n- File: `Photo.png`\n\n> # Why?\n> so\n\n## Answer 1 (`m`)\n\n世界\n\n"
        "## Question 2\n\n> two\n\n## Answer 2 (`m-1`)\n\n"
        "<details><summary>Reasoning</summary>\n\n> Hm.\n>\n> Well.\n\n</details>\n\n"
        'Let me see.\n\nTool call `look`:\n\n````\n{"at": "```"}\n````\n\n'
        "*(failed: timeout)*\n\n```\nno <b>word</b>\n```\n\n"
        "## Question 3\n\n## Answer 3\n\n*(not sent yet)*\n"
    )


def test_code_in_an_answer_stands_as_it_is() -> None:
    code = "Do:\n\n1. this\n   ~~~html\n   <script>\n   ```\n   ~~~\n2. that\n\n```c++\n<!-- vector<int> -->\n```"
    assert code in encode_markdown(Conversation(turns=(turn("how?", code),)))


# fmt: off
LINES = st.sampled_from(
    [
        "```", "~~~~", "  ```", "   ~~~", "    ```", "``` a`b", "```py", "- ```", "> ~~~", "1. a", "- b", "   x",
        "  y", "z", "", "<!-- c", "<div>", "</div>", "<script>", "</details>", "`<pre>`", "`a", "\t```", "-",
        "10) d", "    e", "> f", "===", "-->", "<?", "<![CDATA[", "<a", "[x]: y", "# h", "* * *", "      ```",
        "\t- ```", "<details>", "``", "\r", "\u2028```", "\x0b",
    ]
)
# fmt: on
FOREIGN = st.lists(LINES, max_size=8).map("\n".join)


@given(question=FOREIGN, reasoning=FOREIGN, text=FOREIGN, state=st.sampled_from(AnswerState))
@example(question="```", reasoning="```", text="- ```\n  a\nb", state=AnswerState.STOPPED)
@example(question="<!--", reasoning="</details>", text="1. a\n   ```\n   b", state=AnswerState.STOPPED)
@example(question="a", reasoning="", text="<div>\n```\n</div>", state=AnswerState.COMPLETE)
@example(question="a", reasoning="", text="```\n   ```", state=AnswerState.COMPLETE)
def test_no_text_swallows_what_follows_it(question: str, reasoning: str, text: str, state: AnswerState) -> None:
    one = turn(question, text, reasoning, state)
    document = encode_markdown(Conversation(turns=(one, one), name="n"))
    tokens = MarkdownIt("commonmark").parse(document)
    # At the top: no quote, no list and no fence is around them.
    headings = [
        inline.content for opening, inline in pairwise(tokens) if opening.type == "heading_open" and opening.level == 0
    ]
    ours = ["n", "Question 1", "Answer 1 (`m`)", "Question 2", "Answer 2 (`m`)"]
    assert [heading for heading in headings if heading in ours] == ours


def test_a_long_line_of_marks_is_read_in_no_time() -> None:
    for line in (" " * 50_000, "- " * 50_000, "`" * 50_000, "` " * 20_000, "<" * 50_000, "`a``b" * 10_000):
        assert line.strip()[:10] in encode_markdown(Conversation(turns=(turn(line, line, line),)))
