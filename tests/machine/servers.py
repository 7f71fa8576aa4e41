"""Small servers and clients that run inside a machine: they ask for a password."""

from __future__ import annotations

# The protocol's own words: https://www.postgresql.org/docs/current/protocol-message-formats.html
POSTGRESQL = r"""
import socket, struct, sys

def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body

server = socket.create_server(("127.0.0.1", 5432))
while True:
    client, _ = server.accept()
    with client, client.makefile("rwb") as wire:
        while True:
            size, = struct.unpack("!I", wire.read(4))
            start = wire.read(size - 4)
            if start[:4] != struct.pack("!I", 80877103):  # it asks for TLS first
                break
            wire.write(b"N"); wire.flush()
        wire.write(message(b"R", struct.pack("!I", 3))); wire.flush()  # a password, as it is
        kind = wire.read(1)
        if not kind:  # psql goes away to ask its user, and comes again
            continue
        size, = struct.unpack("!I", wire.read(4))
        given = wire.read(size - 4).rstrip(b"\0").decode()
        if given != sys.argv[1]:
            wire.write(message(b"E", b"SFATAL\0VFATAL\0C28P01\0Mrefused\0\0")); wire.flush()
            continue
        ready = message(b"Z", b"I")
        wire.write(message(b"R", struct.pack("!I", 0)) + ready); wire.flush()
        while wire.read(1) == b"Q":
            size, = struct.unpack("!I", wire.read(4)); wire.read(size - 4)
            column = b"answer\0" + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0)
            row = struct.pack("!hi", 1, 6) + b"let in"
            wire.write(message(b"T", struct.pack("!h", 1) + column) + message(b"D", row))
            wire.write(message(b"C", b"SELECT 1\0") + ready); wire.flush()
"""

FTP = r"""
import getpass, hashlib, os, sys

tty = os.open("/dev/tty", os.O_RDWR)
def tell(text):
    os.write(tty, text.encode())
tell("Name (localhost:alice): ")
name = os.read(tty, 100).decode().strip()
for _attempt in range(int(sys.argv[2])):
    given = getpass.getpass("Password:")
    if hashlib.sha256(given.encode()).hexdigest() == sys.argv[1]:
        tell("230 Login successful, " + name + ".\n")
        sys.exit(9)
    tell("530 Login incorrect.\n")
sys.exit(1)
"""

# git http-backend(1) behind the least that CGI needs, and basic authentication.
GIT = r"""
import base64, http.server, os, subprocess, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        password = open("/run/git-password").read()
        expected = "Basic " + base64.b64encode(b"alice:" + password.encode()).decode()
        given = self.headers.get("Authorization")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if given != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="a test"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        cgi = subprocess.run(
            ["git", "http-backend"], input=body, stdout=subprocess.PIPE, check=True,
            env={**os.environ, "GIT_PROJECT_ROOT": "/srv/git", "GIT_HTTP_EXPORT_ALL": "1",
                 "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                 "REMOTE_USER": "alice", "CONTENT_LENGTH": str(len(body)),
                 "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                 "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                 "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")},
        ).stdout
        head, _, content = cgi.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_words):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""
FILES = {
    "/opt/postgresql.py": POSTGRESQL.encode(),
    "/opt/ftp.py": FTP.encode(),
    "/opt/git.py": GIT.encode(),
}
