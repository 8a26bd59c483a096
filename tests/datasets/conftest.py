"""A real HTTP server on the loopback interface, good or bad as a test asks."""

import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Mirror:
    """Serves ``files``; the other attributes make it misbehave."""

    def __init__(self):
        self.files, self.requests = {}, []
        self.cut_at, self.pause_seconds, self.ranges = None, 0.0, True
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.serve(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, handler):
        content, wanted = self.files.get(handler.path[1:]), handler.headers.get("Range")
        self.requests.append((handler.path[1:], wanted))
        if content is None:
            handler.send_error(404)
            return
        start = int(re.match(r"bytes=(\d+)-", wanted).group(1)) if wanted and self.ranges else 0
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start : self.cut_at])
        handler.wfile.flush()
        time.sleep(self.pause_seconds)
        handler.close_connection = True


@pytest.fixture
def mirror():
    mirror = Mirror()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
