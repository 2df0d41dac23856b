"""An agent loop, structured output and streaming with OCAChatModel: `python docs/examples/langchain_agent.py`.

It needs `langchain` (`pip install langchain`), which the development environment of this repository has. The account in
`.env` answers, or the built-in sandbox where there is none.
"""

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from adapters.langchain import OCAChatModel, OCAOauth2TokenManager
from entrypoints.chat_demo import demo_settings


@tool
def get_weather(city: str) -> str:
    """The weather in a city right now."""
    return f"18 degrees and sunny in {city}"


class Weather(BaseModel):
    """A weather report."""

    city: str = Field(description="The city's name")
    degrees: int = Field(description="Degrees Celsius")


def run_agent(model: OCAChatModel) -> None:
    """The model calls the tool, reads its result, and answers; its words are printed as they come."""
    agent: Any = create_agent(model, tools=[get_weather], system_prompt="You are a weather reporter.")
    question = {"messages": [{"role": "user", "content": "What is the weather in Paris? Use the tool get_weather."}]}
    for message, _ in agent.stream(question, stream_mode="messages"):
        if isinstance(message, AIMessageChunk):
            for call in message.tool_call_chunks:
                print(call["name"] or call["args"] or "", end="", flush=True)
            print(message.text, end="", flush=True)
        else:
            print(f"\n-> {message.text}")
    print()


def ask_for_structure(model: OCAChatModel) -> Weather:
    """The answer as an object of the class, checked by pydantic."""
    reporter = model.with_structured_output(Weather)
    report: Weather = reporter.invoke("It is 18 degrees in Paris. Report it as JSON.")
    print(repr(report))
    return report


def main() -> None:
    # In a program of your own: model = OCAChatModel.from_env()
    with demo_settings(None) as settings:
        model = OCAChatModel.from_env(OCAOauth2TokenManager(settings=settings))
        print("The agent:")
        run_agent(model)
        print("\nStructured output:")
        ask_for_structure(model)


if __name__ == "__main__":
    main()
