"""Lists that come with the package: words, characters, names of classes and languages."""

import json
from pathlib import Path

LISTS: dict[str, list[str]] = json.loads(Path(__file__).with_name("lists.json").read_text(encoding="utf-8"))
WORDS: list[str] = LISTS["words"]

# Beyond ASCII: what the catalogue's languages need to be spelt at all, and a few whole words of none.
LETTERS = (
    "".join(chr(code) for code in range(0xC0, 0x180) if chr(code).isalpha())
    + "абвгдежзийклмнопрстуфхцчшщъыьэюяёАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁ"
    + "ابتثجحخدذرزسشصضطظعغفقكلمنهويءةى"
    + "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"
    + "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンー"
    + "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生我好天家学日本語東京"
    + "가나다라마바사아자차카타파하이그는을를에의도로고한국어오늘날씨"
)
# Phonemes as espeak writes them.
SOUNDS = (
    "abdefhijklmnoprstuvwz\u00e6\u00f0\u014b\u0250\u0251\u0259\u025b\u0261\u026a\u0279\u0283\u028a\u028c\u0292"
    "\u02c8\u02cc\u02d0\u03b8"
)
ASCII = "".join(chr(code) for code in range(33, 127))
WORD_MARK = "\u2581"
