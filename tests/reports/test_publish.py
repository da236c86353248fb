"""A published site: addresses that stay, older pages, a picture for links, a page for wrong addresses, what to do next."""

import io
import os
import shlex
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_runs import report, tree
from PIL import Image

from apigauge.harness.cli.main import main

URL = "https://example.org/board"
AUTHOR = {f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Links(HTMLParser):
    """All addresses of a page, and what its head says by name or property."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.about: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a":
            self.addresses.append(given["href"])
        if tag == "meta" and (name := given.get("property") or given.get("name")):
            self.about[name] = given["content"]


def page_of(site: Path, name: str) -> Links:
    return Links((site / name).read_text(encoding="utf-8"))


def test_a_run_keeps_its_address_when_others_come_and_go(write_run, tmp_path):
    """Two runs of one name: with --out their numbers change when the first one goes."""
    one, two = (write_run(tmp_path / f"of {at}" / "same name", at, created=f"2026-01-0{at}") for at in (1, 2))
    site = tmp_path / "site"
    assert report(two, "--publish", site) == 0
    assert 'apigauge-name" content="same name"' in (site / "runs" / "same-name.html").read_text()
    mark = page_of(site, "runs/same-name.html").about["apigauge-run"]
    assert report(one, two, "--publish", site) == 0
    assert page_of(site, "runs/same-name.html").about["apigauge-run"] == mark
    assert page_of(site, "runs/same-name-2.html").about["apigauge-run"] != mark
    assert "same-name-2.html" in (site / "leaderboard.csv").read_text()
    write_run(two, 3, created="2026-01-02")  # the same run, scored again
    assert report(two, "--publish", site) == 0
    assert page_of(site, "runs/same-name.html").about["apigauge-run"] == mark


def test_pages_of_runs_that_are_gone_stay_whole_and_are_listed(write_run, tmp_path, visit):
    """The gone run alone had the last questions, so that the layout of those that stay is another one."""
    hostile = "old <b>\u202e&"
    old = write_run(tmp_path / hostile, 1, created="2026-01-01")
    new = write_run(tmp_path / "new", 2, count=9, created="2026-01-02")
    site = tmp_path / "site"
    assert report(old, new, "--publish", site) == 0
    before = tree(site)
    assert report(new, "--publish", site) == 0
    index = page_of(site, "index.html")
    assert "runs/old-b.html" in index.addresses
    after = tree(site)
    kept = [name for name in before if name.startswith(("runs/old-b.html", "data/runs/old-b/"))]
    assert len(kept) >= 4
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}
    assert "<b>" not in (site / "index.html").read_text(encoding="utf-8").partition('class="older"')[2]
    opened = visit(site / "runs" / "old-b.html")
    opened.page.wait_for_selector("#items .item")
    assert opened.page.locator("#items .item").count() == 24
    assert opened.complaints == []
    assert report(old, new, "--publish", site) == 0
    assert tree(site) == before


def test_a_site_that_is_not_published_keeps_no_older_pages(write_run, tmp_path):
    old, new = (write_run(tmp_path / name, seed) for seed, name in enumerate(("old", "new")))
    assert report(old, new, "--out", tmp_path / "site") == 0
    assert report(new, "--out", tmp_path / "site") == 0
    assert not (tmp_path / "site" / "runs" / "old.html").exists()
    assert not (tmp_path / "site" / ".nojekyll").exists()
    assert not (tmp_path / "site" / "preview.png").exists()


def test_the_picture_is_png_of_the_size_that_others_show_and_the_same_bytes_each_time(write_run, tmp_path):
    runs = [write_run(tmp_path / f"run $x_{seed}$ 日本", seed) for seed in range(8)]
    for site in ("one", "two"):
        assert report(*runs, "--publish", tmp_path / site, "--site-url", URL) == 0
    content = (tmp_path / "one" / "preview.png").read_bytes()
    assert content == (tmp_path / "two" / "preview.png").read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        image.verify()
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("PNG", (1200, 630))
        assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 50
    assert report(*runs[1:], "--publish", tmp_path / "one", "--site-url", URL) == 0
    assert content != (tmp_path / "one" / "preview.png").read_bytes()


def test_a_picture_that_no_report_made_is_not_replaced(write_run, tmp_path, capsys):
    run, site = write_run(tmp_path / "run", 1), tmp_path / "site"
    assert report(run, "--publish", site) == 0
    picture = (site / "preview.png").read_bytes()
    (site / "preview.png").write_bytes(picture.replace(b"IDAT", b"IDAX", 1))
    assert report(run, "--publish", site) == 4
    assert "preview.png: was not written by apigauge" in capsys.readouterr().err


def test_pages_name_picture_title_and_words_only_if_the_site_has_an_address(write_run, tmp_path):
    run = write_run(tmp_path / "run", 1)
    assert report(run, "--publish", tmp_path / "site", "--site-url", URL) == 0
    for page, path in (("index.html", ""), ("runs/run.html", "runs/run.html")):
        about = page_of(tmp_path / "site", page).about
        assert about["og:image"] == f"{URL}/preview.png"
        assert about["og:url"] == f"{URL}/{path}"
        assert about["og:title"]
        assert about["og:description"] == about["description"]
    assert f"{URL}/" in page_of(tmp_path / "site", "404.html").addresses
    assert report(run, "--publish", tmp_path / "site") == 0
    for name, content in tree(tmp_path / "site").items():
        if name.endswith(".html"):
            assert b"og:" not in content
            assert URL.encode() not in content


@pytest.mark.parametrize("url", ["board", "javascript:alert(1)", "https://", "https://a/?b", "https://a/#b"])
def test_an_address_that_is_none_is_refused(tmp_path, url):
    with pytest.raises(SystemExit, match="2"):
        main(["report", "runs", "--publish", str(tmp_path), "--site-url", url])


def test_the_commands_that_are_printed_publish_everything(write_run, tmp_path, capsys):
    """Into a repository of this machine in the place of GitHub's."""
    site, remote = tmp_path / "a site's folder", tmp_path / "remote.git"
    assert main(["report", str(write_run(tmp_path / "run", 1)), "--publish", str(site)]) == 0
    index, *commands = capsys.readouterr().out.splitlines()
    assert index == str(site / "index.html")
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    script = "\n".join(commands).replace("REPOSITORY", shlex.quote(str(remote)))
    subprocess.run(["bash", "-e", "-c", script], check=True, cwd=tmp_path, env=os.environ | AUTHOR)
    shutil.rmtree(site / ".git")
    names = subprocess.run(
        ["git", f"--git-dir={remote}", "ls-tree", "-r", "--name-only", "gh-pages"], check=True, capture_output=True
    )
    assert sorted(names.stdout.decode().split("\n")[:-1]) == sorted(tree(site))
    assert ".nojekyll" in tree(site)


@pytest.mark.parametrize(
    "options",
    [["--out", "a", "--publish", "b"], [], ["--out", "a", "--site-url", URL], ["--out", "a", "--interval", "3"]],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, options):
    try:
        code = main(["report", str(tmp_path), *options])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
