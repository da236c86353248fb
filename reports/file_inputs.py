"""What a site's files are made from, so that those whose inputs are the same are not made again.

The page of a run and its data depend on that run's files, on its names and on the layout of its benchmark; the
questions of a benchmark on the runs that they are read from. All other files depend on all runs.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from apigauge.harness.metrics.table import NAMES, infos_for
from apigauge.reports.build_cache import digest_of
from apigauge.reports.data_files import Layout, layout_of
from apigauge.reports.tables import Page

_RUN = re.compile(r"(?:data/)?runs/([^/]+?)(?:\.html|/[^/]+)")
_QUESTIONS = re.compile(r"data/(benchmarks/[^/]+)/(?:questions|lines-\d+|texts-\d+)\.js")


def folder_of(name: str) -> str:
    """The run or the questions that a file belongs to, as in :func:`inputs_of`; empty if it belongs to all runs."""
    if questions := _QUESTIONS.fullmatch(name):
        return questions[1]
    run = _RUN.fullmatch(name)
    return f"runs/{run[1]}" if run else ""


def inputs_of(
    pages: Sequence[Page], of: Mapping[tuple[str, str], Layout], site_url: str, further: Any
) -> dict[str, str]:
    """A digest of all that the files of each run and of each benchmark's questions depend on, where that is known.

    Args:
        pages: the runs.
        of: their layouts.
        site_url: where the site is on the web.
        further: what else those depend on that are of all runs.
    """
    inputs = {
        f"benchmarks/{layout.key}": digest_of([layout.stamp, layout.inputs])
        for layout in of.values()
        if all(layout.inputs)
    }
    inputs |= {
        f"runs/{page.file}": digest_of([site_url, _of_run(page, layout_of(page.run, of))])
        for page in pages
        if page.run.inputs
    }
    if all(page.run.inputs for page in pages):
        inputs[""] = digest_of([site_url, further, [_of_run(page, layout_of(page.run, of)) for page in pages]])
    return inputs


def _of_run(page: Page, layout: Layout) -> str:
    return digest_of([page_inputs(page), layout.key, layout.stamp])


def page_inputs(page: Page) -> str:
    """A digest of all that is known of a run; empty if what it was read from is unknown."""
    run = page.run
    if not run.inputs:
        return ""
    # The first digest says all that was read from the run's files.
    further = [run.inputs, run.name, run.benchmark_items, run.data_here, run.lost, run.is_open]
    return digest_of([page.file, page.title, *further, repr(infos_for(NAMES))])
