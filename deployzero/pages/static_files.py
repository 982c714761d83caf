"""/assets: one stylesheet, one script, one icon; each by an address of its contents' own."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "assets"
TYPES = {
    "style.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "favicon.svg": "image/svg+xml",
}
CONTENTS = {name: (FOLDER / name).read_bytes() for name in TYPES}
HASHES = {name: hashlib.sha256(body).hexdigest()[:16] for name, body in CONTENTS.items()}


def url_of(name: str) -> str:
    return f"/assets/{name}?v={HASHES[name]}"


async def serve(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in CONTENTS:
        return Response("There is no such file.\n", 404, media_type="text/plain")
    tag = f'"{HASHES[name]}"'
    known = request.query_params.get("v") == HASHES[name]
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if known else "no-cache",
        "ETag": tag,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'",
    }
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(CONTENTS[name], media_type=TYPES[name], headers=headers)


ROUTES = (Route("/assets/{name}", serve, methods=["GET"], include_in_schema=False),)
