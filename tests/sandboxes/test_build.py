import contextlib
import hashlib
import os
import re
import shutil
import sys
import uuid
import zipfile
from pathlib import Path

import pytest

from apigauge.errors import SandboxError, UsageError
from apigauge.sandboxes import build_base, build_wheels, environments
from apigauge.sandboxes.build import LOCK_LABEL, build, find_image, relock
from apigauge.sandboxes.engine import connect

# What a host that can run these tests has: the tools for a Debian base, or else a registry of images.
BASE = "debootstrap" if shutil.which("debootstrap") and os.geteuid() == 0 else "docker"


def make_wheel(folder, name="tiny", version="1.0", source="x = 1\n"):
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", source)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that is all pip knows."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def tiny(tmp_path):
    """An environment of each test's own: none touches images that others run programs in, or build at this moment."""
    name = f"selftest-{uuid.uuid4().hex[:8]}"
    folder = shutil.copytree(environments.load("python").folder, tmp_path / name)
    text = (folder / "Dockerfile").read_text()
    (folder / "Dockerfile").write_text(text.replace("environment=python", f"environment={name}"))
    return environments.read(folder)


def left_behind(client, environment):
    return client.images.list(filters={"dangling": True, "label": f"org.apigauge.environment={environment.name}"})


def lock(environment, *lines):
    (environment.folder / "lock.txt").write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture(scope="module")
def client():
    try:
        client = connect()
    except SandboxError as error:
        pytest.skip(str(error))
    with contextlib.closing(client):
        yield client


@pytest.fixture
def built(client, tiny):
    """The tiny environment's first image, and the lines that the build reported."""
    lines = []
    image = build(tiny, BASE, client=client, say=lines.append)
    yield image, lines
    for tag in {image.tag, tiny.tag}:
        with contextlib.suppress(Exception):
            client.images.remove(tag, force=True)


def test_wheels_with_the_locked_digest_are_downloaded_once(index, tiny, tmp_path):
    lock(tiny, f"tiny==1.0 --hash=sha256:{make_wheel(index)}")
    lines = []
    (wheel,) = build_wheels.wheelhouse(tiny, tmp_path / "cache", lines.append)
    assert wheel.read_bytes() == (index / wheel.name).read_bytes()
    (index / wheel.name).unlink()
    assert build_wheels.wheelhouse(tiny, tmp_path / "cache", lines.append) == (wheel,)
    assert lines == [f"{tiny.name}: downloading 1 wheels"]


def test_a_wheel_with_another_digest_is_refused(index, tiny, tmp_path):
    """The attack: an index serves its own wheel under the locked name and version."""
    digest = make_wheel(index)
    lock(tiny, f"tiny==1.0 --hash=sha256:{digest}")
    served = make_wheel(index, source="import os\n")
    assert served != digest
    with pytest.raises(SandboxError) as caught:
        build_wheels.wheelhouse(tiny, tmp_path / "cache", print)
    assert digest in str(caught.value)
    assert served in str(caught.value)


def test_a_wheel_harmed_after_its_download_is_not_used(index, tiny, tmp_path):
    """A guard that trusts a file because of its name would take it."""
    lock(tiny, f"tiny==1.0 --hash=sha256:{make_wheel(index)}")
    (wheel,) = build_wheels.wheelhouse(tiny, tmp_path / "cache", print)
    good = wheel.read_bytes()
    wheel.write_bytes(good[:-1])
    (again,) = build_wheels.wheelhouse(tiny, tmp_path / "cache", print)
    assert again.read_bytes() == good


def test_a_wheel_that_cannot_be_found_is_named(index, tiny, tmp_path):
    lock(tiny, f"tiny==2.0 --hash=sha256:{make_wheel(index)}")
    with pytest.raises(SandboxError, match=r"(?s)selftest.*tiny==2\.0"):
        build_wheels.wheelhouse(tiny, tmp_path / "cache", print)


