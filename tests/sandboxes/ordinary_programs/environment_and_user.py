# callee: getpass.getuser
import getpass
import grp
import os
import pwd
from pathlib import Path

user = pwd.getpwuid(os.getuid())
print(getpass.getuser() == user.pw_name, os.path.expanduser("~") == os.environ["HOME"])
print(Path.home() == Path(os.environ["HOME"]), os.access(Path.home(), os.W_OK), os.getuid() == os.geteuid())
print(pwd.getpwnam("root").pw_uid, grp.getgrgid(0).gr_name, os.getgroups() in ([], [os.getgid()]))
print(os.path.expanduser("~root"), os.path.expandvars("$LANG"), os.getenv("NO_SUCH_VARIABLE", "none"))
print(Path("~").expanduser().is_dir(), (user.pw_uid, user.pw_gid) == (os.getuid(), os.getgid()))
