"""Wrong usage told in Chinese: Typer, whose errors are typed as Any here, knows English alone."""

import re
from typing import Any

_USAGE = "用法："
_RULES = tuple(
    (re.compile(pattern, re.DOTALL), told)
    for pattern, told in (
        (r"Missing command\.", "缺少命令。"),
        (r"No such command '(.+)'\. Did you mean (.+)\?", r"没有命令 \1。您要的是不是 \2？"),
        (r"No such command '(.+)'\.", r"没有命令 \1。"),
        (r"No such option: (\S+) \(Possible options: (.+)\)", r"没有选项 \1。您要的是不是 \2？"),
        (r"No such option: (\S+)", r"没有选项 \1。"),
        (r"Option '(.+)' requires an argument\.", r"选项 \1 需要一个值。"),
        (r"Option '(.+)' does not take a value\.", r"选项 \1 不能带值。"),
        (r"Missing (?:argument|option|parameter) '(.+)'\.", r"缺少 \1。"),
        (r"Got unexpected extra argument\(s\) \((.+)\)", r"多余的参数：\1。含有空格的文字请加上引号。"),
        (r"Input should be a valid integer.*", "必须是整数。"),
        (r"Input should be a valid number.*", "必须是数字。"),
        (r"Input should be greater than or equal to (\S+)", r"不得小于 \1。"),
        (r"Input should be less than or equal to (\S+)", r"不得大于 \1。"),
    )
)
_OF_A_VALUE = re.compile(r"Invalid value(?: for (.+?))?: (.+)", re.DOTALL)


def wrong_usage(error: Any) -> str | None:
    """What to print for it; None for what is no fault, but the help in its place."""
    message = str(error.format_message())
    if message.startswith(_USAGE):
        return None
    lines = [f"错误：{in_chinese(message)}"]
    context = error.ctx
    if context is not None:
        lines = [context.get_usage(), f"查看帮助：{context.command_path} {context.help_option_names[0]}", "", *lines]
    return "\n".join(lines)


def in_chinese(message: str) -> str:
    """The Chinese for what Typer says of wrong usage, or the English where there is none yet."""
    of_a_value = _OF_A_VALUE.fullmatch(message)
    if of_a_value is not None:
        name, why = of_a_value.groups()
        return in_chinese(why) if name is None else f"{name.strip(chr(39))} 的值有误：{in_chinese(why)}"
    for pattern, told in _RULES:
        found = pattern.fullmatch(message)
        if found is not None:
            return found.expand(told).replace("'", "").replace(", ", " 或 ")
    return message
