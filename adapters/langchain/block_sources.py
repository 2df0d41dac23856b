"""Where LangChain's content blocks, and those of other providers, keep their data."""

from collections.abc import Mapping
from mimetypes import guess_extension
from typing import Any, cast

Block = Mapping[str, Any]


class BlockSource:
    """Where a block keeps its data: LangChain's blocks of today and of before, and Anthropic's `source`."""

    def __init__(self, block: Block) -> None:
        inner: object = block.get("source")
        source: Block = cast("Block", inner) if isinstance(inner, dict) else block
        kind: object = source.get("source_type") if source is block else source.get("type")
        data = source.get("data")
        self._block = block
        self.mime_type: str | None = source.get("mime_type") or source.get("media_type") or block.get("mime_type")
        # LangChain's blocks of before have the words themselves under any of these names.
        places = ("text", "data", "url") if kind == "text" else ("text",) if block.get("type") == "text-plain" else ()
        self.text: str | None = next((each for name in places if isinstance(each := source.get(name), str)), None)
        self.data: str | None = source.get("base64") or (data if isinstance(data, str) and kind != "text" else None)
        self.url: str | None = source.get("url")
        self.file_id: str | None = source.get("file_id") or (source.get("id") if kind == "id" else None)

    def address(self, usual_type: str) -> str:
        """The data as an address. Raises ValueError when there is none."""
        if self.url is not None:
            return self.url
        if self.data is None:
            raise lacks(self._block, "url, base64, file_id")
        return f"data:{self.mime_type or usual_type};base64,{self.data}"

    @property
    def filename(self) -> str | None:
        names = (beside(self._block, key) for key in ("filename", "title", "name"))
        return next((name for name in names if isinstance(name, str) and name), None)

    @property
    def usual_name(self) -> str:
        kind = (self.mime_type or "application/pdf").partition(";")[0]
        return f"document{guess_extension(kind) or ''}"


def beside(block: Block, name: str) -> Any:
    """What a block says beside its data: in itself, in `extras`, or in `metadata`, as it was called before."""
    extras = _object(block, "extras")
    # LangChain moves the `metadata` of its blocks of before into `extras`.
    for place in (block, extras, _object(block, "metadata"), _object(extras, "metadata")):
        if (value := place.get(name)) is not None:
            return value
    return None


def _object(members: Block, name: str) -> Block:
    value: object = members.get(name)
    return cast("Block", value) if isinstance(value, dict) else {}


def lacks(block: Block, names: str) -> ValueError:
    return ValueError(f"A content block of type {block.get('type')!r} holds no data. It needs one of: {names}.")
