"""What a domain may be, and how it is written: lower case, without a dot at its end, in ASCII."""

import ipaddress
import re
import unicodedata

import idna

from deployzero.errors import UsageError

LONGEST = 253
LONGEST_LABEL = 63
LONGEST_TEXT = 1000
"""Characters as they are given: international ones are more than those that they become."""
WILDCARD = "*."
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes browsers read a name as an IP address (WHATWG URL)."""
OWN = ("localhost", "deployzero.internal")
"""Nobody's, with all that is below them: the machine itself, and where the proxy answers."""
TOO_LONG = f"it is longer than {LONGEST} characters"
HINT = "Give just the host's name, as in www.example.com or *.example.com."


def normalise(text: str) -> str:
    """The one form of a domain that is stored, compared and routed.

    International names are converted as IDNA 2008 has it. Raises UsageError with the reason.
    """
    if len(text) > LONGEST_TEXT:  # before anything whose time grows with it
        raise refused(text, TOO_LONG)
    name = text.lower().removesuffix(".")
    if fault := _misunderstood(name):
        raise refused(text, fault)
    wildcard, rest = name.startswith(WILDCARD), name.removeprefix(WILDCARD)
    if "*" in rest:
        raise refused(text, "a '*' stands alone before the first dot, or nowhere")
    labels = [_ascii(label, text) for label in rest.split(".")]
    for label in labels:
        if not LABEL.fullmatch(label):
            raise refused(text, _label_fault(label))
    if NUMBER.fullmatch(labels[-1]):
        raise refused(text, "an IP address or a number is no domain")
    if len(labels) < 2:
        raise refused(
            text, "at least two names with a dot between are needed" + " after '*.'" * wildcard
        )
    name = WILDCARD * wildcard + ".".join(labels)
    if len(name) > LONGEST:
        raise refused(text, TOO_LONG)
    return name


def shown(name: str) -> str:
    """A normalised domain in its own letters."""
    labels = []
    for label in name.split("."):
        try:
            labels.append(idna.decode(label) if label.startswith("xn--") else label)
        except idna.IDNAError:
            labels.append(label)
    return ".".join(labels)


def covering(name: str) -> str:
    """The wildcard that a name is right below: `*.example.com` for `www.example.com`."""
    return WILDCARD + name.partition(".")[2]


def covers(wildcard: str, name: str) -> bool:
    """Whether the first is a wildcard and the second an exact name right below it."""
    exact = not name.startswith(WILDCARD)
    return exact and wildcard.startswith(WILDCARD) and covering(name) == wildcard


def is_at_or_below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def refused(text: str, why: str) -> UsageError:
    return UsageError(f"bad domain {text[:80]!a}: {why}", HINT)


def _misunderstood(name: str) -> str:
    """Why it is no host name at all; '' if it may be one."""
    if not name:
        return "it is empty"
    if "://" in name:
        return "a scheme (https://) is no part of it"
    if _is_address(name):
        return "an IP address is no domain"
    for char, what in (("/", "a path"), (":", "a port"), ("@", "a user's name")):
        if char in name:
            return f"{what} is no part of it"
    if any(char.isspace() or not char.isprintable() for char in name):
        return "it has blanks or control characters in it"
    if found := next((char for char in name if char in "`'\"{}()|&\\"), ""):
        return f"it has a {found} in it"
    return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _ascii(label: str, text: str) -> str:
    if len(label) > LONGEST_LABEL:  # decoding takes time in the square of it
        raise refused(text, _label_fault(label))
    if label.isascii():
        if label.startswith("xn--") and not _is_punycode(label):
            raise refused(text, f"{label[:70]} is no international name")
        return label
    try:
        return idna.alabel(unicodedata.normalize("NFC", label)).decode()
    except idna.IDNAError as error:
        raise refused(text, f"{error}"[:120]) from error


def _is_punycode(label: str) -> bool:
    """Whether it stands for letters that ASCII has not, written in the one way there is."""
    try:
        letters = label.removeprefix("xn--").encode().decode("punycode")
        again = letters.encode("punycode").decode()
    except (UnicodeError, OverflowError):
        return False
    return not letters.isascii() and f"xn--{again}" == label


def _label_fault(label: str) -> str:
    if not label:
        return "there is nothing between two dots"
    if len(label) > LONGEST_LABEL:
        return f"a name between two dots is longer than {LONGEST_LABEL} characters"
    if label.startswith("-") or label.endswith("-"):
        return "a name begins or ends with '-'"
    return "only letters, digits and '-' are allowed"
