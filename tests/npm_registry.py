"""A small npm registry on loopback."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class _Registry(SimpleHTTPRequestHandler):
    """What npm asks of a registry: the description of a package, then its archive."""

    def __init__(self, *arguments: object, archives: Mapping[str, bytes], **more: object) -> None:
        self._archives = archives
        super().__init__(*arguments, **more)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        name = unquote(self.path).strip("/").removesuffix(".tgz")
        archive = self._archives.get(name)
        if archive is None:
            self.send_error(404)
        elif self.path.endswith(".tgz"):
            self._answer(archive, "application/octet-stream")
        else:
            self._answer(json.dumps(self._described(name, archive)).encode(), "application/json")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args

    def _described(self, name: str, archive: bytes) -> dict[str, object]:
        host, port = self.server.server_address[:2]
        where = f"http://{host!s}:{port}/{name}.tgz"
        version = {"name": name, "version": "1.0.0", "dist": {"tarball": where, "shasum": _sha1(archive)}}
        return {"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}

    def _answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@contextmanager
def npm_registry(archives: Mapping[str, bytes]) -> Iterator[str]:
    """Address of a registry that has version 1.0.0 of these packages, by name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Registry, archives=archives))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
