"""Hubs as sandboxes see them: their content, their digests, and unknown or missing hubs."""

import os

import pytest
from sandbox_kinds import KINDS, open_kind

from apigauge.errors import SandboxError, UsageError
from apigauge.harness.audit.hub_coverage import with_quotes
from apigauge.sandboxes import environments, hubs
from apigauge.sandboxes.digests import tree_digest
from apigauge.sandboxes.verdict import Program


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "cache"
    (root / "models").mkdir(parents=True)
    (root / "models" / "weights").write_text("1234")
    (root / "models" / "link").symlink_to("weights")
    for path in (tmp_path, root, root / "models"):
        path.chmod(0o755)
    return root


def test_every_hub_has_an_environment_of_its_name():
    assert set(hubs.names()) == {"huggingface", "tensorflowhub", "torchhub"}
    assert set(hubs.names()) <= set(environments.names())


def test_the_digest_is_of_names_links_and_contents_and_of_nothing_else(folder):
    first = tree_digest(folder)
    os.utime(folder / "models" / "weights", (1, 1))
    (folder / "models" / "weights").chmod(0o600)
    assert tree_digest(folder) == first
    (folder / "models" / "weights").write_text("1235")
    assert tree_digest(folder) != first
    assert tree_digest(folder, contents=False) == tree_digest(folder, contents=False)
    (folder / "models" / "weights").write_text("1234")
    assert tree_digest(folder) == first
    (folder / "models" / "link").unlink()
    (folder / "models" / "link").symlink_to("elsewhere")
    assert tree_digest(folder) != first


def test_a_link_to_a_folder_counts(folder):
    first = tree_digest(folder)
    (folder / "again").symlink_to("models")
    assert tree_digest(folder) != first


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("pipeline(sentiment-analysis, model='a/b-c')", "pipeline('sentiment-analysis', model='a/b-c')"),
        ("M.from_pretrained(a-b/c-2, dtype=torch.float16)", "M.from_pretrained('a-b/c-2', dtype=torch.float16)"),
        ("M.of('a', f=F.of(b/c, subfolder=d))", "M.of('a', f=F.of('b/c', subfolder='d'))"),
        ("load('a', \"b/c\", x=y, n=3-1, z=a.b)", "load('a', \"b/c\", x=y, n=3-1, z=a.b)"),
    ],
)
def test_quotes_that_the_catalogue_lost_are_put_back_and_nothing_else_is_touched(call, wanted):
    assert with_quotes(call) == wanted


def test_what_is_no_hub_or_not_built_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(hubs, "cache", lambda: tmp_path)
    with pytest.raises(UsageError, match="'nowhere' is not known"):
        hubs.stand_in_hub("nowhere")
    with pytest.raises(SandboxError, match="apigauge hubs build torchhub"):
        hubs.stand_in_hub("torchhub")
    with pytest.raises(UsageError, match="is no folder"):
        hubs.snapshot_hub("torchhub", tmp_path / "nothing")


def test_a_snapshot_is_named_by_its_files_and_sizes(folder):
    hub = hubs.snapshot_hub("huggingface", folder)
    assert hub.to_json() == {
        "name": "huggingface",
        "mode": "snapshot",
        "digest": tree_digest(folder, contents=False),
    }
    (folder / "models" / "weights").write_text("12345")
    assert hubs.snapshot_hub("huggingface", folder).digest != hub.digest


@pytest.mark.parametrize("kind", KINDS)
def test_programs_read_a_hub_and_cannot_write_it(kind, folder):
    hub = hubs.snapshot_hub("huggingface", folder)
    sandbox = open_kind(kind, hub=hub)
    try:
        source = "import os\nplace = os.environ['HF_HUB_CACHE']\nprint(open(place + '/models/link').read())\n"
        verdict = sandbox.run(Program(source, "print"))
        assert verdict.ended, verdict
        assert verdict.evidence["stdout"] == "1234\n"
        if kind != "bare":  # which says that it protects no file
            verdict = sandbox.run(Program(source + "open(place + '/models/new', 'w')\n", "print"))
            assert "Read-only file system" in verdict.reason
        assert sandbox.describe()["hub"] == hub.to_json()
    finally:
        sandbox.close()
    assert sorted(path.name for path in (folder / "models").iterdir()) == ["link", "weights"]
