# callee: configparser.ConfigParser
import configparser
import html
import io
import tomllib
import urllib.parse
import uuid
import xml.etree.ElementTree as ET

root = ET.fromstring("<shop><item id='1'>pen</item><item id='2'>ink</item></shop>")
print([(item.get("id"), item.text) for item in root.iter("item")], root.find("item[@id='2']").text)
ET.SubElement(root, "item", id="3").text = "<&>"
ET.indent(root)
print(ET.tostring(root, encoding="unicode"))
config = configparser.ConfigParser()
config.read_string("[a]\nx = 1\ny = %(x)s2\n[b]\nflag = yes\n")
text = io.StringIO()
config.write(text)
print(text.getvalue(), config["a"]["y"], config.getboolean("b", "flag"), config.read("absent.ini"))
print(tomllib.loads('a = 1\n[b]\nc = ["x", 2024-01-01]'), html.escape("<a href='x'>"))
print(urllib.parse.urlsplit("http://u@h:8/p?q=1#f"), urllib.parse.urlencode({"a b": "ü"}))
print(uuid.uuid5(uuid.NAMESPACE_DNS, "example.org"), uuid.UUID(int=5))
