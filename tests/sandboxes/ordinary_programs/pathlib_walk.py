# callee: pathlib.Path
import fnmatch
import glob
import os
import pathlib
import shutil

base = pathlib.Path("tree")
for name in ("a/one.txt", "a/b/two.txt", "c/three.md", "c/.hidden"):
    path = base / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)
print(sorted(str(path) for path in base.rglob("*.txt")), sorted(glob.glob("tree/**/*", recursive=True)))
for folder, folders, files in sorted(os.walk("tree")):
    print(folder, sorted(folders), sorted(files))
print(sorted(path.name for path in pathlib.Path().iterdir()))
print(sorted(os.listdir()), sorted(glob.glob("*.py")))
shutil.copytree("tree", "copy", ignore=shutil.ignore_patterns("*.md"))
shutil.move("copy/a", "moved")
shutil.make_archive("packed", "tar", "moved")
shutil.rmtree("copy")
print(sorted(os.listdir()), os.path.relpath("moved/b", "tree"), fnmatch.filter(["a.py", "b.c"], "*.py"))
try:
    pathlib.Path("absent").read_text()
except FileNotFoundError as error:
    print(error, error.errno, error.filename)
print(pathlib.PurePosixPath("/x/../y").as_uri(), base.resolve().is_relative_to(pathlib.Path.cwd()))
print(shutil.which("sh"), shutil.which("no-such-command"))
