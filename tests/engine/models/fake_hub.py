"""A hub of our own on loopback: serves folders as repositories, as slowly and as unkindly as a test wants."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from huggingface_hub import constants

REVISION = "0123456789abcdef0123456789abcdef01234567"
CHUNK = 16_384


@dataclass
class FakeHub:
    """What is served and how; `sent` names each file whose bytes were asked for."""

    repositories: dict[str, Path] = field(default_factory=dict)
    datasets: dict[str, str] = field(default_factory=dict)
    """Names of datasets, and the commit that each stands at; they have no files."""
    gated: set[str] = field(default_factory=set)
    seconds_per_chunk: float = 0.0
    broken: int | None = None
    """A status to answer everything with."""
    sent: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    """What came as bearer tokens."""
    url: str = ""


def _info(name: str, folder: Path, gated: bool) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    siblings = [{"rfilename": path.relative_to(folder).as_posix(), "size": path.stat().st_size} for path in files]
    return {
        "id": name,
        "modelId": name,
        "sha": REVISION,
        "downloads": 1234,
        "gated": "manual" if gated else False,
        "pipeline_tag": "text-generation",
        "private": False,
        "tags": [],
        "likes": 1,
        "siblings": siblings,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        hub, address = self.hub, urlsplit(self.path)
        path = unquote(address.path)
        if given := self.headers.get("authorization"):
            hub.tokens.add(given.removeprefix("Bearer "))
        if hub.broken:
            self._json({"error": "broken"}, hub.broken)
        elif path == "/api/models":
            asked = parse_qs(address.query).get("search", [""])[0]
            self._json(
                [_info(name, folder, name in hub.gated) for name, folder in hub.repositories.items() if asked in name]
            )
        elif path.startswith("/api/models/"):
            self._describe(path.removeprefix("/api/models/"))
        elif (name := path.removeprefix("/api/datasets/").partition("/revision/")[0]) in hub.datasets:
            self._json({"id": name, "sha": hub.datasets[name], "private": False, "tags": [], "siblings": []})
        elif "/resolve/" in path:
            name, _, rest = path.removeprefix("/").partition("/resolve/")
            self._file(name, rest.partition("/")[2], body)
        else:
            self._json({"error": "Repository not found"}, 404, "RepoNotFound")

    def _describe(self, path: str) -> None:
        name = path.partition("/revision/")[0].partition("/tree/")[0]
        if name not in self.hub.repositories:
            self._json({"error": "Repository not found"}, 404, "RepoNotFound")
        elif "/tree/" in path:
            folder = self.hub.repositories[name]
            files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
            self._json(
                [
                    {
                        "type": "file",
                        "path": file.relative_to(folder).as_posix(),
                        "size": file.stat().st_size,
                        "oid": _etag(file),
                    }
                    for file in files
                ]
            )
        else:
            self._json(_info(name, self.hub.repositories[name], name in self.hub.gated))

    def _file(self, name: str, file: str, body: bool) -> None:
        hub = self.hub
        if name in hub.gated:
            self._json({"error": "gated"}, 403, "GatedRepo")
            return
        path = hub.repositories.get(name, Path("nowhere")) / file
        if not path.is_file():
            self._json({"error": "Entry not found"}, 404, "EntryNotFound")
            return
        size, start = path.stat().st_size, 0
        if asked := self.headers.get("range"):
            start = int(asked.removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{_etag(path)}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(size - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        if not body:
            return
        hub.sent.append(file)
        with path.open("rb") as source:
            source.seek(start)
            while chunk := source.read(CHUNK):
                try:
                    self.wfile.write(chunk)
                except (BrokenPipeError, ConnectionResetError):
                    return
                time.sleep(hub.seconds_per_chunk)

    def _json(self, value: Any, status: int = 200, code: str = "") -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)


def _etag(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Serve until the block ends."""
    hub = FakeHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def our_hub(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[FakeHub]:
    """A hub that this process uses, with a cache of its own, though tests are offline otherwise."""
    with fake_hub() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(cache))
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        # Read from the environment when the client was imported.
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield served
