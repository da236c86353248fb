# callee: tempfile.TemporaryDirectory
import os
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory(prefix="mine-") as folder:
    path = Path(folder, "note.txt")
    path.write_text("temporary")
    print(Path(folder).name.startswith("mine-"), path.read_text(), oct(Path(folder).stat().st_mode))
print(Path(folder).exists(), Path(folder).parent == Path(tempfile.gettempdir()))
with tempfile.NamedTemporaryFile("w+", suffix=".csv") as file:
    file.write("a,b")
    file.seek(0)
    print(file.read(), file.name.endswith(".csv"), oct(os.stat(file.name).st_mode))
descriptor, name = tempfile.mkstemp()
os.close(descriptor)
os.unlink(name)
with tempfile.SpooledTemporaryFile(max_size=4) as spooled:
    spooled.write(b"12345")
    print(spooled._rolled, spooled.tell())
with tempfile.TemporaryFile() as file:
    print(file.write(b"abc"), os.fstat(file.fileno()).st_nlink)
print(tempfile.gettempprefix(), os.access(tempfile.gettempdir(), os.W_OK | os.X_OK))
