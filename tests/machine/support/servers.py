"""Small servers and clients that run inside a machine: they ask for a password."""

from __future__ import annotations

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
    "/opt/git.py": GIT.encode(),
}
