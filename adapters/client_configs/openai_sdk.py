"""Programs: OpenAI's SDKs, which read OPENAI_BASE_URL and OPENAI_API_KEY, and LangChain."""

import json

from adapters.client_configs.changes import Path, Value
from adapters.client_configs.editing import Format
from adapters.client_configs.recipe import FileEdit, Gateway, Recipe, Surroundings
from adapters.client_configs.shell import assignment
from domain.words import Text

BASE_URL, API_KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"


def openai(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    del surroundings
    changes: dict[Path, Value] = {(BASE_URL,): gateway.base_url, (API_KEY,): gateway.key}
    return Recipe(
        snippet=(
            f"# in a shell\n{assignment(BASE_URL, gateway.base_url)}\n{assignment(API_KEY, gateway.key)}\n"
            "\n# in Python\nfrom openai import OpenAI\n\n"
            f"client = OpenAI(base_url={_text(gateway.base_url)}, api_key={_text(gateway.key)})\n"
            "answer = client.chat.completions.create(\n"
            f'    model={_text(gateway.model)}, messages=[{{"role": "user", "content": "Hello!"}}]\n'
            ")\n"
            "print(answer.choices[0].message.content)\n"
        ),
        # No file of its own: one that is named by --file gets the two variables.
        edit=FileEdit(paths=(), format=Format.ENV, changes=changes),
        no_edit=Text(
            "The SDK has no file of its own. Name the .env file of your program: --write --file .env",
            "SDK 没有自己的配置文件。请指明您的程序所用的 .env 文件：--write --file .env",
        ),
    )


def langchain(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    del surroundings
    return Recipe(
        snippet=(
            "# without the server: the login and everything else come from .env\n"
            "from adapters.langchain import OCAChatModel\n\n"
            "model = OCAChatModel.from_env()\n"
            "\n# through the running server\n"
            "from langchain_openai import ChatOpenAI\n\n"
            "model = ChatOpenAI(\n"
            f"    base_url={_text(gateway.base_url)}, api_key={_text(gateway.key)}, model={_text(gateway.model)}\n"
            ")\n"
            'print(model.invoke("Hello!").text)\n'
        ),
        no_edit=Text(
            "LangChain has no configuration file. Put the lines that are printed without --write into your program.",
            "LangChain 没有配置文件。请把不带 --write 时打印的内容写进您的程序。",
        ),
    )


def _text(value: str) -> str:
    """A string of Python, in double quotes."""
    return json.dumps(value, ensure_ascii=False)
