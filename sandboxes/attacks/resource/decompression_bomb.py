"""Two megabytes that decompress to 2 GiB: one block of zeros, repeated."""
# expect: memory | failed/other | timeout
import zlib

packer = zlib.compressobj(9, zlib.DEFLATED, -15)
block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
zlib.decompress(block * 2048, -15)