@pytest.mark.parametrize(
    "line", ["tiny", "tiny>=1.0", "tiny==1.0", "tiny @ file:///tiny.whl", "--extra-index-url=http://127.0.0.1/"]
)
def test_a_lock_that_lets_pip_choose_is_refused(tiny, line):
    lock(tiny, "# a comment is fine", line)
    with pytest.raises(SandboxError, match=r"line 2 of lock\.txt"):
        build_wheels.pins(tiny)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="locks are written on Python 3.11")
def test_relocking_writes_pins_with_digests_and_no_address(index, tiny):
    digest = make_wheel(index)
    (tiny.folder / "requirements.txt").write_text("tiny\n")
    assert relock(tiny)[0].read_text() == f"{build_wheels.HEADER}tiny==1.0 --hash=sha256:{digest}\n"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="locks are written on Python 3.11")
def test_requirements_without_a_solution_leave_the_lock_alone(index, tiny):
    before = (tiny.folder / "lock.txt").read_bytes()
    (tiny.folder / "requirements.txt").write_text("tiny==3\n")
    with pytest.raises(SandboxError, match="tiny==3"):
        relock(tiny)
    assert (tiny.folder / "lock.txt").read_bytes() == before


def test_a_lock_is_not_written_on_another_python(tiny, monkeypatch):
    monkeypatch.setattr(build_wheels.sys, "version_info", (3, 12, 1))
    with pytest.raises(SandboxError, match=r"Python 3\.11"):
        relock(tiny)


def test_missing_debootstrap_is_reported_with_a_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match=r"debootstrap.*install.*--base docker"):
        build_base.check_host()


def test_debootstrap_without_root_is_reported(monkeypatch, tmp_path):
    (tmp_path / "debootstrap").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build_base.os, "geteuid", lambda: 1000)
    with pytest.raises(SandboxError, match="root"):
        build_base.check_host()


def test_trimming_never_follows_a_link_out_of_the_tree(tmp_path):
    """The fault: a package's link to another's documents is absolute, and means the host's while we trim."""
    outside, root = tmp_path / "outside", tmp_path / "root"
    documents = root / "usr/share/doc"
    (documents / "tool").mkdir(parents=True)
    outside.mkdir()
    for file in (outside / "precious", documents / "tool/copyright", documents / "tool/changelog.gz"):
        file.touch()
    (documents / "linked").symlink_to(outside)
    build_base._trim(root)
    assert (outside / "precious").exists()
    assert [path.name for path in (documents / "tool").iterdir()] == ["copyright"]


def test_a_base_that_is_neither_is_a_usage_error(tiny):
    with pytest.raises(UsageError, match="docker, debootstrap"):
        build(tiny, "alpine", client=object(), say=print)


