"""A fake CRM as a server on loopback, for commands that run as processes of their own."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx


@contextmanager
def served(crm):
    """Serve *crm*, one request after the other, and give the URL of its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("content-length") or 0)
            url = f"http://{crm.host}{self.path}"
            headers, content = dict(self.headers), self.rfile.read(length)
            request = httpx.Request(self.command, url, headers=headers, content=content)
            answer = asyncio.run(crm.handle_async_request(request))
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET  # noqa: N815 - the library's

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)
