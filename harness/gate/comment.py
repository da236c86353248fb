"""One comment on a pull request (GitHub) or merge request (GitLab): created once, then updated.

It is recognised by its first line (:func:`apigauge.harness.gate.render.mark`). Anybody may write that line into a
comment, and the token may be allowed to edit other users' comments; so only a comment by the token's user is updated.

Protocols: docs.github.com/rest/issues/comments, docs.gitlab.com/api/notes.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from apigauge.errors import CommentError, UsageError

# In characters. GitHub's limit; GitLab's is a million.
LONGEST = 65_536
_CUT = "The rest is left out: it exceeds the length of a comment. The job has the full text."
_MARK = re.compile(r"<!-- apigauge gate [0-9a-f]{16} -->")
_PER_PAGE, _MOST_PAGES = 100, 100
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Forge:
    """The API of a pull request's comments.

    Attributes:
        comments: URL of the list of comments.
        comment: URL of a single comment, without its number.
        update: HTTP method that updates a comment.
        headers: of each request, with the token.
        token: the token itself, to remove it from messages.
        right: the permission that the token needs.
        link: URL of the job.
        user: requests the name of the token's user.
        author: name of a comment's author; None if the account is gone.
    """

    comments: str
    comment: str
    update: str
    headers: dict[str, str]
    token: str
    right: str
    link: str
    user: Callable[["_Session"], str]
    author: Callable[[dict[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Written:
    """A comment's number, and whether it was created or updated."""

    id: int
    created: bool


def forge() -> Forge:
    """The pull request of this GitHub Actions or GitLab CI job, from the environment variables of the job.

    Raises:
        UsageError: this is not such a job, not for a pull request, or has no token.
    """
    if os.environ.get("GITHUB_ACTIONS"):
        return _github()
    if os.environ.get("GITLAB_CI"):
        return _gitlab()
    raise UsageError("comment: this is not a job of GitHub Actions or GitLab CI; post the file with your CI's tools")


