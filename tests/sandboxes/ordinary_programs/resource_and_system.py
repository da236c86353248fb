# callee: os.uname
import os
import platform
import resource
import sys
import sysconfig
import tempfile

print(os.uname().sysname, platform.python_implementation(), platform.python_version() == sys.version.split()[0])
print(sys.byteorder, sys.maxsize, sys.platform, sys.implementation.name, sys.flags.isolated, sys.flags.no_site)
print(sys.prefix == sys.base_prefix, sysconfig.get_python_version(), os.cpu_count() > 0, os.name, os.linesep == "\n")
print(resource.getrlimit(resource.RLIMIT_CORE)[0] >= -1, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0)
print(sys.flags.safe_path, sys.flags.no_user_site, sys.flags.ignore_environment, sys.flags.utf8_mode, sys.warnoptions)
print(os.access("/", os.W_OK), os.path.isdir(tempfile.gettempdir()), os.access(tempfile.gettempdir(), os.W_OK))
print(os.sysconf("SC_PAGE_SIZE"), len(os.getloadavg()), os.get_terminal_size.__name__, os.isatty(0))
print("site" in sys.modules, sys.getswitchinterval(), sys.getdefaultencoding(), sys.hexversion > 0x30B0000)
print("apigauge" in " ".join(sys.modules), [name for name in sys.argv if "apigauge" in name])
print(sys.gettrace(), sys.getprofile(), sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__)
