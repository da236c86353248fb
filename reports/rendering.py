"""Templates to pages: one self-contained file each, in which nothing but our own script can run.

Answers are hostile text, and so are the names of runs and models. Three things keep them text: Jinja escapes every
value and names its unseen characters; the data of a run page travels as JSON in which no character can end the element,
and the script puts it on the page as text nodes only; and a content security policy with the digests of our script and
style forbids everything else, the network included.
"""

import base64
import functools
import hashlib
import json
import math
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from apigauge.reports.build_cache import shared_cache
from apigauge.reports.unseen import plain, script_pattern, shown

# `<`, `>` and `&` so that the HTML parser sees no tag; the line separators and lone surrogates so that every reader
# of the bytes sees the same string.
_UNSAFE_IN_JSON = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def render_page(
    template: str,
    styles: Sequence[str],
    script: str | None,
    *,
    helpers: Sequence[str] = (),
    loads_parts: bool = False,
    **values: Any,
) -> bytes:
    """A page as UTF-8 bytes.

    Args:
        template: its name in ``templates/``.
        styles: their names in ``static/``; inlined, as is the script.
        script: the script's name; None for a page without one.
        helpers: scripts of ``static/`` whose functions that one uses.
        loads_parts: whether the script may load further scripts, from files next to the page.
        values: for the template.
    """
    css, code = "".join(map(_static, ("base.css", *styles))), _script((*helpers, script)) if script else ""
    script_source = _source_hash(code) + ("' 'strict-dynamic" if loads_parts else "") if code else "none"
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_source_hash(css)}'; script-src '{script_source}'; "
        "base-uri 'none'; form-action 'none'"
    )
    if "data.js" in helpers:
        # A script that may load scripts could be made to make others: only the loader's addresses are let through.
        policy += "; require-trusted-types-for 'script'; trusted-types apigauge"
    page = _environment().get_template(template).render(css=css, code=code, policy=policy, **values)
    return page.encode("utf-8", "replace")


def macros(template: str) -> Any:
    """A template's macros as functions, which return markup."""
    return _environment().get_template(template).module


def json_block(data: Any) -> str:
    """JSON that may stand inside a ``<script type="application/json">`` element whatever the strings in it hold."""
    dump = functools.partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text = dump(data)
    except ValueError:
        text = dump(_finite(data))
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
    environment = Environment(
        loader=PackageLoader("apigauge.reports"),
        bytecode_cache=_Compiled(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )
    environment.filters["shown"] = shown
    return environment


class _Compiled(BytecodeCache):
    """Templates that were compiled before: compiling takes as long as rendering the board of fifty runs."""

    def load_bytecode(self, bucket: Bucket) -> None:
        if kept := shared_cache().read("template", [bucket.key, bucket.checksum]):
            bucket.bytecode_from_string(base64.b64decode(kept))

    def dump_bytecode(self, bucket: Bucket) -> None:
        code = base64.b64encode(bucket.bytecode_to_string()).decode()
        shared_cache().write("template", [bucket.key, bucket.checksum], code)


def _visible(value: Any) -> Any:
    """What a template is given, for anywhere on the page; what is markup already has been taken care of."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@functools.cache
def _script(names: Sequence[str]) -> str:
    return f'"use strict";\nconst UNSEEN = {script_pattern()};\n{"".join(map(_static, ("unseen.js", *names)))}'


@functools.cache
def _static(name: str) -> str:
    return resources.files("apigauge.reports").joinpath("static", name).read_text(encoding="utf-8")


def _source_hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