def write(forge: Forge, file: Path) -> Written:
    """Posts the gate's Markdown as a comment, or updates the existing comment.

    Raises:
        UsageError: the file was not written by the gate.
        CommentError: the server does not respond, or refuses.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{file}: cannot be read ({error}); `apigauge gate --markdown FILE` writes one") from error
    mark = text.partition("\n")[0]
    if not _MARK.fullmatch(mark):
        raise UsageError(f"{file}: its first line is not the gate's; `apigauge gate --markdown FILE` writes one")
    body = {"body": _fitting(text, f"\n[The job]({forge.link})\n")}
    try:
        with httpx.Client(headers=forge.headers, timeout=30) as client:
            return _write(_Session(client, forge), forge, mark, body)
    except (ImportError, LookupError, TypeError, AttributeError, ValueError) as error:
        reason = f"the response is not the API's, or the proxy settings are wrong ({type(error).__name__})"
        raise CommentError(f"{forge.comments}: {reason}") from error


def _write(session: "_Session", forge: Forge, mark: str, body: dict[str, str]) -> Written:
    user = forge.user(session)
    for comment in session.comments():
        if forge.author(comment) == user and comment["body"].partition("\n")[0].strip() == mark:
            session.request(forge.update, f"{forge.comment}/{int(comment['id'])}", body)
            return Written(int(comment["id"]), created=False)
    return Written(int(session.request("POST", forge.comments, body).json()["id"]), created=True)


def _fitting(text: str, link: str) -> str:
    if len(text) + len(link) <= LONGEST:
        return text + link
    end = f"\n\n</details>\n\n{_CUT}\n{link}"
    beginning = text[: LONGEST - len(end)]
    beginning = beginning[: beginning.rindex("\n")]
    is_open = beginning.count("<details>") > beginning.count("</details>")
    return beginning + (end if is_open else end.replace("\n\n</details>", "", 1))


def _github() -> Forge:
    api, repository = _need("GITHUB_API_URL"), _need("GITHUB_REPOSITORY")
    try:
        number = int(json.loads(Path(_need("GITHUB_EVENT_PATH")).read_bytes())["pull_request"]["number"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError("comment: the event that started this workflow is not a pull request") from error
    graphql = _need("GITHUB_GRAPHQL_URL")
    token = _token("GITHUB_TOKEN")
    return Forge(
        comments=f"{api}/repos/{repository}/issues/{number}/comments",
        comment=f"{api}/repos/{repository}/issues/comments",
        update="PATCH",
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        token=token,
        right="`permissions: pull-requests: write`, which a pull request from a fork never has",
        link=f"{_need('GITHUB_SERVER_URL')}/{repository}/actions/runs/{_need('GITHUB_RUN_ID')}",
        # A job's token belongs to no user, so GET /user refuses it.
        user=lambda session: str(
            session.request("POST", graphql, {"query": "{viewer{login}}"}).json()["data"]["viewer"]["login"]
        ),
        author=lambda comment: (comment.get("user") or {}).get("login"),
    )


def _gitlab() -> Forge:
    # The merge request's project, not the pipeline's: a fork's pipeline runs in the fork.
    api, project = _need("CI_API_V4_URL"), os.environ.get("CI_MERGE_REQUEST_PROJECT_ID")
    if not project:
        raise UsageError("comment: this pipeline is not for a merge request")
    token = _token("GITLAB_TOKEN")
    notes = f"{api}/projects/{project}/merge_requests/{_need('CI_MERGE_REQUEST_IID')}/notes"
    return Forge(
        comments=notes,
        comment=notes,
        update="PUT",
        headers={"PRIVATE-TOKEN": token},
        token=token,
        right="the scope api and the role Reporter or above",
        link=_need("CI_JOB_URL"),
        user=lambda session: str(session.request("GET", f"{api}/user").json()["username"]),
        author=lambda note: (note.get("author") or {}).get("username"),
    )


def _need(name: str) -> str:
    if value := os.environ.get(name, "").rstrip("/"):
        return value
    raise UsageError(f"comment: {name} is not set in the environment")


def _token(name: str) -> str:
    token = os.environ.get(name, "").strip()
    if not token:
        hint = "; GitLab's CI_JOB_TOKEN may not write comments" if name == "GITLAB_TOKEN" else ""
        raise UsageError(f"comment: {name} is not set in the environment{hint}")
    if not re.fullmatch("[!-~]+", token):
        raise UsageError(f"comment: {name}: a token consists of printable ASCII characters without spaces")
    return token


class _Session:
    """Requests to one forge; error messages do not contain the token."""

    def __init__(self, client: httpx.Client, forge: Forge) -> None:
        self._client, self._forge = client, forge

    def comments(self) -> Iterator[dict[str, Any]]:
        """All comments. Pages are counted, so that the token is never sent to a URL taken from a response."""
        for page in range(1, _MOST_PAGES + 1):
            response = self.request("GET", f"{self._forge.comments}?per_page={_PER_PAGE}&page={page}")
            yield from response.json()
            if "next" not in response.links:
                return

    def request(self, method: str, url: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """A successful response with a JSON body.

        Raises:
            CommentError: the request failed; says how.
        """
        try:
            response = self._client.request(method, url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CommentError(self._hide(f"{url}: {type(error).__name__}: {error}")) from None
        try:
            content = response.json()
        except ValueError:
            content = None
        if response.is_success and content is not None:
            return response
        reason = self._hide(f"{method} {url}: HTTP {response.status_code}: {_message(content)}")
        headers = response.headers
        if response.status_code == 429 or headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers:
            raise CommentError(f"{reason}. The rate limit is reached; the next run may update the comment")
        if response.status_code in (401, 403, 404):
            raise CommentError(f"{reason}. The token needs {self._forge.right}")
        raise CommentError(reason)

    def _hide(self, message: str) -> str:
        text = message.replace(self._forge.token, "***")
        return "".join(character if character.isprintable() else " " for character in text)[:_LONGEST_MESSAGE]


def _message(content: Any) -> str:
    """The error message in a response; GitLab uses two keys."""
    reason = content.get("message", content.get("error")) if isinstance(content, dict) else None
    return str(reason or "no JSON of the API")
