"""Pagination by cursor: a list is a plain array, and `Link` names the next page (RFC 8288)."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Query, Request, Response

from deployzero.errors import UsageError
from deployzero.models.number import parse_number

T = TypeVar("T")


class Numbered(Protocol):
    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)
MOST, DEFAULT = 200, 50


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list is asked for."""

    limit: int
    after: str
    """What the last page ended with; empty: the first page."""
    request: Request
    response: Response

    @property
    def after_number(self) -> int | None:
        """For lists that go by a number. Raises UsageError."""
        if not self.after:
            return None
        if (number := parse_number(self.after)) is None:
            raise _bad()
        return number

    def by_id(self, found: Sequence[Row]) -> list[Row]:
        """The page out of all that there are, the lowest id first. Raises UsageError."""
        after = self.after_number or 0
        return self.of([each for each in found if each.id > after], lambda each: each.id)

    def of(self, found: Sequence[T], key: Callable[[T], object]) -> list[T]:
        """The page out of `limit + 1` items, told by Link that there are more.

        key: what of an item the cursor holds, to go on behind it.
        """
        page = list(found[: self.limit])
        if len(found) > self.limit:
            url = self.request.url.include_query_params(
                cursor=_sealed(str(key(page[-1]))), limit=self.limit
            )
            # Without host: behind a proxy another one may be right.
            self.response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return page


async def _page(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=MOST)] = DEFAULT,
    cursor: Annotated[str, Query(max_length=300, description="From the header Link.")] = "",
) -> Page:
    return Page(limit, _opened(cursor), request, response)


CurrentPage = Annotated[Page, Depends(_page)]


def _sealed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _opened(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = base64.b64decode(padded.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise _bad() from error
    return found


def _bad() -> UsageError:
    return UsageError("the cursor is none of ours", "Take it from the header Link, as it is.")
