"""Cline: its own command and its settings panel (docs.cline.bot, "OpenAI compatible" and "CLI reference").

The editors' extension keeps its key in the editor's secret store; the CLI writes `providers.json` in a form of its own.
"""

import shlex

from adapters.client_configs.recipe import Gateway, Recipe, Surroundings
from domain.words import Text


def cline(gateway: Gateway, surroundings: Surroundings) -> Recipe:
    del surroundings
    words = ("cline", "auth", "-p", "openai-compatible", "-k", gateway.key, "-b", gateway.base_url, "-m", gateway.model)
    return Recipe(
        snippet=(
            "# Cline CLI\n"
            f"{shlex.join(words)}\n"
            "\n"
            "# Cline in an editor: Settings\n"
            "#   API Provider: OpenAI Compatible\n"
            f"#   Base URL:     {gateway.base_url}\n"
            f"#   API Key:      {gateway.key}\n"
            f"#   Model ID:     {gateway.model}\n"
        ),
        no_edit=Text(
            "Cline keeps its key in the editor's secret store, or in a file that only its own command should write. "
            "Use the command that is printed without --write, or fill in its settings panel.",
            "Cline 把 key 保存在编辑器的机密存储里，或只应由它自己的命令写入的文件里。"
            "请运行不带 --write 时打印的命令，或在它的设置面板中填写。",
        ),
        notes=(
            Text(
                "Versions of the CLI before 3 call this provider openai: put -p openai in the place of "
                "-p openai-compatible.",
                "3.0 之前的 CLI 把这个提供方叫作 openai：请把 -p openai-compatible 换成 -p openai。",
            ),
        ),
    )
