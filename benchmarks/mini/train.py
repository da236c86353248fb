"""Trains the checkpoint in this folder: ``python -m apigauge.benchmarks.mini.train FOLDER``.

The checkpoint is a small GPT-2 for ``mini``, trained on ``mini``'s catalogue, its training part, and docstrings: its
word vectors are initialised from the libraries' documentation (vectors.py). Each API's name is one token, so that it is
chosen at once; its vector is initialised with the mean of the words in its questions. Words of questions are shuffled,
dropped and mixed with another question for the same API, since 224 questions can be memorised in a minute. The model
first learns to name the call, then to write the catalogue's program as well.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.mini.vectors import END, docstrings, learn_tokenizer, learn_vectors
from apigauge.benchmarks.types import Api, Item, instruction_prompt

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings that decide the weights, together with the texts.

    Attributes:
        vocabulary: number of tokens, without the names of the APIs.
        word_width: of a word vector.
        position_width: of a position's vector, which is concatenated with the word's.
        layers: of the model.
        heads: of the model; vLLM needs a width of at least 32 for each.
        context: tokens.
        call_steps: steps on answers without their program.
        program_steps: steps on whole answers, after those.
        batch: answers in a step; half as many where they have a program.
        rate: learning rate; it rises over the first 50 steps and falls over the last 40 % of all steps.
        vector_rate: learning rate of the word vectors, as a fraction of ``rate``.
        dropout: of embeddings and residuals.
        seed: of all random numbers.
    """

    vocabulary: int = 6000
    word_width: int = 128
    position_width: int = 32
    layers: int = 2
    heads: int = 5
    context: int = 512
    call_steps: int = 200
    program_steps: int = 700
    batch: int = 32
    rate: float = 2e-3
    vector_rate: float = 0.1
    dropout: float = 0.2
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """The learning rate at a step, as a fraction of ``rate``."""
        left = 1 - step / (self.call_steps + self.program_steps)
        return min(1.0, (step + 1) / 50, left / 0.4)


def answers(api: Api) -> tuple[str, str]:
    """The two parts of an answer as in APIBench's training files, without the domain: the call, and its program."""
    return f" <<<api_call>>>: {api.call}\n", f"<<<code>>>: {api.example.strip()}{END}"


def name(api: Api) -> str:
    """The function's dotted name."""
    return api.call.partition("(")[0]


def questions(items: Sequence[Item], catalogue: Sequence[Api], draw: random.Random) -> Iterator[tuple[Api, str]]:
    """Yields endless pairs of an API and a question about it."""
    instructions = {
        api.call: [one.instruction.split() for one in items if one.reference_call == api.call] for api in catalogue
    }
    while True:
        api = draw.choice(catalogue)
        words = draw.choice(instructions[api.call]) if draw.random() < 0.9 else api.description.split()
        if draw.random() < 0.3:
            other = draw.choice(instructions[api.call])
            halves = [words[: draw.randrange(1, len(words))], other[draw.randrange(1, len(other)) :]]
            words = [word for half in draw.sample(halves, 2) for word in half]
        share = draw.random() / 2
        words = [word for word in words if draw.random() >= share] or words
        if draw.random() < 0.3:
            draw.shuffle(words)
        text = " ".join(words)
        yield api, text.lower() if draw.random() < 0.3 else text


def train(recipe: Recipe, items: Sequence[Item], texts: Sequence[str]) -> tuple[Any, Any]:
    """The tokenizer and the model.

    Args:
        recipe: the settings.
        items: the questions to learn from.
        texts: docstrings.
    """
    import torch
    from transformers import PreTrainedTokenizerFast

    torch.manual_seed(recipe.seed)
    catalogue = load_benchmark("mini").catalogue
    english = [*(item.instruction for item in items), *(api.description for api in catalogue)]
    tokenizer = learn_tokenizer(texts, [*english, *(api.example for api in catalogue)], recipe.vocabulary)
    encoded = [one.ids for one in tokenizer.encode_batch([*texts, *english * 10])]
    words = learn_vectors(encoded, tokenizer.get_vocab_size(), recipe.word_width)
    names = _name_vectors(words, tokenizer, items, catalogue)
    tokenizer.add_tokens([name(api) for api in catalogue])
    model = _model(recipe, words, names)
    draw = random.Random(recipe.seed)  # noqa: S311 - no secret
    _fit(model, tokenizer, questions(items, catalogue, draw), recipe)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, model_max_length=recipe.context), model


