"""The rules of the digests that name images, hubs and files, written out here without the product.

A changed rule would give every image and every hub that people have built another name.
"""

import hashlib

from apigauge.sandboxes.digests import short_digest, sized_files_digest, tree_digest


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_each_file_is_preceded_by_its_name_and_size():
    assert sized_files_digest([("b/x", b"text\n"), ("a", b"")]) == sha256(b"b/x 5\ntext\na 0\n")


def test_a_tree_is_its_paths_sizes_contents_and_links_in_order(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"12")
    (tmp_path / "link").symlink_to("sub")
    (tmp_path / "z").write_bytes(b"")
    lines = [
        b"link\0-> sub\0\n",
        b"z\0000\0%s\n" % sha256(b"").encode(),
        b"sub/file\0002\0%s\n" % sha256(b"12").encode(),
    ]
    assert tree_digest(tmp_path) == sha256(b"".join(lines))
    assert tree_digest(tmp_path, contents=False) == sha256(b"link\0-> sub\0\nz\0000\0\nsub/file\0002\0\n")


def test_a_short_digest_is_the_first_twelve_digits():
    assert short_digest(b"x") == sha256(b"x")[:12]
