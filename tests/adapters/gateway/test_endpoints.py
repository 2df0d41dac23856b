"""The addresses made from LLM_API_URL."""

import pytest

from adapters.gateway.endpoints import Endpoints


@pytest.mark.parametrize(
    ("api_url", "chat", "embeddings"),
    [
        ("https://a.example/v1/chat/completions", "/v1/chat/completions", "/v1/embeddings"),
        ("https://a.example/v1/chat/completions/", "/v1/chat/completions", "/v1/embeddings"),
        ("https://a.example/v1", "/v1/chat/completions", "/v1/embeddings"),
        ("https://a.example/v1/", "/v1/chat/completions", "/v1/embeddings"),
        ("https://a.example/api/v2beta", "/api/v2beta/chat/completions", "/api/v2beta/embeddings"),
        ("https://a.example", "/chat/completions", "/embeddings"),
        ("https://a.example/llm/ask", "/llm/ask", "/llm/embeddings"),
    ],
)
def test_the_chat_operation_and_its_siblings_are_found_from_any_form(api_url: str, chat: str, embeddings: str) -> None:
    endpoints = Endpoints(api_url)
    assert endpoints.url("chat/completions") == f"https://a.example{chat}"
    assert endpoints.url("embeddings") == f"https://a.example{embeddings}"


def test_a_query_of_the_setting_stays_and_the_callers_is_added() -> None:
    endpoints = Endpoints("https://a.example/v1/chat/completions?api-version=1")
    assert endpoints.url("embeddings") == "https://a.example/v1/embeddings?api-version=1"
    assert endpoints.url("chat/completions", "x=2").endswith("/chat/completions?api-version=1&x=2")
