# callee: importlib.import_module
import importlib
import importlib.util
import os
import sys
from pathlib import Path

here = Path(__file__).parent
print(Path(__file__).is_absolute(), here == Path.cwd(), sys.path[0] == str(here), os.path.dirname(__file__) != "")
(here / "helper_module.py").write_text("NAME = __name__\nVALUE = 1\n\ndef where():\n    return __file__\n")
helper = importlib.import_module("helper_module")
print(helper.NAME, helper.VALUE, Path(helper.where()).parent == here, Path(helper.__cached__).exists())
(here / "helper_module.py").write_text("NAME = __name__\nVALUE = 22222\n")
print(importlib.reload(helper).VALUE, helper is sys.modules["helper_module"])
(here / "package").mkdir()
(here / "package" / "__init__.py").write_text("from . import part\n")
(here / "package" / "part.py").write_text("print('imported', __name__, __package__)\n")
import package

print(package.part.__spec__.parent, importlib.util.find_spec("no_such_module_at_all"))
spec = importlib.util.spec_from_file_location("other_name", here / "helper_module.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.NAME, "other_name" in sys.modules)
