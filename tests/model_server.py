"""A server as of a model on the user's network: speaks the completion protocol, and has one reply. Run as a program.

    python tests/model_server.py LOG REPLY [CERTIFICATE KEY]

Listens on a port of 127.0.0.1 that it prints first, or ends where that cannot be reached. Each request goes to LOG as a
line of JSON. A REPLY that begins with http:// is a way to another place.
"""

import json
import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOG, REPLY, *TLS = sys.argv[1:]


class Handler(BaseHTTPRequestHandler):
    """One completion after the other."""

    def do_POST(self) -> None:
        """Write the request down, and reply in pieces of five characters."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with Path(LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"path": self.path, "headers": dict(self.headers), "body": body}) + "\n")
        if REPLY.startswith("http://"):
            self.send_response(307)
            self.send_header("Location", REPLY)
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        for place in range(0, len(REPLY), 5):
            event = {"choices": [{"index": 0, "delta": {"content": REPLY[place : place + 5]}}]}
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if TLS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*TLS)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    try:
        socket.create_connection(("127.0.0.1", server.server_address[1])).close()
    except OSError:
        sys.exit()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
