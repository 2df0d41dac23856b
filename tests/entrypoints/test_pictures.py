"""Pictures that go with a question."""

import base64
from pathlib import Path

import pytest

from domain.errors import InvalidRequestError
from entrypoints.pictures import picture

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def test_a_file_goes_as_a_data_url_of_what_its_bytes_say(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(PNG)
    assert picture(str(tmp_path / "photo.jpg")).url == "data:image/png;base64," + base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    "address", ["https://pictures.example/a.png", "HTTP://pictures.example/a", "data:image/png;base64,AA"]
)
def test_an_address_goes_as_it_is(address: str) -> None:
    assert picture(address).url == address


@pytest.mark.parametrize("content", [b"", b"just text", b"%PDF-1.7", b"\x00\x01\x02"])
def test_what_is_no_picture_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thing.bin"
    path.write_bytes(content)
    with pytest.raises(InvalidRequestError) as caught:
        picture(str(path))
    assert "thing.bin is no picture" in caught.value.text.en
    assert "不是可以发送的图片" in caught.value.text.zh


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be read: No such file") as caught:
        picture(str(tmp_path / "none.png"))
    assert "文件或文件夹不存在" in caught.value.text.zh
