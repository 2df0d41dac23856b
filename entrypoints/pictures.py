"""Pictures that go with a question: files and addresses, as the command line names them."""

from pathlib import Path

from adapters.chat_ui.attachments import AttachmentError, attach
from domain.chat import ImagePart
from domain.errors import InvalidRequestError
from domain.system_words import system_words
from domain.words import Text


def picture(source: str) -> ImagePart:
    """The picture in a file, or at an http(s) address, which the upstream fetches. Raises InvalidRequestError."""
    if source.lower().startswith(("https://", "http://", "data:image/")):
        return ImagePart(url=source)
    path = Path(source).expanduser()
    try:
        part = attach(path.name, "", path.read_bytes()).part
    except OSError as error:
        why = system_words(error)
        raise InvalidRequestError(Text(f"{path} cannot be read: {why.en}.", f"无法读取 {path}：{why.zh}。")) from error
    except AttachmentError as error:
        raise _no_picture(path) from error
    if not isinstance(part, ImagePart):
        raise _no_picture(path)
    return part


def _no_picture(path: Path) -> InvalidRequestError:
    return InvalidRequestError(
        Text(
            f"{path} is no picture that can be sent: PNG, JPEG, GIF or WebP, of at most 20 MB. Send text on standard "
            "input instead.",
            f"{path} 不是可以发送的图片：仅支持不超过 20 MB 的 PNG、JPEG、GIF 或 WebP。文本请通过标准输入发送。",
        )
    )
