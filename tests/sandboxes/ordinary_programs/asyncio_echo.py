# callee: asyncio.run
import asyncio


async def handle(reader, writer):
    line = await reader.readline()
    writer.write(line.upper())
    await writer.drain()
    writer.close()


async def ask(port, text):
    reader, writer = await asyncio.open_connection("localhost", port)
    writer.write(text.encode() + b"\n")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer.decode().strip()


async def main():
    server = await asyncio.start_server(handle, "localhost", 0, family=2)
    port = server.sockets[0].getsockname()[1]
    async with server:
        return await asyncio.gather(*(ask(port, word) for word in ("one", "two", "three")))


print(asyncio.run(main()))
print(asyncio.run(asyncio.sleep(0, "slept")))
