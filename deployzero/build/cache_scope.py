"""Ids of cache mounts: one namespace for the whole engine, so no app may guess another's."""

import hashlib
import hmac


def cache_scope(key: bytes, owner: str) -> str:
    """What the ids of an app's caches begin with: 24 hex digits of the key's.

    owner: the project's id, which follows the app over a rename, and which no app gets after
    another, as it may get its name.
    """
    digest = hmac.new(key, f"cache/{owner}".encode(), hashlib.sha256)
    return digest.hexdigest()[:24]
