"""The comment endpoints of GitHub and Gitea, as their published descriptions have them, in this process.

GitHub (REST API 2022-11-28, "Issue comments"): lists are paged by `per_page` and `page` with a `Link` header; 401 for a bad
token, 403 without User-Agent, 422 for a body over 65,536 characters. Gitea (`issueGetComments`, `issueCreateComment`,
`issueEditComment`, `issueDeleteComment`): a list is whole, with `X-Total-Count`; below `/api/v1`.

`faults` makes single requests go wrong: a list of (method, fault), each used once.
"""

import http.server
import json
import re
import threading
import time
import urllib.parse

TOKEN = "made-up-token-0123456789"
REPOSITORY = "corp/clusters"
PATH = re.compile(r"^(?P<prefix>/api/v1)?/repos/(?P<repo>[^/]+/[^/]+)/issues/(?:(?P<number>\d+)/comments|comments/(?P<id>\d+))$")


class Forge:
    """A forge with one repository and pull request 7; `with Forge("github") as forge:` runs it."""

    def __init__(self, kind, comments=0):
        self.kind = kind
        self.faults = []
        self.requests = []
        self.next_id = 1
        self.comments = {}
        for number in range(comments):
            self.add(f"comment {number}", 2)
        forge = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                try:
                    forge.answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """A connection that a fault cut is no news."""

        self.server = Server(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        host, port = self.server.server_address
        return f"http://{host}:{port}" + ("/api/v1" if self.kind == "gitea" else "")

    def add(self, body, user):
        """A comment as the API shows it."""
        number, self.next_id = self.next_id, self.next_id + 1
        comment = {
            "id": number,
            "html_url": f"https://forge.example/{REPOSITORY}/pulls/7#issuecomment-{number}",
            "issue_url": f"https://forge.example/{REPOSITORY}/issues/7",
            "body": body,
            "user": {"id": user, "login": f"user{user}"},
            "created_at": "2026-01-02T03:04:05Z",
            "updated_at": "2026-01-02T03:04:05Z",
        }
        self.comments[number] = comment
        return comment

    def written(self):
        """Methods and paths of the requests that change something."""
        return [(method, path) for method, path, _ in self.requests if method != "GET"]

    def answer(self, request):
        length = int(request.headers.get("Content-Length") or 0)
        raw = request.rfile.read(length)
        path, _, query = request.path.partition("?")
        self.requests.append((request.command, request.path, request.headers.get("Authorization")))
        fault = next((f for f in self.faults if f[0] == request.command), None)
        if fault:
            self.faults.remove(fault)
            if self.fail(request, fault[1], path, raw):
                return
        self.send(request, *self.route(request, path, urllib.parse.parse_qs(query), raw))

    def fail(self, request, fault, path, raw):
        """Carries out a fault; True when there is nothing more to answer."""
        if isinstance(fault, int):
            self.send(request, fault, {"message": f"made to fail with {fault}"})
        elif isinstance(fault, tuple):
            status, headers, body = fault
            self.send(request, status, body, headers)
        elif fault == "lost":  # carried out, but the answer never arrives
            self.route(request, path, {}, raw)
            request.close_connection = True
        elif fault == "html":
            self.send(request, 200, b"<html>please log in</html>", {"Content-Type": "text/html"})
        elif fault == "huge":
            request.send_response(200)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(200 << 20))
            request.end_headers()
            for _ in range(200):
                request.wfile.write(b" " * (1 << 20))
        elif fault == "slow":
            request.send_response(200)
            request.send_header("Content-Length", "1000")
            request.end_headers()
            for _ in range(50):
                request.wfile.write(b" ")
                request.wfile.flush()
                time.sleep(0.1)
            request.close_connection = True
        else:
            raise ValueError(fault)
        return True

    def route(self, request, path, query, raw):
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials"}
        if self.kind == "github" and not request.headers.get("User-Agent"):
            return 403, {"message": "Request forbidden by administrative rules."}
        if path == ("/api/v1" if self.kind == "gitea" else "") + "/user":
            return 200, {"id": 1, "login": "user1"}
        match = PATH.match(path)
        if not match or match["repo"] != REPOSITORY or bool(match["prefix"]) != (self.kind == "gitea"):
            return 404, {"message": "Not Found"}
        body = None
        if request.command in ("POST", "PATCH"):
            document = json.loads(raw)
            assert request.headers.get("Content-Type") == "application/json" and set(document) == {"body"}
            body = document["body"]
            if len(body) > 65_536:
                return 422, {"message": "Validation Failed", "errors": [{"message": "Body is too long (maximum is 65536 characters)"}]}
        if match["number"]:
            if match["number"] != "7":
                return 404, {"message": "Not Found"}
            if request.command == "POST":
                return 201, self.add(body, 1)
            return self.page(path, query)
        number = int(match["id"])
        if number not in self.comments:
            return 404, {"message": "Not Found"}
        if request.command == "DELETE":
            del self.comments[number]
            return 204, None
        self.comments[number]["body"] = body
        return 200, self.comments[number]

    def page(self, path, query):
        comments = sorted(self.comments.values(), key=lambda comment: comment["id"])
        if self.kind == "gitea":
            return 200, comments, {"X-Total-Count": str(len(comments))}
        size = min(int(query.get("per_page", ["30"])[0]), 100)
        page = int(query.get("page", ["1"])[0])
        last = max(1, -(-len(comments) // size))
        links = []
        if page < last:
            address = f"{self.url}{path}?per_page={size}"
            links = [f'<{address}&page={page + 1}>; rel="next"', f'<{address}&page={last}>; rel="last"']
        return 200, comments[(page - 1) * size : page * size], {"Link": ", ".join(links)} if links else {}

    def send(self, request, status, body=None, headers=()):
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request.send_response(status)
        headers = {"Content-Type": "application/json", **dict(headers)}
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)
