import asyncio
import json
import random
import string
import time

import pytest

from deployzero.errors import SettingsError
from deployzero.logs import redaction as module
from deployzero.logs.redaction import REDACTED, Redact, redaction
from deployzero.logs.redactions import MOST_KEPT, Redactions

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


def test_a_longer_secret_goes_first_in_another_portion_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PORTION", 1)
    redact = redaction(["tsecret-", "secretsecret", "secretsecret-and-more"])
    assert redact("a secretsecret-and-more, secretsecret") == f"a {REDACTED}, {REDACTED}"


def test_what_is_no_utf_8_is_no_error() -> None:
    assert (
        redaction(["hunter2\udc80hunter2"])("is hunter2\udc80hunter2 \udcff") == f"is {REDACTED} ?"
    )


def test_half_a_megabyte_of_secrets_takes_no_time_to_speak_of() -> None:
    letters = random.Random(1)
    lines = ["".join(letters.choices(string.ascii_letters, k=8)) for _ in range(58_000)]
    values = ["\n".join([*lines[n::500], "end"]) for n in range(500)]
    near_misses = "".join(f"{line[:7]}!" for line in lines)[:65_536]
    begun = time.process_time()
    redact = redaction(values)
    assert redact(near_misses) == near_misses
    assert redact(f"{lines[0]} {lines[-1]}") == f"{REDACTED} {REDACTED}"
    assert time.process_time() - begun < 2


async def test_a_redaction_is_made_once_for_all_who_ask() -> None:
    redactions, made = Redactions(), []

    def make() -> Redact:
        made.append(1)
        return redaction(["hunter2hunter2"])

    found = await asyncio.gather(*(redactions.get(1, make) for _ in range(50)))
    assert len(made) == 1
    assert {redact("hunter2hunter2") for redact in found} == {REDACTED}
    for other in range(MOST_KEPT):
        await redactions.get(2 + other, make)
    await redactions.get(1, make)  # it had to make room
    assert len(made) == MOST_KEPT + 2


async def test_what_cannot_be_made_is_asked_for_again() -> None:
    redactions = Redactions()

    def broken() -> Redact:
        raise SettingsError("secret.key does not fit")

    for _ in range(2):
        with pytest.raises(SettingsError):
            await redactions.get(1, broken)
    assert (await redactions.get(1, redaction))("a line") == "a line"
