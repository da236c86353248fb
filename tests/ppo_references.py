"""PPO's equations again, token by token in Python's floats, and checks that compare an implementation with them."""

import math

import numpy as np
import torch

TOLERANCE = 1e-6


def ragged(seed, answers=5, longest=7):
    """A mask of answers of 1 to ``longest`` tokens, at least one of each extreme, and a source of numbers."""
    draw = np.random.default_rng(seed)
    lengths = [1, longest, *draw.integers(1, longest + 1, answers - 2)]
    return np.arange(longest)[None] < np.array(lengths)[:, None], draw


def tensor(array):
    return torch.from_numpy(np.asarray(array))


def agree(actual, expected, mask=None):
    actual = np.asarray(actual.detach() if isinstance(actual, torch.Tensor) else actual, dtype=np.float64)
    expected = np.asarray(expected, dtype=np.float64)
    if mask is not None:
        actual, expected = actual[mask], expected[mask]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)


def tokens_of(mask):
    return [(row, t) for row in range(mask.shape[0]) for t in range(mask.shape[1]) if mask[row, t]]


def log_softmax(row):
    top = max(row)
    total = top + math.log(math.fsum(math.exp(one - top) for one in row))
    return [one - total for one in row]


def distributions(draw, shape, vocabulary, scale=3.0):
    logits = draw.normal(size=(*shape, vocabulary)) * scale
    flat = [log_softmax(row) for row in logits.reshape(-1, vocabulary).tolist()]
    return np.array(flat).reshape(logits.shape)


def check_taken(ppo, seed):
    mask, draw = ragged(seed)
    log_p, tokens = distributions(draw, mask.shape, 6), draw.integers(0, 6, mask.shape)
    expected = [[log_p[row, t, tokens[row, t]] for t in range(mask.shape[1])] for row in range(mask.shape[0])]
    agree(ppo.taken(tensor(log_p), tensor(tokens)), expected)


def check_entropy(ppo, seed):
    mask, draw = ragged(seed)
    log_p = distributions(draw, mask.shape, 6)
    expected = [[math.fsum(-math.exp(one) * one for one in token) for token in row] for row in log_p.tolist()]
    agree(ppo.entropy(tensor(log_p)), expected)


def check_kl_divergence(ppo, seed):
    mask, draw = ragged(seed)
    log_p, log_q = (distributions(draw, mask.shape, 6) for _ in range(2))
    expected = [
        [math.fsum(math.exp(a) * (a - b) for a, b in zip(p, q, strict=True)) for p, q in zip(*rows, strict=True)]
        for rows in zip(log_p.tolist(), log_q.tolist(), strict=True)
    ]
    agree(ppo.kl_divergence(tensor(log_p), tensor(log_q)), expected)


def mean(values, mask):
    chosen = [values[row][t] for row, t in tokens_of(mask)]
    return math.fsum(chosen) / len(chosen)


def check_sampled_kl(ppo, seed):
    mask, draw = ragged(seed)
    new, old = draw.normal(size=(2, *mask.shape))
    ratios = [[math.exp(a - b) for a, b in zip(*rows, strict=True)] for rows in zip(new, old, strict=True)]
    expected = mean([[ratio - 1 - math.log(ratio) for ratio in row] for row in ratios], mask)
    agree(ppo.sampled_kl(tensor(new), tensor(old), tensor(mask)), expected)


def check_token_rewards(ppo, seed):
    mask, draw = ragged(seed)
    new, start = draw.normal(size=(2, *mask.shape))
    scores, coefficient = draw.normal(size=mask.shape[0]), 0.3
    expected = np.zeros(mask.shape)
    for row, t in tokens_of(mask):
        expected[row, t] = coefficient * (start[row, t] - new[row, t])
        if t + 1 == mask.shape[1] or not mask[row, t + 1]:
            expected[row, t] += scores[row]
    agree(ppo.token_rewards(tensor(scores), tensor(new), tensor(start), tensor(mask), coefficient), expected)


def gae(rewards, values, mask, gamma, lam):
    """The sum as the paper writes it, over all later tokens of the answer, without a recursion."""
    expected = np.zeros(mask.shape)
    for row, t in tokens_of(mask):
        length = int(mask[row].sum())
        for later in range(t, length):
            following = values[row][later + 1] if later + 1 < length else 0.0
            delta = rewards[row][later] + gamma * following - values[row][later]
            expected[row, t] += (gamma * lam) ** (later - t) * delta
    return expected


def check_advantages(ppo, seed):
    mask, draw = ragged(seed)
    rewards, values = draw.normal(size=(2, *mask.shape))
    for gamma, lam in ((1.0, 0.95), (0.9, 0.8), (1.0, 1.0), (0.97, 0.0)):
        actual = ppo.advantages(tensor(rewards), tensor(values), tensor(mask), gamma, lam)
        agree(actual, gae(rewards, values, mask, gamma, lam))


def whitened(values, mask):
    centre = mean(values, mask)
    deviation = math.sqrt(mean((np.asarray(values) - centre) ** 2, mask) + 1e-8)
    return np.where(mask, (np.asarray(values) - centre) / deviation, 0.0)


def check_whiten(ppo, seed):
    mask, draw = ragged(seed)
    values = draw.normal(size=mask.shape) * 4 + 7
    agree(ppo.whiten(tensor(values), tensor(mask)), whitened(values, mask))


def check_policy_loss(ppo, seed):
    mask, draw = ragged(seed)
    new, old, advantage = draw.normal(size=(3, *mask.shape)) * 0.4
    gains = np.zeros(mask.shape)
    for row, t in tokens_of(mask):
        ratio, gain = math.exp(new[row, t] - old[row, t]), advantage[row, t]
        # No credit beyond the range in the direction that the advantage pulls.
        capped = min(ratio, 1.2) if gain > 0 else max(ratio, 0.8)
        gains[row, t] = capped * gain
    agree(ppo.policy_loss(tensor(new), tensor(old), tensor(advantage), tensor(mask), 0.2), -mean(gains, mask))


def check_clip_fraction(ppo, seed):
    mask, draw = ragged(seed)
    new, old = draw.normal(size=(2, *mask.shape)) * 0.2
    outside = [
        [not 0.8 <= math.exp(a - b) <= 1.2 for a, b in zip(*rows, strict=True)] for rows in zip(new, old, strict=True)
    ]
    agree(ppo.clip_fraction(tensor(new), tensor(old), tensor(mask), 0.2), mean(outside, mask))


def check_value_loss(ppo, seed):
    mask, draw = ragged(seed)
    values, old, returns = draw.normal(size=(3, *mask.shape)) * 0.4
    errors = np.zeros(mask.shape)
    for row, t in tokens_of(mask):
        near = min(max(values[row, t], old[row, t] - 0.2), old[row, t] + 0.2)
        errors[row, t] = max((one - returns[row, t]) ** 2 for one in (values[row, t], near)) / 2
    agree(ppo.value_loss(tensor(values), tensor(old), tensor(returns), tensor(mask), 0.2), mean(errors, mask))


CHECKS = {name.removeprefix("check_"): check for name, check in dict(globals()).items() if name.startswith("check_")}
