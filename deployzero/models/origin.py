"""Which site's page sent a request, by what browsers say of it."""

from collections.abc import Mapping


def from_another_site(headers: Mapping[str, str]) -> bool:
    """Of something that is to change; to be led here by a link is another matter.

    headers: found in any case. What is no browser says nothing, and is believed.
    """
    origin = headers.get("Origin")
    foreign = origin is not None and origin.partition("://")[2] != headers.get("Host")
    # "none" is what the person typed or kept: no page can send it.
    return foreign or headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
