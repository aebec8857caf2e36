"""A real HTTP server on this machine that answers as the test tells it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Action = Callable[[BaseHTTPRequestHandler], None]


class FileServer:
    """Serves the files of a folder with ranges and entity tags, slowly if wanted, and counts what it is asked for."""

    def __init__(self, folder: Path, pause_s: float = 0.0, chunk: int = 1 << 16, port: int = 0) -> None:
        self.asked: list[tuple[str, str]] = []
        """Path and Range header of each request."""
        self.pause_s, self.chunk = pause_s, chunk
        self.refuse_first = 0
        """Requests that are answered with 503 before the first file is served."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Range", "")))
                outer.answer(self, folder / self.path.lstrip("/"))

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test's output clean."""

        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, path: Path) -> None:
        if len(self.asked) <= self.refuse_first or not path.is_file():
            handler.send_response(503 if len(self.asked) <= self.refuse_first else 404)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        content, tag = path.read_bytes(), f'"{path.stat().st_mtime_ns:x}"'
        wanted, start = handler.headers.get("Range", ""), 0
        if wanted and handler.headers.get("If-Range", tag) == tag:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) - start))
        handler.send_header("ETag", tag)
        handler.end_headers()
        try:
            for at in range(start, len(content), self.chunk):
                handler.wfile.write(content[at : at + self.chunk])
                handler.wfile.flush()
                time.sleep(self.pause_s)
        except OSError:
            handler.close_connection = True

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
