"""What every use of OpenAI's protocol shares: address, key, the fields of a request, and how errors are read."""

import os
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from apigauge.errors import UsageError
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.refusals import LIMIT
from apigauge.harness.generation.types import Request

# Statuses after which the same request may be answered (besides 5xx), and those of the key.
RETRIED = frozenset({408, 409, 425, 429})
NOT_AUTHENTICATED, FORBIDDEN = 401, 403
_LONGEST_MESSAGE = 300


class Connection:
    """A server's address, and the key that it is given.

    The key is ``OPENAI_API_KEY`` of the environment; it is in the requests' header and nowhere else.

    Attributes:
        headers: of every request, with the key.
        auth: user and password of the address, where there is no key.

    Raises:
        UsageError: the address or the key is malformed.
    """

    def __init__(self, base_url: str | None) -> None:
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        if key and not re.fullmatch("[!-~]+", key):
            raise UsageError("OPENAI_API_KEY: a space, or a character that is not ASCII, cannot be part of a key")
        url = _address(base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1")
        self._url = url.copy_with(username="", password="", fragment=None)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.auth = httpx.BasicAuth(url.username, url.password) if url.userinfo and not key else None
        self._secrets = [secret for secret in (key, url.password, url.query.decode("ascii")) if secret]

    @property
    def address(self) -> str:
        """The address without secrets."""
        return str(self._url.copy_with(query=None)).rstrip("/")

    def describe(self, model: str) -> dict[str, Any]:
        """The model's name and the server's address; servers do not report reliably what runs behind the name."""
        return {"kind": "openai", "model": model, "engine": "openai protocol", "base_url": self.address}

    def url(self, path: str) -> httpx.URL:
        """The address of a path below ``/v1``."""
        return self._url.copy_with(path=self._url.path.rstrip("/") + path)

    def hide(self, message: object) -> str:
        """A message in one line without secrets; shortened last, since half a secret would not be recognised."""
        text = str(message)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."

    def unusable(self, error: Exception) -> UsageError:
        """The error that no client can be made."""
        return UsageError(f"the environment's proxy or certificates cannot be used: {self.hide(error)}")


def path_of(style: str) -> str:
    """Where requests of a prompt style go, below ``/v1``."""
    return "/chat/completions" if style == "chat" else "/completions"


def fields_of(model: str, options: ModelOptions, request: Request, style: str) -> dict[str, Any]:
    """The fields of a request, before what a server refuses is left out."""
    sampling, prompting = options.sampling, options.prompting
    is_chat = style == "chat"
    template = dict(prompting.chat_template_args) if is_chat else {}
    return {
        "model": model,
        **({"messages": prompting.messages(request.prompt)} if is_chat else {"prompt": request.prompt}),
        **({"chat_template_kwargs": template} if template else {}),
        "n": 1,
        LIMIT: sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        # OpenAI's own server refuses fields that it does not know; top_k is vLLM's.
        **({"top_k": sampling.top_k} if sampling.top_k else {}),
        **({"stop": list(sampling.stop)} if sampling.stop else {}),
        **({} if sampling.is_greedy else {"seed": request.seed}),
        **(_logprobs(options.first_tokens, is_chat=is_chat) if options.first_tokens else {}),
    }


def _logprobs(count: int, *, is_chat: bool) -> dict[str, Any]:
    """The fields that ask for log probabilities of tokens; a completion of OpenAI's has those of 5 at most."""
    return {"logprobs": True, "top_logprobs": count} if is_chat else {"logprobs": min(count, 5)}


def changed(fields: dict[str, Any], changes: dict[str, str | None]) -> dict[str, Any]:
    """The fields under the names that the server wants, without those that it refuses (None)."""
    names = {name: changes.get(name, name) for name in fields}
    return {other: fields[name] for name, other in names.items() if other is not None}


def left_out(fields: dict[str, Any], changes: dict[str, str | None]) -> dict[str, Any]:
    """What an :class:`~apigauge.harness.generation.types.Answer` says of the changes."""
    return {
        "left_out": tuple(sorted(name for name, other in changes.items() if other is None and name in fields)),
        "renamed": tuple(sorted((name, other) for name, other in changes.items() if other and name in fields)),
    }


def _address(text: str) -> httpx.URL:
    """The server's address; the error message does not repeat it, since it may contain a password."""
    try:
        url = httpx.URL(text.strip())
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 1) < 1 << 16:
        raise UsageError("--base-url (or OPENAI_BASE_URL): give an address such as http://localhost:8000/v1")
    return url


def error_of(response: httpx.Response) -> tuple[Any, str]:
    """The body as JSON, and the message in it; None and the plain text if it is no JSON."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None, response.text
    return body, message_of(body)


def message_of(body: Any) -> str:
    """The message of an error in OpenAI's form, vLLM's older one, or FastAPI's; empty if there is none."""
    while isinstance(body, dict | list) and body:
        names = ("error", "message", "detail", "msg")
        body = body[0] if isinstance(body, list) else next((body[name] for name in names if body.get(name)), None)
    return body if isinstance(body, str) else ""


def retry_pause(headers: httpx.Headers, longest: float) -> float:
    """The seconds that a response asks to wait, at most ``longest``; 0 if it asks for none.

    Read are ``Retry-After``, a number or a date (RFC 9110, section 10.2.3), and ``retry-after-ms`` of Azure and OpenAI.
    """
    milliseconds, text = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    try:
        if re.fullmatch(r"\d+(\.\d*)?", milliseconds):
            seconds = float(milliseconds) / 1000
        elif re.fullmatch(r"\d+(\.\d*)?", text):
            seconds = float(text)
        else:
            until = parsedate_to_datetime(text)
            seconds = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), longest)
