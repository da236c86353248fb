"""Real configurations from the Hugging Face hub for ``apigauge hubs build --from-hub``, a few kilobytes each."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from apigauge.errors import SandboxError
from apigauge.sandboxes import hubs

_TIMEOUT_SECONDS = 30
_MAX_BYTES = 4 << 20
_AT_ONCE = 8


def configs(say: Callable[[str], None]) -> Path:
    """A folder with the ``config.json`` of every repository of the specification that has one: ``ORG--NAME.json``.

    A file that already exists is not downloaded again. ``HF_ENDPOINT`` names the hub, as in Hugging Face's library.

    Raises:
        SandboxError: the hub cannot be reached.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    folder = hubs.cache() / "configs"
    folder.mkdir(parents=True, exist_ok=True)
    table = hubs.FOLDER / "huggingface" / "repositories.jsonl"
    repositories = [json.loads(line)["repo"] for line in table.read_text(encoding="utf-8").splitlines()]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        downloaded = list(pool.map(lambda repo: _fetch(endpoint, repo, folder), repositories))
    say(f"{endpoint}: {sum(downloaded)} of {len(repositories)} repositories have a config.json")
    return folder


def _fetch(endpoint: str, repo: str, folder: Path) -> bool:
    path = folder / f"{repo.replace('/', '--')}.json"
    if path.is_file():
        return True
    url = f"{endpoint}/{urllib.parse.quote(repo)}/resolve/main/config.json"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - the user's own endpoint
            config = json.loads(answer.read(_MAX_BYTES))
    except urllib.error.HTTPError:  # gated, renamed, or has none
        return False
    except ValueError:
        return False
    except OSError as error:
        raise SandboxError(
            f"--from-hub: {endpoint} cannot be reached ({error}); without the option the catalogue alone decides."
        ) from error
    path.write_text(json.dumps(config, sort_keys=True), encoding="utf-8")
    return True
