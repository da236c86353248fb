"""One comment on a pull request (GitHub) or merge request (GitLab): written once, updated from then on.

It is found again by its first line (``documents.mark``). Anybody may write that line into a comment of their own, and
the token may well be allowed to edit theirs; so only a comment by the token's own user is ever updated.

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

# Characters. GitHub's limit; GitLab's is a million.
LONGEST = 65_536
_CUT = "The rest is left out: a comment has no room for it. The job has all of it."
_MARK = re.compile(r"<!-- apigauge gate [0-9a-f]{16} -->")
_PER_PAGE, _MOST_PAGES = 100, 100
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Forge:
    """Where a pull request's comments are, and how they are asked for.

    Attributes:
        comments: address of all of them.
        comment: address of one, but for its number.
        update: the method that updates one.
        headers: with the token.
        token: which no message may tell.
        right: what the token must be allowed to do.
        link: to the job.
        user: asks for the name of the token's user.
        author: name of a comment's author; None if there is none any more.
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
    """A comment's number, and whether it is a new one."""

    id: int
    created: bool


def forge() -> Forge:
    """The pull request that this job of GitHub Actions or GitLab CI runs for, by the job's environment.

    Raises:
        UsageError: it is no such job, no pull request's, or without a token.
    """
    if os.environ.get("GITHUB_ACTIONS"):
        return _github()
    if os.environ.get("GITLAB_CI"):
        return _gitlab()
    raise UsageError("comment: this is no job of GitHub Actions or GitLab CI; post the file by your CI's own means")


def write(forge: Forge, file: Path) -> Written:
    """Writes the gate's Markdown as a comment, or over the one that is there.

    Raises:
        UsageError: the file is none of the gate's.
        CommentError: the server does not answer, or refuses.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{file}: cannot be read ({error}); `apigauge gate --markdown FILE` makes one") from error
    mark = text.partition("\n")[0]
    if not _MARK.fullmatch(mark):
        raise UsageError(f"{file}: its first line is not the gate's; `apigauge gate --markdown FILE` makes one")
    body = {"body": _fitting(text, f"\n[The job]({forge.link})\n")}
    try:
        with httpx.Client(headers=forge.headers, timeout=30) as client:
            return _write(_Session(client, forge), forge, mark, body)
    except (ImportError, LookupError, TypeError, AttributeError, ValueError) as error:
        reason = f"an answer that is not the API's, or a proxy that is none ({type(error).__name__})"
        raise CommentError(f"{forge.comments}: {reason}") from error


def _write(session: "_Session", forge: Forge, mark: str, body: dict[str, str]) -> Written:
    user = forge.user(session)
    for comment in session.comments():
        if forge.author(comment) == user and comment["body"].partition("\n")[0].strip() == mark:
            session.ask(forge.update, f"{forge.comment}/{int(comment['id'])}", body)
            return Written(int(comment["id"]), created=False)
    return Written(int(session.ask("POST", forge.comments, body).json()["id"]), created=True)


def _fitting(text: str, link: str) -> str:
    if len(text) + len(link) <= LONGEST:
        return text + link
    end = f"\n\n</details>\n\n{_CUT}\n{link}"
    kept = text[: LONGEST - len(end)]
    kept = kept[: kept.rindex("\n")]
    is_open = kept.count("<details>") > kept.count("</details>")
    return kept + (end if is_open else end.replace("\n\n</details>", "", 1))


def _github() -> Forge:
    api, repository = _need("GITHUB_API_URL"), _need("GITHUB_REPOSITORY")
    try:
        number = int(json.loads(Path(_need("GITHUB_EVENT_PATH")).read_bytes())["pull_request"]["number"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError("comment: the event that started this workflow is no pull request's") from error
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
        # A job's own token is no user's, and GET /user refuses it.
        user=lambda session: str(
            session.ask("POST", graphql, {"query": "{viewer{login}}"}).json()["data"]["viewer"]["login"]
        ),
        author=lambda comment: (comment.get("user") or {}).get("login"),
    )


def _gitlab() -> Forge:
    # Its own project: a pipeline of a fork runs in the fork's.
    api, project = _need("CI_API_V4_URL"), os.environ.get("CI_MERGE_REQUEST_PROJECT_ID")
    if not project:
        raise UsageError("comment: this pipeline is no merge request's")
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
        user=lambda session: str(session.ask("GET", f"{api}/user").json()["username"]),
        author=lambda note: (note.get("author") or {}).get("username"),
    )


def _need(name: str) -> str:
    if value := os.environ.get(name, "").rstrip("/"):
        return value
    raise UsageError(f"comment: {name} is not set in the environment")


def _token(name: str) -> str:
    token = os.environ.get(name, "").strip()
    if not token:
        hint = "; GitLab's own CI_JOB_TOKEN may not write comments" if name == "GITLAB_TOKEN" else ""
        raise UsageError(f"comment: {name} is not set in the environment{hint}")
    if not re.fullmatch("[!-~]+", token):
        raise UsageError(f"comment: {name}: a space, or a character that is not ASCII, cannot be part of a token")
    return token


class _Session:
    """Requests to one forge whose failures are told without the token."""

    def __init__(self, client: httpx.Client, forge: Forge) -> None:
        self._client, self._forge = client, forge

    def comments(self) -> Iterator[dict[str, Any]]:
        """All of the pull request's. Pages are counted: the token goes to no address that an answer names."""
        for page in range(1, _MOST_PAGES + 1):
            found = self.ask("GET", f"{self._forge.comments}?per_page={_PER_PAGE}&page={page}")
            yield from found.json()
            if "next" not in found.links:
                return

    def ask(self, method: str, url: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """A good answer whose body is JSON.

        Raises:
            CommentError: there is none; says what came instead.
        """
        try:
            response = self._client.request(method, url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CommentError(self._hide(f"{url}: {type(error).__name__}: {error}")) from None
        try:
            told = response.json()
        except ValueError:
            told = None
        if response.is_success and told is not None:
            return response
        reason = self._hide(f"{method} {url}: HTTP {response.status_code}: {_message(told)}")
        headers = response.headers
        if response.status_code == 429 or headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers:
            raise CommentError(f"{reason}. The limit of requests is reached; the next run may update the comment")
        if response.status_code in (401, 403, 404):
            raise CommentError(f"{reason}. The token needs {self._forge.right}")
        raise CommentError(reason)

    def _hide(self, message: str) -> str:
        text = message.replace(self._forge.token, "***")
        return "".join(character if character.isprintable() else " " for character in text)[:_LONGEST_MESSAGE]


def _message(told: Any) -> str:
    """What a forge says is wrong; GitLab has two forms."""
    reason = told.get("message", told.get("error")) if isinstance(told, dict) else None
    return str(reason or "no JSON of the API")
