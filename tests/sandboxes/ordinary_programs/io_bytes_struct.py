# callee: struct.pack
import array
import base64
import hashlib
import hmac
import io
import os
import struct
import zlib

data = struct.pack("<IhB3s", 1, -2, 3, b"abc")
print(data, struct.unpack("<IhB3s", data), struct.calcsize("@lb"))
print(hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest(), zlib.crc32(data))
print(hmac.new(b"key", data, "sha1").hexdigest(), base64.b64encode(data), len(os.urandom(5)))
view = memoryview(bytearray(range(10)))
view[2:4] = b"zz"
print(view[:5].tobytes(), view.cast("H").tolist()[:2], array.array("d", [1.5]).tobytes())
stream = io.BufferedReader(io.BytesIO(b"line one\nline two"))
print(stream.peek(4)[:4], stream.readline(), stream.seek(-3, io.SEEK_END), stream.read())
print(io.TextIOWrapper(io.BytesIO("é\r\nb".encode("latin-1")), "latin-1").readlines(), (300).to_bytes(2, "big"))
with open("data.bin", "wb") as file:
    file.write(bytes(100))
    file.truncate(10)
with open("data.bin", "r+b") as file:
    file.seek(5)
    file.write(b"x")
print(os.path.getsize("data.bin"), open("data.bin", "rb").read())
