"""Ids of cache mounts: one namespace for the whole engine, so no app may guess another's."""

import hashlib
import hmac


def cache_scope(key: bytes, app: str, owner: str = "") -> str:
    """What the ids of an app's caches begin with: its name, and 16 hex digits of the key's.

    owner: whoever takes an app's name after another does not get its caches.
    """
    digest = hmac.new(key, f"cache/{owner}/{app}".encode(), hashlib.sha256)
    return f"{app}-{digest.hexdigest()[:16]}"
