"""HTML where JSON was due, told by its title."""

import pytest

from domain.pages import html_instead_of_json, is_page, page_told


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE html><p>", b"\xef\xbb\xbf <html>", b"<!-- x --><HEAD>", b"<title>x</title>", b"  <body>"]
)
def test_a_page_is_known_by_its_beginning(body: bytes) -> None:
    assert is_page(body)


@pytest.mark.parametrize("body", [b"", b"{}", b"html", b"<xml>", b"Not <html>"])
def test_nothing_else_is_a_page(body: bytes) -> None:
    assert not is_page(body)


def test_a_title_is_one_harmless_line() -> None:
    told = page_told(b"<html><title>\n Sign&nbsp;in \x1b[31m Bearer abcdef123456 </title>")
    assert "Sign" in told.en
    assert "\x1b" not in told.en + told.zh
    assert "abcdef123456" not in told.en + told.zh
    assert len(page_told(b"<title>" + b"x" * 1900 + b"</title>").en) < 120


def test_a_page_without_a_title_is_told_too() -> None:
    error = html_instead_of_json(b"<html></html>", status=200)
    assert "status 200 and an HTML page where JSON was due" in error.text.en
    assert "状态码 200 和一个 HTML 页面，而非应有的 JSON" in error.text.zh