def _name_vectors(words: "Array", tokenizer: Any, items: Sequence[Item], catalogue: Sequence[Api]) -> "Array":
    """For each API the mean vector of its questions' words, minus the mean over all APIs.

    Rare words count for more: Arora, Liang & Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings" (2017).
    """
    import numpy as np

    texts = [(api.call, api.description) for api in catalogue]
    texts += [(item.reference_call, item.instruction) for item in items]
    tokens = [np.asarray(tokenizer.encode(text).ids) for _, text in texts]
    counts = np.bincount(np.concatenate(tokens), minlength=len(words))
    weights = 1e-3 / (1e-3 + counts / counts.sum())
    means = np.stack([np.average(words[one], axis=0, weights=weights[one]) for one in tokens])
    vectors = np.stack([means[[call == api.call for call, _ in texts]].mean(axis=0) for api in catalogue])
    vectors -= vectors.mean(axis=0)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _model(recipe: Recipe, *vectors: "Array") -> Any:
    """The untrained model: tokens have their word vectors, positions sines, so that near positions are similar."""
    import numpy as np
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    words, positions = recipe.word_width, recipe.position_width
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=sum(map(len, vectors)),
            n_positions=recipe.context,
            n_embd=words + positions,
            n_layer=recipe.layers,
            n_head=recipe.heads,
            resid_pdrop=recipe.dropout,
            embd_pdrop=recipe.dropout,
            attn_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    angles = torch.arange(recipe.context)[:, None] * 200.0 ** (-torch.arange(positions // 2) / (positions // 2))
    scale = 0.05  # of one component of a vector, about that of a trained GPT-2
    with torch.no_grad():
        model.transformer.wte.weight.zero_()[:, :words] = torch.from_numpy(np.concatenate(vectors)) * (
            scale * words**0.5
        )
        model.transformer.wpe.weight.zero_()[:, words:] = scale * torch.cat([angles.sin(), angles.cos()], dim=1)
    return model


def _fit(model: Any, tokenizer: Any, pairs: Iterator[tuple[Api, str]], recipe: Recipe) -> None:
    import torch

    vectors = model.transformer.wte.weight
    others = [parameter for parameter in model.parameters() if parameter is not vectors]
    groups = [
        {"params": [vectors], "lr": recipe.rate * recipe.vector_rate, "weight_decay": 0.0},
        {"params": [one for one in others if one.dim() > 1], "weight_decay": 0.1},
        {"params": [one for one in others if one.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, recipe.rate_at)
    model.train()
    steps, began = recipe.call_steps + recipe.program_steps, time.monotonic()
    for step in range(steps):
        with_program = step >= recipe.call_steps
        rows = [next(pairs) for _ in range(recipe.batch // 2 if with_program else recipe.batch)]
        loss = _loss(model, tokenizer, rows, with_program=with_program)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            took = f"{time.monotonic() - began:.0f} s"
            print(f"step {step + 1} of {steps}: loss {loss.item():.3f}, {took}", file=sys.stderr)
    model.eval()


def _loss(model: Any, tokenizer: Any, rows: Sequence[tuple[Api, str]], *, with_program: bool) -> Any:
    """Mean cross entropy of the answers' tokens; the question's do not count."""
    import torch

    sides = []
    for api, question in rows:
        named, program = answers(api)
        texts = (instruction_prompt(Item("", question, "", "", "", "")), named + program if with_program else named)
        sides.append([tokenizer.encode(text).ids for text in texts])
    width = min(max(len(prompt) + len(answer) for prompt, answer in sides), model.config.n_positions)
    tokens = torch.zeros(len(sides), width, dtype=torch.long)
    learnt = torch.zeros(len(sides), width, dtype=torch.bool)
    for row, (prompt, answer) in enumerate(sides):
        whole = [*prompt, *answer][:width]
        tokens[row, : len(whole)] = torch.tensor(whole)
        learnt[row, len(prompt) : len(whole)] = True
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = model.transformer(tokens).last_hidden_state[:, :-1][learnt[:, 1:]]
        logits = model.lm_head(states)
    return torch.nn.functional.cross_entropy(logits.float(), tokens[:, 1:][learnt[:, 1:]])


def round_weights(model: Any) -> None:
    """Rounds every weight to 16 bits of significand, so that the package, which is compressed, is a megabyte smaller.

    They stay float32; no weight changes by more than 2 ** -16 of itself.
    """
    import torch

    dropped = 8  # of the 24 bits of a float32's significand
    for parameter in model.parameters():
        bits = parameter.data.view(torch.int32)
        bits.add_(1 << (dropped - 1)).bitwise_and_(-(1 << dropped))


def main() -> None:
    """Trains and writes a checkpoint."""
    parser = argparse.ArgumentParser(description="Train the checkpoint of the mini benchmark.")
    parser.add_argument("folder", type=Path, help="where to write it")
    folder: Path = parser.parse_args().folder
    tokenizer, model = train(Recipe(), load_benchmark("mini").train, docstrings())
    round_weights(model)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


if __name__ == "__main__":
    main()
