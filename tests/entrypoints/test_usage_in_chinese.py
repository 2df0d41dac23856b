"""Wrong usage is told in Chinese, and nothing of it in English, where that is wanted."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from entrypoints.cli import app
from entrypoints.usage_in_chinese import in_chinese


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("nonsense", "没有命令 nonsense。"),
        ("modles", "没有命令 modles。您要的是不是 models？"),
        ("config gte", "没有命令 gte。您要的是不是 get？"),
        ("chat --bogus", "没有选项 --bogus。"),
        ("chat --modl x", "没有选项 --modl。您要的是不是 --demo 或 --model？"),
        ("chat --model", "选项 --model 需要一个值。"),
        ("chat --json=1", "选项 --json 不能带值。"),
        ("chat how are you", "多余的参数：are you。含有空格的文字请加上引号。"),
        ("serve --port x", "--port 的值有误：必须是整数。"),
        ("ui --port 0", "--port 的值有误：不得小于 1。"),
        ("ui --port 65536", "--port 的值有误：不得大于 65535。"),
        ("status --lang fr", "--lang 的值为 en 或 zh，而不是 'fr'。"),
    ],
)
def test_wrong_usage_is_told_in_chinese_with_exit_code_2(words: str, told: str) -> None:
    result = CliRunner().invoke(app, words.split(), env={"OCA_LANG": "zh"})
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"错误：{told}"
    assert "Error" not in result.stderr
    assert "Usage" not in result.stderr


def test_in_english_typer_tells_it_itself() -> None:
    result = CliRunner().invoke(app, ["nonsense"], env={"OCA_LANG": "en"})
    assert result.exit_code == 2
    assert "Error: No such command 'nonsense'." in result.stderr


def test_a_group_without_a_command_shows_its_help() -> None:
    result = CliRunner().invoke(app, ["config"], env={"OCA_LANG": "zh"})
    assert result.exit_code == 2
    assert "逐步填写 .env" in result.output
    assert "错误" not in result.output


def test_a_question_that_is_none_is_one_line(tmp_path: Path) -> None:
    environ = {"OCA_LANG": "zh", "OCA_ENV_FILE": str(tmp_path / ".env")}
    result = CliRunner().invoke(app, ["chat"], env=environ, input="\n")
    assert (result.exit_code, result.stderr) == (2, '没有问题。请试试：oca chat "你好！"\n')


def test_what_has_no_chinese_yet_stays_english() -> None:
    assert in_chinese("Nobody has said this.") == "Nobody has said this."
