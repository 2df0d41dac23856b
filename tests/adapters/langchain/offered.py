"""Tools and schemas of every make."""

from typing import Annotated, Any, Generic, TypedDict, TypeVar

from langchain_core._api import suppress_langchain_beta_warning
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, Tool, tool
from pydantic import BaseModel, Field
from pydantic import v1 as pydantic_v1

Wire = dict[str, Any]
T = TypeVar("T")
PARAMETERS: Wire = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
CLOSED: Wire = {**PARAMETERS, "additionalProperties": False}
FUNCTION: Wire = {"type": "function", "function": {"name": "add", "description": "Adds", "parameters": PARAMETERS}}


class Add(BaseModel):
    """Adds."""

    a: int = Field(description="The first")
    b: int | None = None


class AddOfBefore(pydantic_v1.BaseModel):
    """Adds."""

    a: int
    b: int | None = None


class AddTyped(TypedDict):
    """Adds."""

    a: Annotated[int, ..., "The first"]


class Tree(BaseModel):
    """A tree."""

    value: int
    children: list["Tree"] = []


class Counts(BaseModel):
    counts: dict[str, int]


class Forest(BaseModel):
    """Trees."""

    trees: list[Tree]
    tallest: Tree | None = Field(default=None, description="May be none")
    first: Add = Field(description="With words of its own")


class Box(BaseModel, Generic[T]):
    it: T


def add(a: int, b: int = 2) -> int:
    """Adds.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


@tool
def add_tool(a: int) -> int:
    """Adds."""
    return a


@tool
async def add_later(a: int) -> int:
    """Adds, in a while."""
    return a


def _first(given: dict[str, int]) -> int:
    return given["a"]


PLAIN_TOOL = Tool(name="ask", description="Asks", func=str)
with suppress_langchain_beta_warning():
    RUNNABLE: BaseTool = RunnableLambda(_first).as_tool(arg_types={"a": int}, name="run", description="Runs")
ANTHROPIC: Wire = {"name": "add", "description": "Adds", "input_schema": PARAMETERS}
TOOLS: dict[str, Any] = {
    "class of pydantic 2": Add,
    "class of pydantic 1": AddOfBefore,
    "typed dict": AddTyped,
    "function": add,
    "tool": add_tool,
    "async tool": add_later,
    "tool without a schema": PLAIN_TOOL,
    "runnable": RUNNABLE,
    "OpenAI's": FUNCTION,
    "OpenAI's function": FUNCTION["function"],
    "Anthropic's": ANTHROPIC,
    "Anthropic's, with its type": {"type": "custom", **ANTHROPIC},
    "Bedrock's": {"toolSpec": {"name": "add", "description": "Adds", "inputSchema": {"json": PARAMETERS}}},
    "JSON schema": {"title": "add", "description": "Adds", **PARAMETERS},
}
NATIVE: tuple[Wire, ...] = (
    {"type": "web_search"},
    {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
    {"type": "builtin_function", "function": {"name": "$web_search"}},
    {"type": "retrieval", "retrieval": {"knowledge_id": "x"}},
)
