"""``apigauge report``: a leaderboard and a page for each run."""

import argparse
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from apigauge.errors import ApigaugeError, RunError, UsageError, did_you_mean
from apigauge.extensions import Addition, added
from apigauge.harness.cli.options import add_common, local_path, stored_run
from apigauge.harness.cli.other_harnesses import add_readers, as_runs
from apigauge.harness.cli.output import print_json, say
from apigauge.reports import formats
from apigauge.reports.tracking import TRACKERS

if TYPE_CHECKING:
    from apigauge.reports.views import RunView

# The formats of --export that come with apigauge; plugins may add others.
OWN = (*formats.NAMES, *TRACKERS)
# How often runs are looked at.
SECONDS = 2.0
Export = Callable[[Sequence["RunView"], Path], Path]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument(
        "runs", nargs="+", type=stored_run, metavar="RUN", help="a run's folder, or one that holds runs, at any depth"
    )
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--out", type=local_path, metavar="DIR", help="where the pages go")
    place.add_argument(
        "--publish",
        type=local_path,
        metavar="DIR",
        help="where they go for GitHub Pages: runs keep their addresses, and pages of runs that are not given any more "
        "stay",
    )
    parser.add_argument(
        "--site-url",
        type=_address,
        metavar="URL",
        help="where DIR will be on the web: pages then name the preview picture for links to them",
    )
    parser.add_argument(
        "--watch", action="store_true", help="write the pages again whenever a run has changed, until Ctrl-C"
    )
    parser.add_argument(
        "--interval",
        type=_seconds,
        metavar="SECONDS",
        help=f"how often --watch looks whether runs have changed (default: {SECONDS:g})",
    )
    parser.add_argument(
        "--export",
        nargs="+",
        default=["csv"],
        action="extend",
        metavar="FORMAT",
        help=f"files for other programs next to the pages: csv (always), {', '.join(formats.NAMES[1:])}; "
        f"a tracker: {', '.join(TRACKERS)}; or formats of plugins",
    )
    hub = parser.add_argument_group("results in a model's repository on Hugging Face")
    hub.add_argument(
        "--hub-results",
        metavar="ORG/MODEL",
        help="write .eval_results/*.yaml for this repository, and print the command that uploads it",
    )
    hub.add_argument(
        "--hub-dataset",
        metavar="ORG/NAME",
        help="the repository of the benchmark (default: apigauge/ and the benchmark's name)",
    )
    parser.add_argument("--no-published", action="store_true", help="leave out figures printed elsewhere")
    add_common(parser)
    add_readers(parser)
    parser.set_defaults(function=run)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r}: the form is https://ORG.github.io/NAME")
    return text.rstrip("/") + "/"


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r}: from 0.1 to 86400 seconds")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    exports = [exporter(name) for name in dict.fromkeys(arguments.export)]
    if arguments.hub_dataset and not arguments.hub_results:
        raise UsageError("--hub-dataset: belongs to --hub-results ORG/MODEL")
    if arguments.interval is not None and not arguments.watch:
        raise UsageError("--interval: belongs to --watch")
    if arguments.site_url and not arguments.publish:
        raise UsageError("--site-url: belongs to --publish DIR")
    if not arguments.watch:
        return _report(arguments, exports)
    from apigauge.harness.cli.watch import watch

    return watch(arguments.runs, lambda: _report(arguments, exports), arguments.interval or SECONDS)


def _report(arguments: argparse.Namespace, exports: Sequence[Export]) -> int:
    """Writes everything once, and prints where it is."""
    from apigauge.harness.cli.report_views import read_views
    from apigauge.reports.build_cache import cache_of
    from apigauge.reports.leaderboard import write_site
    from apigauge.reports.publication import prepare

    out, is_shown = arguments.publish or arguments.out, not arguments.no_published
    cache = cache_of(out)
    with as_runs(arguments.runs, arguments, has_summary=True) as runs:
        views, is_whole = read_views(runs, arguments.data_dir, cache, is_watched=arguments.watch)
        hub = _hub_results(arguments, out, views) if arguments.hub_results else None
        publication = None
        if arguments.publish:
            views, publication = prepare(views, out, arguments.site_url or "")
        index = write_site(views, out, is_shown, cache=cache, publication=publication)
        if arguments.publish:
            _without_jekyll(out)
        written = [export(views, out) for export in exports]
    record = {"index": str(index), "runs": [v.name for v in views], "exports": [str(path) for path in written]}
    further = (hub or {}) | ({"publish": push_commands(out)} if arguments.publish else {})
    if arguments.json:
        print_json(record | further)
    else:
        print("\n".join([str(index), *(further[name] for name in ("upload", "publish") if name in further)]))
    return 0 if is_whole else RunError.exit_code


def write_leaderboard(runs: Sequence[Path], out: Path, data_dir: Path | None) -> Path:
    """Writes the leaderboard of runs that are scored, with its CSV file, and returns its first page.

    Raises:
        RunError: a run is damaged; DataError, ApigaugeError: its benchmark is not here, or the disk is full.
    """
    from apigauge.harness.cli.report_views import read_views
    from apigauge.reports.build_cache import cache_of
    from apigauge.reports.leaderboard import write_site

    cache = cache_of(out)
    views, _ = read_views(runs, data_dir, cache)
    index = write_site(views, out, published=True, cache=cache)
    formats.export("csv")(views, out)
    return index


def _without_jekyll(out: Path) -> None:
    """Keeps GitHub Pages from leaving out what its own generator of pages would."""
    try:
        (out / ".nojekyll").touch()
    except OSError as error:
        raise ApigaugeError(f"{out}: cannot be written ({error}); choose another folder") from error


def push_commands(out: Path) -> str:
    """What publishes a folder on GitHub Pages, for the shell; nothing runs it."""
    git = f"git -C {shlex.quote(str(out))}"
    return "\n".join(
        (
            f"{git} init --quiet --initial-branch gh-pages",
            f"{git} add --all",
            f"{git} commit --quiet --message 'Update the leaderboard'",
            f"{git} push REPOSITORY gh-pages",
        )
    )


def _hub_results(arguments: argparse.Namespace, out: Path, views: "Sequence[RunView]") -> dict[str, str]:
    """Writes the results for a repository; where they are, and the command that uploads them."""
    from apigauge.reports.formats.hub_results import upload_command, write_results

    written = write_results(views, out, arguments.hub_results, arguments.hub_dataset)
    for text in written.left_out:
        say(f"left out: {text}")
    return {"hub_results": str(written.folder), "upload": upload_command(arguments.hub_results, written.folder)}


def exporter(name: str) -> Export:
    """What writes a format.

    Raises:
        UsageError: there is no such format.
    """
    if name in formats.NAMES:
        return formats.export(name)
    if name in TRACKERS:
        from apigauge.reports.tracking import tracker

        return tracker(name)
    if name not in (plugins := added("exports")):
        names = (*OWN, *plugins)
        raise UsageError(f"--export {name}: the formats are {', '.join(names)}{did_you_mean(name, names)}")
    return _of_plugin(name, plugins[name])


def _of_plugin(name: str, addition: Addition) -> Export:
    """A plugin's format, whose errors name the plugin."""

    def export(views: "Sequence[RunView]", out: Path) -> Path:
        try:
            return Path(addition.value(views, out))
        except ApigaugeError:
            raise
        except Exception as error:
            raise addition.failure(f"--export {name}", error) from error

    return export
