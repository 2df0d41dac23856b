"""HTTP values."""

from domain.http import HttpRequest, HttpResponse


def test_an_added_header_takes_the_place_of_all_of_its_name_whatever_the_case() -> None:
    request = HttpRequest(method="GET", url="https://a", headers=(("AUTHORIZATION", "x"), ("A", "1"), ("a", "2")))
    assert request.authorized("t").headers == (("A", "1"), ("a", "2"), ("Authorization", "Bearer t"))


def test_a_header_is_found_without_regard_to_case_and_the_first_one_counts() -> None:
    response = HttpResponse(status=200, headers=(("Retry-After", "1"), ("retry-after", "2")))
    assert response.header("RETRY-AFTER") == "1"
    assert response.header("absent") is None
