# callee: zipfile.ZipFile
import gzip
import io
import sys
import tarfile
import zipfile
import zipimport

with zipfile.ZipFile("packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("zipped_module.py", "def hello():\n    return __name__\n")
    archive.writestr("data/numbers.txt", "1 2 3\n" * 100)
with zipfile.ZipFile("packed.zip") as archive:
    print(archive.namelist(), archive.testzip(), archive.getinfo("data/numbers.txt").file_size)
    print(archive.extract("data/numbers.txt"), zipfile.Path(archive, "data/").is_dir())
sys.path.insert(0, "packed.zip")
import zipped_module

print(zipped_module.hello(), type(zipped_module.__loader__) is zipimport.zipimporter)
with tarfile.open("packed.tar.gz", "w:gz") as archive:
    info = tarfile.TarInfo("note.txt")
    info.size = 5
    archive.addfile(info, io.BytesIO(b"hello"))
with tarfile.open("packed.tar.gz") as archive:
    print(archive.getnames(), archive.extractfile("note.txt").read())
print(gzip.decompress(gzip.compress(b"abc" * 10, mtime=0)))
try:
    zipfile.ZipFile(io.BytesIO(b"not a zip"))
except zipfile.BadZipFile as error:
    print(error)
