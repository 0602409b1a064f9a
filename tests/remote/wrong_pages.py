"""What the loopback server answers, by fault, in the place of any page that was asked for."""

from collections.abc import Callable

from fastapi.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

WRONG_PAGES: dict[str, Callable[[], Response]] = {
    "page": lambda: HTMLResponse("<html><body>Welcome to the hotel's network</body></html>"),
    "empty": lambda: Response(""),
    "braces": lambda: JSONResponse({}),
    "list": lambda: JSONResponse({"deployments": ["a", "b"]}),
    "moved": lambda: RedirectResponse("http://example.org/elsewhere?secret=1", 307),
    "gzip": lambda: Response(b"\x1f\x8b", headers={"content-encoding": "gzip"}),
    "long": lambda: StreamingResponse((b"x" * 2**16 for _ in range(4)), 200),
}
