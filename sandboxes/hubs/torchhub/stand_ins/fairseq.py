"""fairseq's models behind the interfaces that its hub returns: translation, language models, RoBERTa, BART."""

import re
import zlib
from typing import Any

import torch
from torch import Tensor, nn

from apigauge.sandboxes.hubs.torchhub.stand_ins.core import seeded

_WORDS = 4000
# RoBERTa's and BART's; only the first _WORDS have vectors of their own.
_VOCABULARY = 50_265
_PIECES = re.compile(rf"{re.escape('<mask>')}| ?\w+| ?(?:(?!{re.escape('<mask>')})[^\s\w])+|\s+")
_MASK = "<mask>"
_TOKENIZERS = (None, "moses", "nltk", "space")
_BPES = (
    None,
    "fastbpe",
    "subword_nmt",
    "gpt2",
    "sentencepiece",
    "bert",
    "byte_bpe",
    "bytes",
    "characters",
    "hf_byte_bpe",
)


class _Interface(nn.Module):
    """Words as numbers and back: each interface remembers the words it has met."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._words: dict[int, str] = {}
        with seeded(name):
            self.register_buffer("_float_tensor", torch.tensor([0], dtype=torch.float))
            self.model = nn.Embedding(_WORDS, 16)
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.weight.device

    def _number(self, word: str) -> int:
        number = 4 + zlib.crc32(word.encode()) % (_WORDS - 4)
        while self._words.setdefault(number, word) != word:
            number = 4 + (number - 3) % (_WORDS - 4)
        return number

    def decode(self, tokens: Tensor) -> str:
        """Words for numbers."""
        assert tokens.dim() == 1
        return " ".join(self._words[number] for number in tokens.tolist() if number in self._words)


class Generator(_Interface):
    """``GeneratorHubInterface``: translation, and language models, which continue a sentence."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.models = nn.ModuleList([self.model])

    def translate(self, sentences: str | list[str], beam: int = 5, verbose: bool = False, **kwargs: Any) -> Any:
        """A sentence for each; one for one."""
        return self.sample(sentences, beam, verbose, **kwargs)

    def sample(self, sentences: str | list[str], beam: int = 1, verbose: bool = False, **kwargs: Any) -> Any:
        """The best of what :meth:`generate` finds, as text."""
        if isinstance(sentences, str):
            return self.sample([sentences], beam, verbose, **kwargs)[0]
        beams = self.generate([self.encode(sentence) for sentence in sentences], beam, verbose, **kwargs)
        return [self.decode(hypotheses[0]["tokens"]) for hypotheses in beams]

    def score(self, sentences: str | list[str], **_kwargs: Any) -> Any:
        """How likely each is."""
        if isinstance(sentences, str):
            return self.score([sentences])[0]
        return [self._hypothesis(self.encode(sentence), 0) for sentence in sentences]

    def generate(self, tokenized_sentences: Any, beam: int = 5, verbose: bool = False, **_kwargs: Any) -> Any:  # noqa: ARG002
        """As many hypotheses as the beam is wide, for each sentence."""
        if torch.is_tensor(tokenized_sentences) and tokenized_sentences.dim() == 1:
            return self.generate([tokenized_sentences], beam)[0]
        return [[self._hypothesis(tokens, rank) for rank in range(beam)] for tokens in tokenized_sentences]

    def encode(self, sentence: str) -> Tensor:
        """Numbers for words, with an end."""
        return torch.tensor([*(self._number(word) for word in sentence.split()), 2])

    @staticmethod
    def _hypothesis(tokens: Tensor, rank: int) -> dict[str, Any]:
        scores = torch.full((len(tokens),), -0.1 - rank)
        return {"tokens": tokens, "score": scores.mean(), "attention": None, "positional_scores": scores}

    def tokenize(self, sentence: str) -> str:
        """The sentence in words."""
        return " ".join(sentence.split())

    def detokenize(self, sentence: str) -> str:
        """Words as a sentence."""
        return sentence

    def apply_bpe(self, sentence: str) -> str:
        """Words in pieces; here none is cut."""
        return sentence

    def remove_bpe(self, sentence: str) -> str:
        """Pieces as words."""
        return sentence.replace("@@ ", "")

    def binarize(self, sentence: str) -> Tensor:
        """Numbers for words."""
        return self.encode(sentence)

    def string(self, tokens: Tensor) -> str:
        """Words for numbers."""
        return self.decode(tokens)


