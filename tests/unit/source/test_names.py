import pytest

from deployzero.errors import SourceError
from deployzero.models.names import parse_app_path


@pytest.mark.parametrize(
    "text", ["hello", "/hello", "hello.git", "/hello.git", "~/hello", "/hello/"]
)
def test_forms_of_one_name(text):
    assert parse_app_path(text) == "hello"


@pytest.mark.parametrize("name", ["a", "9", "a-b", "a" * 50, "a--b"])
def test_good_names(name):
    assert parse_app_path(name) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "..", "../x", "a/../b", "a/b", "//a", "/etc/passwd", "A", "hello\n", "a\0b"),
        *("-a", "a-", "a_b", "a.b", "a" * 51, "api", "~root", "~", "ä", "a b", ".git", "a;b"),
        *("/api.git", "\u0661"),
    ],
)
def test_bad_names_say_what_is_wrong(text):
    with pytest.raises(SourceError) as caught:
        parse_app_path(text)
    assert "\n" not in caught.value.message
    assert "\0" not in caught.value.message
    assert caught.value.hint
