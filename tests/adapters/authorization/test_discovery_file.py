"""The memory of authorization servers beside `.env`."""

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.authorization.discovery_file import FileServerMemory, discovery_file_of
from domain.errors import TokenStoreError
from domain.server_metadata import Endpoints, Person, RememberedServer, ServerMetadata
from tests.fakes.world import NOON

ADDRESS = "https://as.example"
MEMORY = RememberedServer(
    asked_at=NOON,
    source=f"{ADDRESS}/.well-known/openid-configuration",
    metadata=ServerMetadata(
        issuer=ADDRESS,
        endpoints=Endpoints(authorization=f"{ADDRESS}/auth", token=f"{ADDRESS}/token"),
        names_itself=True,
    ),
    token_endpoint=f"{ADDRESS}/token",
    person=Person(subject="u1", name="阿达", email="ada@example.com"),
)


@pytest.fixture
def memory(tmp_path: Path) -> FileServerMemory:
    (tmp_path / ".env").touch(mode=0o600)
    return FileServerMemory(env_file=tmp_path / ".env")


def test_what_is_remembered_is_recalled_by_every_process(memory: FileServerMemory, tmp_path: Path) -> None:
    assert memory.recall(ADDRESS) == RememberedServer()
    memory.remember(ADDRESS, MEMORY)
    memory.remember("https://other.example", RememberedServer(asked_at=NOON, source="s"))
    again = FileServerMemory(env_file=tmp_path / ".env")
    assert again.recall(ADDRESS) == MEMORY
    assert again.recall("https://other.example").metadata is None
    assert again.recall("https://third.example") == RememberedServer()


def test_the_file_stands_beside_the_real_env_and_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / ".env").touch()
    (tmp_path / "link").symlink_to(folder / ".env")
    FileServerMemory(env_file=tmp_path / "link").remember(ADDRESS, MEMORY)
    path = folder / ".env.discovery"
    assert discovery_file_of(tmp_path / "link") == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(each.name for each in folder.iterdir()) == [".env", ".env.discovery"]


@pytest.mark.skipif(os.name == "nt", reason="no modes there")
def test_a_file_that_others_can_write_is_not_believed(memory: FileServerMemory, tmp_path: Path) -> None:
    memory.remember(ADDRESS, MEMORY)
    (tmp_path / ".env.discovery").chmod(0o666)
    assert memory.recall(ADDRESS) == RememberedServer()


def test_an_address_without_tls_is_not_believed(memory: FileServerMemory, tmp_path: Path) -> None:
    memory.remember(ADDRESS, MEMORY)
    path = tmp_path / ".env.discovery"
    document = json.loads(path.read_text())
    document["servers"][ADDRESS]["token_endpoint"] = "http://evil.example/token"
    document["servers"][ADDRESS]["metadata"]["endpoints"]["token"] = "http://evil.example/token"
    path.write_text(json.dumps(document))
    recalled = memory.recall(ADDRESS)
    assert recalled.token_endpoint is None
    assert recalled.metadata is not None
    assert recalled.metadata.endpoints.token is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.text() | st.sampled_from(["servers", ADDRESS, "metadata", "person"]),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["servers", ADDRESS, "metadata"]), inner),
    ).map(lambda document: json.dumps(document).encode())
)
def test_a_damaged_file_is_an_empty_memory(memory: FileServerMemory, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / ".env.discovery"
    path.write_bytes(data)
    path.chmod(0o600)
    recalled = memory.recall(ADDRESS)
    assert recalled.token_endpoint is None
    memory.remember(ADDRESS, MEMORY)
    assert memory.recall(ADDRESS) == MEMORY


def test_a_time_without_its_offset_counts_as_none(memory: FileServerMemory, tmp_path: Path) -> None:
    path = tmp_path / ".env.discovery"
    path.write_text(json.dumps({"servers": {ADDRESS: {"asked_at": "2026-01-02T12:00:00"}}}))
    path.chmod(0o600)
    assert memory.recall(ADDRESS).asked_at is None


def test_of_many_servers_the_latest_are_kept(memory: FileServerMemory) -> None:
    for number in range(25):
        memory.remember(f"https://as{number}.example", MEMORY)
    assert memory.recall("https://as4.example") == RememberedServer()
    assert memory.recall("https://as5.example") == MEMORY


def test_what_cannot_be_written_is_told_with_the_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    memory = FileServerMemory(env_file=tmp_path / ".env")
    (tmp_path / ".env.discovery").mkdir()
    with pytest.raises(TokenStoreError, match=r"could not be written to .*\.env\.discovery") as caught:
        memory.remember(ADDRESS, MEMORY)
    assert "无法" in caught.value.text.zh
    assert [each.name for each in tmp_path.iterdir()] == [".env.discovery"]
    with pytest.raises(TokenStoreError):
        FileServerMemory(env_file=tmp_path / "none" / ".env").remember(ADDRESS, MEMORY)
