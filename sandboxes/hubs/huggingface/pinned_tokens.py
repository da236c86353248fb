"""Tokens of published vocabularies at their published numbers, which programs write down."""

from apigauge.sandboxes.hubs.huggingface import vocabularies

GPT2 = {
    "Hello": 15496,
    "Hi": 17250,
    "My": 3666,
    "The": 464,
    "This": 1212,
    "\u0120world": 995,
    "\u0120the": 262,
    "\u0120my": 616,
    "\u0120dog": 3290,
    "\u0120is": 318,
    "\u0120cute": 13779,
    "\u0120a": 257,
    "\u0120I": 314,
    "\u0120to": 284,
    "\u0120of": 286,
    "\u0120in": 287,
    "\u0120and": 290,
    "\u0120that": 326,
    "\u0120name": 1438,
}
CLIP = {"hello</w>": 3306, "world</w>": 1002, "a</w>": 320, "photo</w>": 1125, "of</w>": 539, "cat</w>": 2368}
ROBERTA = {".": 4, "\u0120the": 5, ",": 6, "\u0120to": 7, "Hello": 31414, "\u0120world": 232}


def placed(tokens: list[str], places: dict[str, int]) -> list[str]:
    """The tokens, with some of them moved to their places."""
    vocabularies.pin(tokens, places)
    return tokens
