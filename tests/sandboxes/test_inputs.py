"""Paths and addresses that do not exist yield small valid files and pages, or the program fails as ``input``."""

import csv
import io
import json
import types
import wave
import zipfile
from xml.etree import ElementTree as ET

import pytest
from sandbox_kinds import KINDS, PYTHON

from apigauge.sandboxes import inputs
from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.process import ProcessSandbox
from apigauge.sandboxes.verdict import MIB, Limits, Program
from apigauge.sandboxes.worker import web

LIMITS = Limits(cpu_seconds=5, idle_seconds=5, memory_bytes=512 * MIB, processes=32, disk_bytes=32 * MIB)
JPG, PNG = (inputs.files()[f"sample.{kind}"] for kind in ("jpg", "png"))
HUB = "https://huggingface.co/no-such/model/resolve/main"

# Programs that need only Python; without fixtures each fails as ``input``.
READS = {
    "a picture": f"assert len(open('path/to/image.jpg', 'rb').read()) == {len(JPG)}",
    "a sound": "import wave\nwith wave.open('audio.wav') as w: assert (w.getframerate(), w.getnframes()) == (16000, 16000)",
    "a file by a name": "name = 'data.csv'\ndef read():\n    import csv\n    return list(csv.DictReader(open(name)))\nassert len(read()) == 8",
    "a file in a folder": "import os\nfolder = 'photos'\nopen(os.path.join(folder, 'cat.png'), 'rb')",
    "a path object": "from pathlib import Path\nassert (Path('notes') / 'a.txt').read_text()",
    "a path that it puts together": "for i in range(3): assert open(f'frames/{i}.png', 'rb').read(4)[1:] == b'PNG'",
    "a path that does not say its kind": "assert open('path/to/an/audio/file', 'rb').read(4) == b'RIFF'",
    "names that a library asks about first": "import os\nif not os.path.exists('image.jpg'): open('image.jpg')",
    "a folder": "import os\nnames = os.listdir('path/to/images')\nassert len([n for n in names if n.endswith('.jpg')]) == 3\nopen('path/to/images/' + names[0]).close()",
    "a folder of classes": "import os\ndef ImageFolder(root): return [os.listdir(e.path) for e in os.scandir(root) if e.is_dir()]\nassert [len(c) for c in ImageFolder('train')] == [3, 3]",
    "a file that a pattern without wildcards names": "from glob import glob\nassert open((glob('speech_orig.wav') or ['other.wav'])[0], 'rb').read(4) == b'RIFF'",
    "labels": "assert open('imagenet_classes.txt').read().splitlines()[:1] == ['tench']",
    "a page": f"from urllib.request import urlopen\nassert len(urlopen('https://example.com/image.jpg').read()) == {len(JPG)}",
    "a page to a file": f"from urllib.request import urlretrieve\nurlretrieve('http://example.com/a/cat.png', 'cat.png')\nassert len(open('cat.png', 'rb').read()) == {len(PNG)}",
    "a page by words": "import urllib.request as u\nassert u.urlopen('https://your_image_url_here').headers['Content-Type'] == 'image/jpeg'",
}
# Programs that need libraries.
READS_WITH_LIBRARIES = {
    "pandas, a path": "import pandas as pd\nassert pd.read_csv('employees.csv').shape == (8, 19)",
    "pandas, an address": "import pandas as pd\nassert pd.read_csv('https://example.com/employees.csv').shape == (8, 19)",
    "numpy": "import numpy as np\nassert np.load('xvector_speaker_embedding.npy').shape == (512,)",
    "requests": f"import requests\nr = requests.get('http://images.cocodataset.org/val2017/000000039769.jpg', stream=True)\nassert r.ok and len(r.raw.read()) == {len(JPG)}",
    "requests, a session": f"import requests\nwith requests.Session() as s:\n    for _ in range(3): assert len(s.get('https://example.com/x.png', timeout=5).content) == {len(PNG)}",
    "requests, as strict as Python can be": "import warnings\nwarnings.simplefilter('error')\nimport requests\nrequests.get('https://example.com/x.png')",
    "requests, JSON": "import requests\nassert 'features' in requests.get('https://example.com/api/items').json()",
    "requests, a head": "import requests\nr = requests.head('https://example.com/x.png')\nassert r.content == b'' and int(r.headers['Content-Length'])",
    "httpx": f"import httpx\nassert len(httpx.get('https://example.com/x.png', follow_redirects=True).content) == {len(PNG)}",
    "urllib3": f"import urllib3\nassert len(urllib3.PoolManager().request('GET', 'https://example.com/x.png').data) == {len(PNG)}",
    "a picture in a model's repository": "import requests\nassert requests.get('https://huggingface.co/any/model/resolve/main/images/input.png').ok",
    "torch.hub's download": f"import torch\ntorch.hub.download_url_to_file('https://github.com/pytorch/hub/raw/master/images/dog.jpg', 'dog.jpg', progress=False)\nassert len(open('dog.jpg', 'rb').read()) == {len(JPG)}",
}
# Programs that fail with fixtures as well.
STILL_FAILS = {
    "a name that is never defined": ("open('image.jpg')\nmodel.fit(data)", "name"),
    "a model's file": ("open('model.pth', 'rb')", "input"),
    "a model's parameters": ("open('model_weights.npz', 'rb')", "input"),
    "a file without a kind": ("open('something')", "input"),
    "a file of a kind that the program never names": ("import sys\nopen(sys.argv[0] + '.' + 'jp' + 'g')", "input"),
    "a hidden file": ("open('.settings.json')", "input"),
    "a file where others keep theirs": ("open('/tmp/data.csv')", "input"),
    "a file where nothing can be written": ("open('/etc/data.csv')", "input"),
    "a file in a folder of its own that it never makes": (
        "import os\nif 0: os.mkdir('data')\nopen('data/x.unknown')",
        "input",
    ),
    "a model's address": (f"from urllib.request import urlopen\nurlopen('{HUB}/config.json')", "network"),
    "a model's weights": ("from urllib.request import urlopen\nurlopen('https://example.com/model.pth')", "network"),
    "a hub": ("from urllib.request import urlopen\nurlopen('https://tfhub.dev/google/no-such/1')", "network"),
    "a repository": (
        "from urllib.request import urlopen\nurlopen('https://github.com/no-such/repository/zipball/main')",
        "network",
    ),
    "an address that only a library names": (
        "from urllib.request import urlopen\nurlopen('https://exam' 'ple.com/x.jpg'.replace('ple', 'ples'))",
        "network",
    ),
    "nowhere": ("from urllib.request import urlopen\nurlopen('http://attack.invalid/image.jpg')", "network"),
    "a number": ("from urllib.request import urlopen\nurlopen('http://127.0.0.1:9/image.jpg')", "network"),
    "what it sends": (
        "from urllib.request import urlopen\nurlopen('https://example.com/image.jpg', data=b'x')",
        "network",
    ),
    "a socket": ("import socket\n'https://example.com'\nsocket.create_connection(('example.com', 80))", "network"),
}
# Programs whose own files and folders must not be there before them.
OWN = {
    "makes a file that must be new": "open('result.txt', 'x').close()",
    "makes a folder that must be new": "import os\nos.mkdir('out')\nopen('out/a.txt', 'w').write('mine')\nassert open('out/a.txt').read() == 'mine'",
    "writes only what is missing": "import os\nif not os.path.exists('cache.json'):\n    with open('cache.json', 'w') as f: f.write('1')\nassert open('cache.json', 'r').read() == '1'",
    "writes into a folder that it takes for granted": "open('images/out.png', 'wb').write(b'mine')\nimport os\nassert os.listdir('images') == ['out.png']",
    "saves by a keyword": "import os\ndef separate(path, output_path): return os.path.exists(output_path)\nassert not separate('in.wav', output_path='out.wav')",
    "hands a name to a hub": "import os\ndef from_pretrained(name): return os.path.exists(name)\nassert not from_pretrained('tiny.txt')",
    "names more files than anyone reads": f"import os\n{[f'{i}.txt' for i in range(100)]}\nassert len(os.listdir()) < 70",
    "names what is no name": "names = '\\ud800.jpg', '\\ud800/a.jpg', 'a' * 230 + '.jpg', '\\0.jpg'\nopen('\\ud800/b.jpg', 'w') if 0 else None",
    "opens files in ways of its own": "import os, sys\nname = 'a.jpg'\nsys.audit('open')\nsys.audit('open', 1, 2, None)\nos.close(os.open('program.py', os.O_RDONLY))\nopen(b'program.py').close()",
    "imports what is not there": "try:\n    import whisper\nexcept ImportError: pass\nelse: raise AssertionError\nname = 'whisper/audio.wav'",
}


