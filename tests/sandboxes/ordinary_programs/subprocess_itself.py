# callee: subprocess.run
import os
import subprocess
import sys

if os.environ.get("AGAIN"):
    print("again", sys.argv[1:], __name__, os.path.isabs(__file__))
    sys.exit(5)
print("first", flush=True)
environment = dict(os.environ, AGAIN="1")
done = subprocess.run([sys.executable, __file__, "x", "--y"], env=environment, capture_output=True, text=True)
print(done.returncode, repr(done.stdout), repr(done.stderr))
print(subprocess.check_output([sys.executable, "-c", "import sys; print(sys.argv, sys.path[0] == '')"], text=True))
print(subprocess.run("echo $((6 * 7)); exit 2", shell=True, stdout=subprocess.PIPE).stdout)
try:
    subprocess.run([sys.executable, "-c", "raise SystemExit(9)"], check=True)
except subprocess.CalledProcessError as error:
    print(error.returncode)
try:
    subprocess.run(["sleep", "60"], timeout=0.2)
except subprocess.TimeoutExpired:
    print("timed out")
piped = subprocess.Popen([sys.executable, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(piped.communicate("print('from standard input')"))
os.chdir("/")
print(subprocess.run([sys.executable, os.path.abspath(__file__)], env=environment, capture_output=True).returncode)
print(os.system("true"), os.popen("printf popen").read())
