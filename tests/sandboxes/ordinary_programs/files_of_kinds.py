# callee: os.mkfifo
import os
import stat
import threading

os.mkdir("folder")
with open("folder/file.txt", "w") as file:
    file.write("text")
os.symlink("file.txt", "folder/link")
os.link("folder/file.txt", "folder/hard")
os.mkfifo("folder/pipe")
for entry in sorted(os.scandir("folder"), key=lambda one: one.name):
    info = entry.stat(follow_symlinks=False)
    print(entry.name, stat.filemode(info.st_mode), info.st_nlink, entry.is_file(), entry.is_symlink())


def write():
    with open("folder/pipe", "w") as pipe:
        pipe.write("through the pipe")


thread = threading.Thread(target=write)
thread.start()
with open("folder/pipe") as pipe:
    print(pipe.read())
thread.join()
os.chmod("folder/file.txt", 0o640)
os.utime("folder/file.txt", (0, 1))
print(oct(os.stat("folder/hard").st_mode), os.stat("folder/hard").st_mtime, os.readlink("folder/link"))
print(oct(os.umask(0o077)), oct(os.umask(0o022)), os.path.realpath("folder/link").endswith("folder/file.txt"))