def open_with(kind, mode):
    if kind == "docker":
        return DockerSandbox(PYTHON, LIMITS, 1, inputs=mode)
    return ProcessSandbox(PYTHON, LIMITS, 1, namespaces=kind == "process", inputs=mode)


@pytest.fixture(scope="module", params=KINDS)
def given(request):
    opened = open_with(request.param, "fixtures")
    opened.kind = request.param
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=KINDS[1:2])
def given_libraries(request):
    opened = open_with(request.param, "fixtures")
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=KINDS[1:2])
def none(request):
    opened = open_with(request.param, "none")
    yield opened
    opened.close()


@pytest.mark.parametrize("name", READS)
def test_a_program_reads(given, name):
    verdict = given.run(Program(READS[name]))
    assert verdict.status == "passed", verdict


@pytest.mark.parametrize("name", READS_WITH_LIBRARIES)
def test_a_library_reads(given_libraries, name):
    verdict = given_libraries.run(Program(READS_WITH_LIBRARIES[name]))
    assert verdict.status == "passed", verdict


@pytest.mark.parametrize(
    "name", READS | {name: source for name, source in READS_WITH_LIBRARIES.items() if name != "numpy"}
)
def test_without_fixtures_it_fails_as_input(none, name):
    verdict = none.run(Program((READS | READS_WITH_LIBRARIES)[name]))
    assert (verdict.status, verdict.category) == ("failed", "input"), verdict


