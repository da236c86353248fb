# callee: runpy.run_path
import runpy
import sys
from pathlib import Path

Path("part.py").write_text(
    "import sys\nprint(__name__, sys.argv[0] == __file__, 'spec' if __spec__ else None)\nif __name__ == 'part': x = 1\nelse: x = 2\n"
)
print(runpy.run_path("part.py", run_name="part")["x"])
print(runpy.run_path("part.py", init_globals={"y": 5})["y"])
print(sorted(name for name in runpy.run_module("part", run_name="other") if not name.startswith("__")))
print(sys.argv[0] == __file__ or sys.argv[0] == "program.py", __name__)
try:
    runpy.run_path("absent.py")
except FileNotFoundError as error:
    print(error.strerror)
