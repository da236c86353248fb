"""Real HTTP servers on the loopback that keep comments as GitHub's and GitLab's APIs are documented to."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """A response: JSON, or text as it is."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class ForgeServer:
    """What both have in common.

    Attributes:
        comments: all there are; each with ``id``, ``by`` (a name, or None) and ``body``.
        tokens: who a token belongs to, and whether it may write.
        requests: method and path of each, in order.
        react: gives the reply to a request where a test wants another; None is the documented one.
    """

    most, usual = 100, 30

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.tokens: dict[str, tuple[str, bool]] = {}
        self.requests: list[tuple[str, str]] = []
        self.react: Callable[[str, str], Reply | None] = lambda _method, _path: None
        forge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                forge.requests.append((self.command, self.path))
                reply = forge.react(self.command, self.path)
                reply = reply or forge.reply(self.command, self.path, self.headers, json.loads(body) if body else {})
                encoded = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
                self.send_response(reply.status)
                for name, value in ({"Content-Length": str(len(encoded))} | reply.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(encoded)

            do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815 - the server looks for these names

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def say(self, by: str | None, body: str) -> int:
        """Somebody's comment; returns its number."""
        self.comments.append({"id": 1000 + len(self.comments), "by": by, "body": body})
        return self.comments[-1]["id"]

    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.comments]

    def reply(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> Reply:
        raise NotImplementedError

    def page(self, path: str, rows: list[Any]) -> Reply:
        """One page of a list, and the address of the next in the header Link (RFC 8288)."""
        query = parse_qs(urlsplit(path).query)
        size = min(int(query.get("per_page", [self.usual])[0]), self.most)
        at = int(query.get("page", [1])[0])
        more = at * size < len(rows)
        link = f'<{self.url}{urlsplit(path).path}?per_page={size}&page={at + 1}>; rel="next"'
        return Reply(200, rows[(at - 1) * size : at * size], {"Link": link} if more else {})

    def edit(self, number: str, body: dict[str, Any], missing: str) -> Reply:
        for comment in self.comments:
            if comment["id"] == int(number):
                comment["body"] = body["body"]
                return Reply(200, self.shown(comment))
        return Reply(404, {"message": missing})

    def shown(self, comment: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


class GitHub(ForgeServer):
    """The pull request 7 of o/r."""

    def environment(self, event: Any) -> dict[str, str]:
        """What GitHub Actions sets; ``event`` is the file of the event."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.url,
            "GITHUB_GRAPHQL_URL": f"{self.url}/graphql",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_RUN_ID": "99",
            "GITHUB_EVENT_PATH": str(event),
        }

    def reply(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> Reply:
        login, may_write = self.tokens.get(headers.get("Authorization", "").removeprefix("Bearer "), ("", False))
        if not login:
            return Reply(401, {"message": "Bad credentials", "status": "401"})
        if (method, path, body.get("query")) == ("POST", "/graphql", "{viewer{login}}"):
            return Reply(200, {"data": {"viewer": {"login": login}}})
        if path == "/user":  # what a job's own token gets
            return Reply(403, {"message": "Resource not accessible by integration"})
        if method != "GET" and not may_write:
            return Reply(403, {"message": "Resource not accessible by integration", "status": "403"})
        if len(body.get("body", "")) > 65_536:
            return Reply(422, {"message": "Validation Failed: body is too long (maximum is 65536 characters)"})
        if method == "GET" and urlsplit(path).path == "/repos/o/r/issues/7/comments":
            return self.page(path, [self.shown(comment) for comment in self.comments])
        if (method, path) == ("POST", "/repos/o/r/issues/7/comments"):
            self.say(login, body["body"])
            return Reply(201, self.shown(self.comments[-1]))
        if method == "PATCH" and (match := re.fullmatch(r"/repos/o/r/issues/comments/(\d+)", path)):
            return self.edit(match[1], body, "Not Found")
        return Reply(404, {"message": "Not Found", "status": "404"})

    def shown(self, comment: dict[str, Any]) -> dict[str, Any]:
        user = {"login": comment["by"], "type": "User"} if comment["by"] else None
        return {"id": comment["id"], "user": user, "body": comment["body"]}


class GitLab(ForgeServer):
    """The merge request 7 of project 5; its notes come newest first."""

    usual = 20

    def environment(self) -> dict[str, str]:
        """What GitLab CI sets in a merge request's pipeline in project 6, a fork."""
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{self.url}/api/v4",
            "CI_PROJECT_ID": "6",
            "CI_MERGE_REQUEST_PROJECT_ID": "5",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_JOB_URL": "https://gitlab.example/o/r/-/jobs/99",
        }

    def reply(self, method: str, path: str, headers: Any, body: dict[str, Any]) -> Reply:
        name, may_write = self.tokens.get(headers.get("PRIVATE-TOKEN", ""), ("", False))
        if not name:
            return Reply(401, {"message": "401 Unauthorized"})
        notes = "/api/v4/projects/5/merge_requests/7/notes"
        if (method, path) == ("GET", "/api/v4/user"):
            return Reply(200, {"id": 3, "username": name})
        if method != "GET" and not may_write:
            return Reply(403, {"message": "403 Forbidden"})
        if method == "GET" and urlsplit(path).path == notes:
            return self.page(path, [self.shown(comment) for comment in reversed(self.comments)])
        if (method, path) == ("POST", notes):
            self.say(name, body["body"])
            return Reply(201, self.shown(self.comments[-1]))
        if method == "PUT" and (match := re.fullmatch(rf"{notes}/(\d+)", path)):
            return self.edit(match[1], body, "404 Not found")
        return Reply(404, {"message": "404 Project Not Found"})

    def shown(self, comment: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": comment["id"],
            "author": {"id": 3, "username": comment["by"]},
            "body": comment["body"],
            "system": False,
        }