@pytest.mark.parametrize("name", STILL_FAILS)
def test_what_is_no_input_still_fails(given_libraries, name):
    source, category = STILL_FAILS[name]
    verdict = given_libraries.run(Program(source))
    assert (verdict.status, verdict.category) == ("failed", category), verdict


@pytest.mark.parametrize("name", OWN)
def test_a_program_that(given, name):
    verdict = given.run(Program(OWN[name]))
    assert verdict.status == "passed", verdict


@pytest.mark.parametrize("root", inputs.ROOTS)
def test_absolute_paths_are_found_where_the_sandbox_can_have_them(given, root):
    verdict = given.run(Program(f"assert open('{root}/to/an/image.jpg', 'rb').read(2) == b'\\xff\\xd8'"))
    if given.kind == "bare":  # a program has the machine's own folders
        assert (verdict.status, verdict.category) == ("failed", "input"), verdict
    else:
        assert verdict.status == "passed", verdict
        assert given.run(Program(f"import os\nassert os.listdir('{root}') == []")).status == "passed"


def test_nothing_is_put_into_a_folder_of_the_machine(tmp_path):
    opened = open_with("bare", "fixtures")
    try:
        verdict = opened.run(Program(f"names = '{tmp_path}/data.csv', '{tmp_path}/more'\nopen(names[0])"))
        assert (verdict.status, verdict.category) == ("failed", "input"), verdict
        assert not list(tmp_path.iterdir())
    finally:
        opened.close()


def test_the_call_counts_once_its_input_is_there(given_libraries, none):
    program = Program("import requests\nrequests.get('https://example.com/image.jpg')", "requests.get")
    assert given_libraries.run(program).stage == 4
    assert none.run(program).stage == 2


def test_an_unknown_repository_stays_unknown(given_libraries):
    source = (
        "import os\nos.environ['HF_HUB_OFFLINE'] = '1'\n"
        f"from huggingface_hub import hf_hub_download\n'{HUB}/config.json'\n"
        "hf_hub_download('no-such/model', 'config.json')"
    )
    verdict = given_libraries.run(Program(source))
    assert (verdict.status, verdict.category) == ("failed", "hub_not_found"), verdict


def test_without_fixtures_nothing_is_put_in_place(none):
    source = (
        "import http.client, os, sys, urllib.request\n'image.jpg', 'https://example.com/image.jpg'\n"
        "assert os.listdir() == ['program.py'], os.listdir()\n"
        "assert not hasattr(http.client.HTTPConnection.connect, '__wrapped__')\n"
        "assert all(type(f).__module__ != 'apigauge.sandboxes.worker.web' for f in sys.meta_path)"
    )
    verdict = none.run(Program(source))
    assert verdict.status == "passed", verdict


def test_a_program_without_inputs_finds_nothing(given_libraries):
    source = (
        "import os, sys\nassert os.listdir() == ['program.py'], os.listdir()\n"
        "assert all(type(f).__module__ != 'apigauge.sandboxes.worker.web' for f in sys.meta_path)"
    )
    verdict = given_libraries.run(Program(source))
    assert verdict.status == "passed", verdict