def test_no_engine_is_reported(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(SandboxError, match="DOCKER_HOST"):
        connect()


@pytest.mark.docker
def test_a_built_image_is_found_and_not_built_again(client, built, tiny):
    image, _ = built
    lines = []
    assert build(tiny, BASE, client=client, say=lines.append) == image
    assert lines == [f"{tiny.tag}: already built"]
    assert find_image(client, tiny) == image
    assert image.id == client.images.get(tiny.tag).id


@pytest.mark.docker
def test_an_image_under_the_right_tag_with_another_digest_is_ignored(client, built, tiny):
    """The attack: someone moves the tag to an image of theirs."""
    (tiny.folder / "lock.txt").write_text("# another\n")
    client.images.get(built[0].id).tag(*tiny.tag.split(":"))
    assert client.images.get(tiny.tag).labels[LOCK_LABEL] == built[0].lock_digest
    assert find_image(client, tiny) is None


@pytest.mark.docker
def test_an_environment_that_was_never_built_is_not_found(client, tiny):
    (tiny.folder / "lock.txt").write_text("# never built\n")
    assert find_image(client, tiny) is None


@pytest.mark.docker
def test_rebuilding_gives_the_same_packages_and_leaves_nothing_behind(client, built, tiny):
    before = built[0]
    after = build(tiny, BASE, client=client, say=lambda _: None, rebuild=True)
    assert after.id != before.id
    assert after.packages == before.packages
    assert any(line.startswith("libc6==") for line in after.packages)
    assert list(after.packages) == sorted(set(after.packages))
    assert before.id not in {image.id for image in client.images.list()}
    assert left_behind(client, tiny) == []


@pytest.mark.docker
def test_wheels_are_installed_where_an_isolated_python_finds_them(client, tiny, tmp_path, monkeypatch):
    """With the Dockerfile of the large environment and two small wheels; pip's own is the one this host's pip finds."""
    shutil.copy(environments.load("mini").folder / "Dockerfile", tiny.folder)
    pip = next(pin for pin in build_wheels.pins(environments.load("mini")) if pin.name == "pip")
    index = tmp_path / "index"
    index.mkdir()
    lock(tiny, str(pin := pip), f"tiny==1.0 --hash=sha256:{make_wheel(index)}")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setattr(
        "apigauge.sandboxes.build.wheelhouse", lambda *given: build_wheels.wheelhouse(given[0], tmp_path, given[2])
    )
    try:
        image = build(tiny, BASE, client=client, say=lambda _: None)
        assert "tiny==1.0" in image.packages
        assert f"pip=={pin.version}" not in image.packages
        program = "import tiny; print(tiny.__file__, tiny.__cached__)"
        output = client.containers.run(
            image.id, ["python3", "-I", "-c", program], read_only=True, network_mode="none", remove=True
        )
        path, cached = map(Path, output.decode().split())
        assert path.is_relative_to("/usr/local/lib/python3.11")
        assert client.containers.run(image.id, ["ls", str(cached)], network_mode="none", remove=True)
    finally:
        with contextlib.suppress(Exception):
            client.images.remove(tiny.tag, force=True)


@pytest.mark.docker
def test_a_failing_step_is_shown_with_its_last_lines(client, tiny):
    with (tiny.folder / "Dockerfile").open("a") as file:
        file.write("RUN echo this is why; exit 3\n")
    with pytest.raises(SandboxError) as caught:
        build(tiny, BASE, client=client, say=lambda _: None)
    assert "this is why" in str(caught.value)
    assert "exit 3" in str(caught.value)
    for image in left_behind(client, tiny):
        client.images.remove(image.id)


@pytest.mark.docker
def test_an_unavailable_base_is_reported_with_a_way_out(client, tiny):
    path = tiny.folder / "Dockerfile"
    path.write_text(re.sub("(?m)^ARG BASE=.*", "ARG BASE=127.0.0.1:1/nothing@sha256:" + 64 * "0", path.read_text()))
    with pytest.raises(SandboxError, match="--base debootstrap"):
        build(tiny, "docker", client=client, say=lambda _: None)


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.docker(n)) for n in environments.names()])
def test_preloading_needs_no_other_folder_than_tmp_and_starts_no_thread(client, name):
    """The worker forks after it: a second thread could hold a lock that no child ever gets."""
    environment = environments.load(name)
    image = build(environment, BASE, client=client, say=print)
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('Threads')))"
    )
    output = client.containers.run(
        image.id,
        ["python3", "-I", "-c", program, *environment.preload],
        environment=environment.variables,
        user="65534:65534",
        tmpfs={"/tmp": "mode=1777"},
        read_only=True,
        network_mode="none",
        remove=True,
    )
    assert output.decode().strip().splitlines()[-1].split() == ["Threads:", "1"]


@pytest.mark.docker
def test_no_step_has_a_network(client, tiny):
    """The fault: packages that the lock does not name come in through a step that can reach an index."""
    with (tiny.folder / "Dockerfile").open("a") as file:
        file.write('RUN test "$(ls /sys/class/net)" = lo\n')
    build(tiny, BASE, client=client, say=lambda _: None)
    client.images.remove(tiny.tag, force=True)
