# callee: asyncio.create_subprocess_exec
import asyncio
import sys


async def main():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; print(sys.stdin.read()[::-1])",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(b"stressed")
    print(process.returncode, out)
    slow = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    try:
        await asyncio.wait_for(slow.wait(), 0.2)
    except asyncio.TimeoutError:
        slow.terminate()
        print("terminated", await slow.wait())


asyncio.run(main())
