"""What counts as an input: by its path, its address, and what a program's text does with it."""

import ast
import time

import pytest

from apigauge.sandboxes.worker import kinds
from apigauge.sandboxes.worker.classify import classify
from apigauge.sandboxes.worker.literals import Literals


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Error opening 'audio.wav': System error."),
        RuntimeError('Failed to open the input "audio.mp3" (No such file or directory).'),
        ValueError("Incorrect image source. Must be a valid URL starting with `http://`, got cat.jpg"),
        ValueError("{{function_node __wrapped__ReadFile}} image.jpg; No such file or directory [Op:ReadFile]"),
        Exception("(-215:Assertion failed) !_src.empty() in function 'cvtColor'"),
    ],
)
def test_what_libraries_say_of_a_file_that_is_not_there(error):
    assert classify(error).category == "input"


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("http://images.cocodataset.org/val2017/000000039769.jpg", "jpg"),
        ("https://user:word@example.com:8080/a%20b/cat.PNG?x=1#top", "png"),
        ("https://omniglot.com/soundfiles/udhr/udhr_th.mp3", "mp3"),
        ("https://your_image_url_here.jpg", "jpg"),
        ("http://your_image_url_here", "jpg"),
        ("https://invoice_image_url_here", "jpg"),
        ("https://example.com/get?format=wav", "wav"),
        ("https://example.com/podcast/17", "wav"),
        ("https://plus.unsplash.com/1673210886161-bfcc40f54d1f?w=1000", "jpg"),
        ("https://www.example.com/news/today", "html"),
        ("https://raw.githubusercontent.com/pytorch/hub/master/imagenet_classes.txt", "txt"),
        ("https://github.com/ultralytics/yolov5/raw/master/data/images/zidane.jpg", "jpg"),
        ("https://github.com/ultralytics/yolov5", None),
        ("https://github.com/ultralytics/yolov5/archive/main.zip", None),
        ("https://api.github.com/repos/a/b/contents/image.jpg", None),
        ("https://huggingface.co/a/b/resolve/main/input.png", "png"),
        ("https://huggingface.co/a/b/resolve/main/vocab.json", None),
        ("https://huggingface.co/a/b/resolve/main/merges.txt", None),
        ("https://huggingface.co/datasets/a/b/resolve/main/labels.json", "json"),
        ("https://huggingface.co/api/models/a/b", None),
        ("https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/classification/4", None),
        ("https://example.com/model/1?tf-hub-format=compressed", None),
        ("https://download.pytorch.org/models/resnet18-f37072fd.pth", None),
        ("https://download.pytorch.org/tutorial/image.jpg", None),
        ("https://storage.googleapis.com/tfhub-modules/google/nnlm.tar.gz", None),
        ("https://storage.googleapis.com/download.tensorflow.org/example_images/grace_hopper.jpg", "jpg"),
        ("https://s3.amazonaws.com/models/bert", None),
        ("https://example.com/weights.tar.gz", None),
        ("http://169.254.169.254/latest/image.jpg", None),
        ("http://[::1]/image.jpg", None),
        ("http://localhost/image.jpg", None),
        ("http://attack.invalid/image.jpg", None),
        ("ftp://example.com/image.jpg", None),
        ("file:///etc/image.jpg", None),
        ("image.jpg", None),
        ("https://", None),
    ],
)
def test_addresses(address, kind):
    assert kinds.of_address(address) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("image.JPEG", "jpg"),
        ("a/b/film.mov", "mp4"),
        ("config.json", "json"),
        ("model.json", None),
        ("model.jpg", "jpg"),
        (".jpg", None),
        ("path_to_image", "jpg"),
        ("/path/to/an/audio/file", "wav"),
        ("path/to/video", "mp4"),
        ("path/to/audio/model", None),
        ("path/to/image/output", None),
        ("image-classification", None),
        ("microsoft/speecht5_tts", None),
        ("openai/whisper-tiny.en", None),
        ("model.joblib", None),
    ],
)
def test_paths(path, kind):
    assert kinds.of_path(path) == kind


def test_what_a_program_does_with_its_paths():
    literals = Literals(
        ast.parse(
            "'''doc.txt'''\n"
            "out = 'a.wav'\nboth = 'b.wav'\nbase = 'data'\n"
            "torchaudio.save(out, x)\nread(both)\nsave(both)\nprint(out)\n"
            "os.path.join(base, 'c.csv')\nPath(base) / 'd.csv'\nf'{base}/e.csv'\n', '.join(['f.csv', x])\n"
            "f'{x}/g.csv'\nsample['h.csv']\nopen('i.txt', mode='w')\nopen('i.txt')\nZipFile('j.zip', 'r')\n"
            "loop = loop + 'k.csv'\nfor twice in y: twice = 'l.csv'\nm(twice)\n"
        )
    )
    paths = {text for text in literals.texts if "." in text}
    assert paths == {*("a.wav", "b.wav", "data/c.csv", "data/d.csv", "data/e.csv", "f.csv", "i.txt", "j.zip", "l.csv")}
    assert literals.written == {"a.wav", "i.txt"}
    assert {"/g.csv", "k.csv"} <= literals.parts


def test_a_program_made_to_take_long_takes_no_time():
    """Names that double each other's length, and sums as deep as Python compiles."""
    doubling = "\n".join(f"y{i} = y{i - 1} + y{i - 1}" for i in range(1, 2000)) + "\nprint(y9)" * 2000
    tree = ast.parse("y0 = 'a'\n" + doubling + "\nz = " + " + ".join(["'a'"] * 900))
    begin = time.process_time()
    Literals(tree)
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    "name", ["your_dataset", "your-audio-dataset", "path/to/your/dataset", "my_data", "PATH_TO_DATA"]
)
def test_a_data_set_that_says_it_is_a_user_s_own(name):
    assert kinds.is_own(name)


@pytest.mark.parametrize("name", ["anton-l/superb_demo", "common_voice", "imagefolder", "json", "mypath/x", "yours/x"])
def test_a_data_set_of_the_hub_is_no_input(name):
    assert not kinds.is_own(name)


def test_what_is_loaded_as_a_data_set_is_known_by_its_place():
    program = "load_dataset('a', 'b', split='c')\nload_dataset(path='d')\nload_dataset('json', data_files='e.json')"
    literals = Literals(ast.parse(program + "\nfrom_pretrained('f')"))
    assert literals.data_sets == {"a", "d", "json"}
