import json

import pytest

from deployzero.logs.redaction import REDACTED, redaction

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEF\nab==\n-----END KEY-----\n"


@pytest.mark.parametrize(
    "value",
    [
        "hunter2hunter2",
        "correcthorse",
        "s3cr3t-value",
        "https://hooks.example.com/T0/B0/x",
        "+/=.*[x](y)?",
    ],
)
def test_a_value_long_enough_to_be_a_secret_is_redacted(value: str) -> None:
    assert redaction([value])(f"token={value}!") == f"token={REDACTED}!"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "true",
        "short",
        "production",
        "PRODUCTION",
        "development",
        "en_US.UTF-8",
        "2026-01-01",
        "127.0.0.1",
        "/app/node_modules/.bin",
        "mysite.settings.production",
        "app.example.com",
        "http://hello.localhost:8080",
    ],
)
def test_everyday_values_are_let_through(value: str) -> None:
    assert redaction([value])(f"is {value} here") == f"is {value} here"


@pytest.mark.parametrize("value", ["abc", "8675309", "app.example.com", "/a/path"])
def test_a_marked_value_is_redacted_whatever_its_form(value: str) -> None:
    assert redaction(marked=[value])(f"is {value} here") == f"is {REDACTED} here"


@pytest.mark.parametrize("value", ["", " ", "1", "true", "production"])
def test_a_marked_value_that_would_erase_the_log_is_let_through(value: str) -> None:
    assert redaction(marked=[value])("a 1 true production 1") == "a 1 true production 1"


def test_each_line_of_a_secret_of_several_is_redacted() -> None:
    redact = redaction([PEM])
    for line in ("MIIEvQIBADANBgkq", "hkiG9w0BAQEF"):
        assert redact(f"key: {line}") == f"key: {REDACTED}"


def test_a_secret_of_several_lines_is_redacted_as_json_too() -> None:
    assert "hkiG9w" not in redaction([PEM])(json.dumps({"key": PEM}))
    assert "ab==" not in redaction([PEM])(json.dumps({"key": PEM}))


def test_the_password_in_a_url_is_redacted_alone_too() -> None:
    redact = redaction(["postgres://app:p%40ssword@db/app"])
    assert redact("cannot sign in with p@ssword") == f"cannot sign in with {REDACTED}"
    assert redact("p%40ssword") == REDACTED


def test_of_two_secrets_the_longer_goes_first() -> None:
    assert redaction(["secretsecret", "secretsecret-and-more"])("secretsecret-and-more") == REDACTED


def test_a_value_that_is_no_url_is_no_error() -> None:
    assert redaction(["http://[not-a-url"])("x http://[not-a-url") == f"x {REDACTED}"
