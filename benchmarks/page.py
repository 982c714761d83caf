"""What a URL answers right now, asked again and again over one connection."""

import http.client
import threading
import time

INTERVAL = 0.010
"""Seconds between two questions."""


class Page:
    def __init__(self, address: str, port: int, host: str = "") -> None:
        self._connection = http.client.HTTPConnection(address, port, timeout=5)
        self._headers = {"Host": host} if host else {}

    def text(self) -> str:
        """Its body; empty when nothing answers with 200."""
        try:
            self._connection.request("GET", "/", headers=self._headers)
            answer = self._connection.getresponse()
            body = answer.read().decode(errors="replace")
            return body if answer.status == 200 else ""
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return ""

    def wait(
        self,
        text: str,
        limit: float,
        stop: threading.Event | None = None,
        interval: float = INTERVAL,
    ) -> float:
        """Ask until the body is this text; the `time.monotonic()` of that answer.

        Raises TimeoutError after `limit` seconds, or when `stop` is set.
        """
        deadline = time.monotonic() + limit
        due = time.monotonic()
        try:
            while not (stop and stop.is_set()) and time.monotonic() < deadline:
                if self.text() == text:
                    return time.monotonic()
                due = max(due + interval, time.monotonic())
                time.sleep(max(0.0, due - time.monotonic()))
        finally:
            self._connection.close()
        raise TimeoutError(f"the page did not become '{text}' within {limit:.0f} s")
