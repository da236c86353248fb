"""The policy evaluates and draws answers as if each were alone in its batch and each token computed separately."""

import dataclasses

import pytest
import torch
from tiny_checkpoints import save_words
from transformers import AutoModelForCausalLM

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.policy import Answers, Inverse, Policy

WORDS = list("abcdefgh")
PROMPTS = ["a b c", "d", "e f g h a b", "c c"]
TEMPERATURE = 0.7


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def folder(request, tmp_path_factory):
    return save_words(tmp_path_factory.mktemp("words") / "model", WORDS, kind=request.param)


def opened(folder, **options):
    given = {"max_new_tokens": 6, "temperature": TEMPERATURE, "device": "cpu"} | options
    policy = Policy(find(str(folder)), TrainOptions(**given))
    torch.nn.init.normal_(policy.head.weight, generator=torch.Generator().manual_seed(1))
    return policy


def drawn(policy, prompts=PROMPTS, seed=3):
    uniform = torch.rand(len(prompts), 6, generator=torch.Generator().manual_seed(seed))
    return policy.draw(policy.encode(prompts, chat=False), uniform)


def alone(folder, policy, prompt, answer):
    """Log-probabilities and values before each token, from the prompt and the tokens before it and nothing else."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    ids, log_p, values = [WORDS.index(word) + 1 for word in prompt.split()], [], []
    for token in answer:
        output = model(torch.tensor([ids]), output_hidden_states=True)
        log_p.append(torch.log_softmax(output.logits[0, -1] / TEMPERATURE, dim=-1))
        values.append(output.hidden_states[-1][0, -1] @ policy.head.weight[0].double() + policy.head.bias[0].double())
        ids.append(token)
    return torch.stack(log_p), torch.stack(values)


def check_read(folder, policy, answers):
    with torch.no_grad():
        log_p, values = policy.read(answers)
        for row, prompt in enumerate(PROMPTS):
            own = answers.answered[row]
            expected = alone(folder, policy, prompt, answers.tokens[row][own].tolist())
            torch.testing.assert_close(log_p[row][own].double(), expected[0], rtol=0, atol=1e-5)
            torch.testing.assert_close(values[row][own].double(), expected[1], rtol=0, atol=1e-5)


def test_log_probabilities_and_values_are_those_before_each_token(folder):
    policy = opened(folder)
    answers, _ = drawn(policy)
    lengths = answers.answered.sum(dim=1)
    assert lengths.min() < lengths.max(), "the answers should be ragged"
    check_read(folder, policy, answers)
    with torch.no_grad():
        assert torch.equal(policy.read(answers)[0], policy.read_start(answers))


@pytest.mark.parametrize("by", [-1, 1])
def test_an_offset_of_one_token_is_caught_by_the_check(folder, monkeypatch, by):
    policy = opened(folder)
    answers, _ = drawn(policy)
    read = policy.read
    for which in (0, 1):

        def wrong(answers, which=which):
            result = list(read(answers))
            result[which] = torch.roll(result[which], by, dims=1)
            return result

        monkeypatch.setattr(policy, "read", wrong)
        with pytest.raises(AssertionError):
            check_read(folder, policy, answers)


def test_more_padding_changes_neither_numbers_nor_gradients(folder):
    policy = opened(folder)
    answers, _ = drawn(policy)
    before, behind = torch.zeros(4, 3, dtype=torch.long), torch.full((4, 2), 5)
    padded = Answers(
        torch.cat([before, answers.ids, behind], dim=1),
        torch.cat([before.bool(), answers.mask, torch.zeros(4, 2, dtype=torch.bool)], dim=1),
        answers.start + 3,
    )
    trimmed = padded.rows(torch.arange(4))
    assert torch.equal(trimmed.ids, answers.ids)
    assert (trimmed.start, padded.rows(torch.tensor([1])).start) == (answers.start, 1)

    def loss(read):
        log_p, values = policy.read(read)
        own = read.answered
        total = log_p.gather(-1, read.tokens.unsqueeze(-1)).squeeze(-1)[own].sum() + (values[own] ** 2).sum()
        return total, *torch.autograd.grad(total, policy.trained())

    for actual, expected in zip(loss(padded), loss(answers), strict=True):
        # Sums of float32 in another order: values near 0 next to larger ones have few correct digits.
        torch.testing.assert_close(actual, expected, rtol=0, atol=2e-6 * max(1, expected.abs().max().item()))


def test_an_answer_depends_on_its_own_prompt_and_numbers_alone(folder):
    policy = opened(folder)
    answers, texts = drawn(policy)
    uniform = torch.rand(4, 6, generator=torch.Generator().manual_seed(3))
    for row, prompt in enumerate(PROMPTS):
        one, text = policy.draw(policy.encode([prompt], chat=False), uniform[row : row + 1])
        assert one.tokens[0][one.answered[0]].tolist() == answers.tokens[row][answers.answered[row]].tolist()
        assert text == texts[row : row + 1]


def test_the_mask_ends_with_the_end_token_and_the_text_before_it(folder):
    policy = opened(folder)
    answers, texts = drawn(policy, ["a"] * 40)
    kinds = set()
    for tokens, own, text in zip(answers.tokens.tolist(), answers.answered.tolist(), texts, strict=True):
        length = tokens.index(0) + 1 if 0 in tokens else 6
        assert own == [at < length for at in range(len(own))]
        words = [WORDS[token - 1] for token in tokens[:length] if token]
        assert text.text.split() == words
        assert text.finish_reason == ("stop" if 0 in tokens else "length")
        kinds.add(text.finish_reason)
    assert kinds == {"stop", "length"}


def test_tokens_are_drawn_as_often_as_their_probability_at_the_temperature_says():
    logits = torch.tensor([[0.5, -1.0, 2.0, -torch.inf, 0.0]])
    # Evenly spread numbers hit each token's share of the line exactly, up to one.
    uniform = (torch.arange(10_000) + 0.5)[:, None] / 10_000
    scores = Inverse(uniform, 2, TEMPERATURE)(torch.zeros(10_000, 2), logits.expand(10_000, -1))
    shares = torch.bincount(scores.argmax(dim=1), minlength=5) / 10_000
    torch.testing.assert_close(shares, torch.softmax(logits[0] / TEMPERATURE, dim=0), rtol=0, atol=1.1e-4)


@pytest.mark.parametrize("number", [0.0, 1 - 2**-24])
def test_the_ends_of_the_line_never_draw_an_impossible_token(number):
    logits = torch.tensor([[-torch.inf, 0.0, 1.0, -torch.inf]])
    drawn = Inverse(torch.tensor([[number]]), 0, 1.0)(torch.zeros(1, 0), logits).argmax()
    assert drawn == (1 if number == 0 else 2)


def test_a_prompt_without_room_for_the_longest_answer_is_refused(folder):
    with pytest.raises(UsageError, match="prompt 1 has 27 tokens"):
        opened(folder).encode(["a", "b " * 27], chat=False)


def test_a_model_with_an_encoder_is_refused(tmp_path):
    from transformers import T5Config, T5ForConditionalGeneration

    save_words(tmp_path / "model", WORDS)
    small = T5Config(vocab_size=9, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0)
    T5ForConditionalGeneration(small).save_pretrained(tmp_path / "model")
    with pytest.raises(ModelError, match="has an encoder"):
        opened(tmp_path / "model")


def test_adapters_start_as_the_model_and_leave_its_weights_alone(folder, tmp_path):
    policy = opened(folder, lora=2)
    answers, _ = drawn(policy)
    check_read(folder, policy, answers)
    base = {name: one.clone() for name, one in policy._model.named_parameters() if "lora_" not in name}
    assert all("lora_" in name for name, one in policy._model.named_parameters() if one.requires_grad)
    for parameter in policy.trained():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        start, learnt = policy.read_start(answers), policy.read(answers)[0]
    assert (start - learnt).abs().max() > 0.1
    policy.save(tmp_path / "saved")
    assert all(torch.equal(base[name], one) for name, one in policy._model.named_parameters() if name in base)
    with torch.no_grad():
        assert torch.equal(policy.read_start(answers), start)
        # What `hf:FOLDER` reads has the adapters merged in.
        merged = opened(tmp_path / "saved")
        torch.testing.assert_close(merged.read(answers)[0], learnt, rtol=0, atol=1e-4)
        again = opened(folder, lora=2)
        again.restore(tmp_path / "saved")
        assert torch.equal(again.read(answers)[0], learnt)


def test_bfloat16_reads_nearly_the_same_and_learns_in_float32(folder):
    answers, _ = drawn(opened(folder))
    exact, rough = (opened(folder, bf16=bf16).read(answers) for bf16 in (False, True))
    for actual, expected in zip(rough, exact, strict=True):
        assert actual.dtype == torch.float32
        torch.testing.assert_close(actual, expected, rtol=0, atol=0.1)
        assert not torch.equal(actual, expected)
    assert {one.dtype for one in opened(folder, bf16=True).trained()} == {torch.float32}


def test_invalid_options_are_refused():
    for wrong in ({"steps": 0}, {"temperature": 0.0}, {"lam": 1.5}, {"gamma": -0.1}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            TrainOptions(**wrong)


def test_the_learning_rate_rises_and_falls():
    options = dataclasses.replace(TrainOptions(), steps=100, warmup=10, learning_rate=2.0, final_rate=0.1)
    assert options.rate_at(0) == pytest.approx(0.2)
    assert options.rate_at(4) == pytest.approx(1.0)
    assert options.rate_at(50) == pytest.approx(2 * 0.55)
    assert options.rate_at(99) == pytest.approx(2 * 0.109)


def test_answers_drawn_in_parts_are_those_drawn_at_once(folder):
    at_once, texts = drawn(opened(folder))
    for size in (1, 3):
        policy = opened(folder, draw_batch=size)
        batches, generate = [], policy.model.generate
        policy.model.generate = lambda batches=batches, generate=generate, **given: (
            batches.append(len(given["input_ids"])) or generate(**given)
        )
        answers, parts = drawn(policy)
        assert batches == {1: [1, 1, 1, 1], 3: [3, 1]}[size]
        assert parts == texts
        assert answers.start == at_once.start
        assert torch.equal(answers.mask, at_once.mask)
        assert torch.equal(answers.ids[answers.mask], at_once.ids[at_once.mask])
        check_read(folder, policy, answers)


def test_recomputed_layers_have_the_same_gradients_and_keep_less(folder):
    """Only while it learns: drawing with the layers in training mode would switch the cache off."""
    gradients, kept = [], []
    answers, _ = drawn(opened(folder))
    for again in (False, True):
        policy, sizes = opened(folder, gradient_checkpointing=again), {}

        def keep(tensor, sizes=sizes):
            sizes[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            log_p, values = policy.read(answers)
            loss = log_p[answers.answered].sum() + values[answers.answered].sum()
        kept.append(sum(one.untyped_storage().nbytes() for one in sizes.values()))
        loss.backward()
        gradients.append([one.grad for one in policy.trained()])
        assert not any(module.training for module in policy.model.modules())
        assert torch.equal(drawn(policy)[0].ids, answers.ids)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    assert kept[1] < kept[0]