class Roberta(_Interface):
    """``RobertaHubInterface``: features, classification, filling masks; BART's adds generation."""

    def __init__(self, name: str, width: int, layers: int, heads: dict[str, int] | None = None) -> None:
        super().__init__(name)
        self._width, self._layers = width, layers
        self.classification_heads = nn.ModuleDict()
        with seeded(f"{name} heads"):
            for head, classes in (heads or {}).items():
                self.register_classification_head(head, classes)

    def encode(self, sentence: str, *addl_sentences: str, no_separator: bool = False) -> Tensor:
        """Numbers for words and marks, with a beginning, ends and separators."""
        numbers = [0, *(self._number(word) for word in _PIECES.findall(sentence)), 2]
        for one in addl_sentences:
            numbers += [*([] if no_separator else [2]), *(self._number(word) for word in _PIECES.findall(one)), 2]
        return torch.tensor(numbers)

    def decode(self, tokens: Tensor) -> Any:
        """The sentence of numbers, or the sentences where two separators stand between them."""
        assert tokens.dim() == 1
        parts: list[str] = [""]
        numbers = tokens.tolist()
        for number, following in zip(numbers, [*numbers[1:], None], strict=True):
            if number == 2 and following == 2:
                parts.append("")
            parts[-1] += self._words.get(number, "")
        return parts[0] if len(parts) == 1 else parts

    def extract_features(self, tokens: Tensor, return_all_hiddens: bool = False) -> Any:
        """(batch, length, width), or one for each layer and the embeddings."""
        if tokens.dim() == 1:
            tokens = tokens.unsqueeze(0)
        if tokens.size(-1) > 512:
            raise ValueError(f"tokens exceeds maximum length: {tokens.size(-1)} > 512")
        if int(tokens.max()) >= _VOCABULARY or int(tokens.min()) < 0:
            raise IndexError("index out of range in self")
        features = self.model(tokens.to(self.device) % _WORDS).repeat(1, 1, self._width // 16)
        return [features] * (self._layers + 1) if return_all_hiddens else features

    def register_classification_head(self, name: str, num_classes: int | None = None, **_kwargs: Any) -> None:
        """A head for :meth:`predict`."""
        self.classification_heads[name] = nn.Linear(self._width, num_classes or 2)

    def predict(self, head: str, tokens: Tensor, return_logits: bool = False) -> Tensor:
        """Log probabilities of the head's classes."""
        logits: Tensor = self.classification_heads[head](self.extract_features(tokens)[:, 0])
        return logits if return_logits else torch.log_softmax(logits, dim=-1)

    def fill_mask(self, masked_input: str, topk: int = 5) -> list[tuple[str, float, str]]:
        """The sentence with likely words in the place of the mask, how likely, and the words."""
        assert _MASK in masked_input and masked_input.count(_MASK) == 1, (  # noqa: PT018 - fairseq's own check
            f"Please add one {_MASK} token for the input, eg: 'He is a {_MASK} guy'"
        )
        words = [f" word{number}" for number in range(topk)]
        return [(masked_input.replace(_MASK, word.strip()), 1 / (rank + 2), word) for rank, word in enumerate(words)]


class Bart(Roberta):
    """``BARTHubInterface``."""

    sample = Generator.sample
    generate = Generator.generate
    _hypothesis = staticmethod(Generator._hypothesis)  # noqa: SLF001 - the same package


def translation(name: str, tokenizer: str | None = None, bpe: str | None = None, **_overrides: Any) -> nn.Module:
    """A model that translates or continues a text; other arguments override its settings.

    Raises:
        ValueError: the tokenizer or the kind of word pieces is not known.
    """
    for kind, choice, names in (("tokenizer", tokenizer, _TOKENIZERS), ("bpe", bpe, _BPES)):
        if choice not in names:
            raise ValueError(f"Cannot find {kind} {choice!r}")
    return Generator(name)


def encoder(name: str, **_overrides: Any) -> nn.Module:
    """RoBERTa, its translations into other languages, or BART."""
    large = ".base" not in name and "camembert" not in name
    heads = {"mnli": 3} if name.endswith(".mnli") else None
    kind = Bart if name.startswith("bart") else Roberta
    return kind(name, 1024 if large else 768, 24 if large else 12, heads)
