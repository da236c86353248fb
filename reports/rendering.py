"""Templates to pages: one self-contained file each, in which nothing but our own script can run.

Answers are hostile text. Three things keep them text: Jinja escapes every value; the data of a run page travels as JSON
in which no character can end the element, and the script puts it on the page as text nodes only; and a content security
policy with the digests of our script and style forbids everything else, the network included.
"""

import base64
import functools
import hashlib
import json
import math
import re
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

# `<`, `>` and `&` so that the HTML parser sees no tag; the line separators and lone surrogates so that every reader
# of the bytes sees the same string.
_UNSAFE_IN_JSON = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def render_page(template: str, style: str, script: str, **values: Any) -> bytes:
    """A page as UTF-8 bytes: the template with its style and script (names in ``static/``) inlined."""
    css, code = _static("base.css") + _static(style), _static(script)
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(css)}'; script-src '{_digest(code)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _environment().get_template(template).render(css=css, code=code, policy=policy, **values)
    return page.encode("utf-8", "replace")


def json_block(data: Any) -> str:
    """JSON that may stand inside a ``<script type="application/json">`` element whatever the strings in it hold."""
    text = json.dumps(_finite(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def pretty_json(data: Any) -> str:
    """JSON for people: indented, keys sorted. Not escaped; the template does that."""
    return json.dumps(_finite(data), ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True)


def _finite(data: Any) -> Any:
    """The data with NaN and infinities spelled out, which JSON cannot say, and keys as strings."""
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return str(data)
    return data


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("apigauge.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@functools.cache
def _static(name: str) -> str:
    return resources.files("apigauge.reports").joinpath("static", name).read_text(encoding="utf-8")


def _digest(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