def test_further_files_come_first(tmp_path, monkeypatch):
    """A hub's folder may hold what only its environment can make (a model in a pickle), or better files."""
    (tmp_path / "sample.joblib").write_bytes(b"pickle")
    (tmp_path / "sample.txt").write_bytes(b"ours")
    from apigauge.sandboxes import worker_channel

    original = worker_channel.opening
    monkeypatch.setattr(worker_channel, "opening", lambda config: original(config | {"inputs_folder": str(tmp_path)}))
    opened = open_with("bare", "fixtures")
    try:
        source = (
            "assert open('model.joblib', 'rb').read() == b'pickle' and open('a.txt').read() == 'ours'\nopen('a.csv')"
        )
        verdict = opened.run(Program(source))
        assert verdict.status == "passed", verdict
    finally:
        opened.close()


PAGES = web.Pages(lambda host: True, lambda address: ("txt", b"ours") if address.endswith("/a.txt") else None)


def test_an_answer_to_a_head_has_no_body():
    get, head = (web.answer(PAGES, "http", "h", method + b" /a.txt HTTP/1.1\r\n\r\n") for method in (b"GET", b"HEAD"))
    assert get == head + b"ours"
    assert b"Content-Length: 4\r\n" in head


def test_what_is_no_input_is_requested_from_the_network_in_full():
    """httpcore's stream: connected late, encrypted as it was to be, and given all that was sent."""
    calls = []

    class Real:
        def start_tls(self, **how):
            calls.append(how)
            return self

        def write(self, data, timeout):
            calls.append(data)

        def read(self, count, timeout):
            return b"theirs"

    module = types.ModuleType("httpcore._backends.sync")
    module.SyncBackend = type("SyncBackend", (), {"connect_tcp": lambda self, host, port: Real()})
    web._patch_backend(PAGES, module)

    def ask(path):
        stream = module.SyncBackend().connect_tcp("example.com", 443).start_tls("context", "example.com", timeout=1)
        for part in (b"GET ", path, b" HTTP/1.1\r\n", b"\r\n"):
            stream.write(part)
        return stream.read(10_000)

    assert ask(b"/a.txt").endswith(b"ours")
    assert calls == []
    assert ask(b"/model.pth") == b"theirs"
    assert calls == [
        {"ssl_context": "context", "server_hostname": "example.com", "timeout": 1},
        b"GET /model.pth HTTP/1.1\r\n\r\n",
    ]


def test_the_files_are_what_they_say():
    files = inputs.files()
    assert sum(map(len, files.values())) < 150_000
    for kind, begin in {
        "bmp": b"BM",
        "flac": b"fLaC",
        "gif": b"GIF89a",
        "jpg": b"\xff\xd8\xff",
        "mp3": b"\xff\xf3",
        "npy": b"\x93NUMPY",
        "ogg": b"OggS",
        "pdf": b"%PDF-",
        "png": b"\x89PNG",
        "tiff": b"II*\0",
    }.items():
        assert files[f"sample.{kind}"].startswith(begin), kind
    for kind, inside in {"webp": b"WEBP", "mp4": b"ftyp", "m4a": b"ftyp", "avi": b"AVI "}.items():
        assert inside in files[f"sample.{kind}"][:16], kind
    with wave.open(io.BytesIO(files["sample.wav"])) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16_000)
    for kind in ("zip", "xlsx", "npz"):
        assert zipfile.ZipFile(io.BytesIO(files[f"sample.{kind}"])).testzip() is None
    rows = list(csv.DictReader(io.StringIO(files["sample.csv"].decode())))
    assert len(rows) == 8
    # A model's features are columns of the data.
    assert set(json.loads(files["sample.json"])["features"]) <= set(rows[0])
    assert len(ET.fromstring(files["sample.xml"])) == 3
    assert all(json.loads(line) for line in files["sample.jsonl"].splitlines())
    assert len(files["imagenet_labels.txt"].splitlines()) == 1000


def test_class_names_are_as_many_as_their_classifier_has(given):
    count = "len(open({!r}).read().splitlines())"
    source = f"assert {count.format('imagenet_classes.txt')} == 1000 and {count.format('ImageNetLabels.txt')} == 1001"
    verdict = given.run(Program(source))
    assert verdict.status == "passed", verdict


def test_the_manifest_says_which_inputs():
    assert inputs.described("none") == {"mode": "none", "digest": None}
    assert inputs.described("fixtures") == {"mode": "fixtures", "digest": inputs.digest()}
    assert len(inputs.digest()) == 12
