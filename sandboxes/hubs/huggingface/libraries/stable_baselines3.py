"""Stable-Baselines3 agents: archives of an untrained policy, a few units wide, for the real spaces of the task."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from apigauge.sandboxes.hubs.huggingface.libraries import strided

LIBRARY = "stable-baselines3"

# Observations and actions: a number of actions, or of joints where it is negative.
_SPACES = {
    "Acrobot": (6, 3),
    "Ant": (111, -8),
    "CartPole": (4, 2),
    "LunarLander": (8, 4),
    "MountainCar": (2, 3),
    "Pendulum": (3, -1),
    "Breakout": (None, 4),
    "Pong": (None, 6),
}
# The first instant that an archive can name.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(entry: dict[str, Any], folder: Path, tools: Any) -> None:  # noqa: ARG001
    """Writes the agent's archive and the training run's other files."""
    import stable_baselines3
    import torch

    extra = entry["extra"]
    torch.manual_seed(0)
    algorithm = getattr(stable_baselines3, entry["pipeline"])
    task = next(spaces for name, spaces in _SPACES.items() if name in extra["environment"])
    pictures = task[0] is None
    policy = "CnnPolicy" if pictures else "MlpPolicy"
    sizes: dict[str, Any] = {"net_arch": [] if pictures else [8]}
    buffers = {"buffer_size": 1} if entry["pipeline"] in {"DQN", "TD3"} else {"n_steps": 8}
    if entry["pipeline"] == "PPO":
        buffers["batch_size"] = 8
    agent = algorithm(policy, _environment(*task), policy_kwargs=sizes, seed=0, device="cpu", **buffers)
    # A space is pickled with its generator, which the machine's entropy has seeded.
    agent.observation_space.seed(0)
    agent.action_space.seed(0)
    raw = io.BytesIO()
    agent.save(raw)
    for file in entry["files"]:
        if file.endswith(".zip"):
            _rewrite(raw, folder / file)
        elif file == "results.json":
            results = {"mean_reward": 0.0, "std_reward": 0.0, "is_deterministic": True, "n_eval_episodes": 10}
            (folder / file).write_text(json.dumps(results) + "\n", encoding="utf-8")
        else:
            text = f"env: {extra['environment']}\n" if file == "args.yml" else f"policy: {policy}\n"
            (folder / file).write_text(text, encoding="utf-8")


def _environment(observations: int | None, actions: int) -> Any:
    """A task with the right spaces and nothing in it."""
    import gymnasium
    import numpy as np
    from gymnasium import spaces

    task: Any = gymnasium.Env()
    if observations is None:
        task.observation_space = spaces.Box(0, 255, (84, 84, 4), np.uint8)
    else:
        task.observation_space = spaces.Box(-np.inf, np.inf, (observations,), np.float32)
    joints = (-actions,)
    task.action_space = spaces.Discrete(actions) if actions > 0 else spaces.Box(-1, 1, joints, np.float32)
    return task


def _rewrite(raw: io.BytesIO, path: Path) -> None:
    """The same archive without the time and the host, and with thin weights where a network is big."""
    import torch

    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            data = old.read(name)
            if name == "system_info.txt":
                continue
            if name == "policy.pth":
                state = torch.load(io.BytesIO(data))
                buffer = io.BytesIO()
                big = sum(value.numel() for value in state.values()) > _BIG
                torch.save(strided.overlapping(state) if big else state, buffer)
                data = buffer.getvalue()
            elif "optimizer" in name:
                # An untrained optimizer has no moments; its groups are in the policy's order.
                data = _without_moments(data)
            elif name == "data":
                data = _without_clock(data)
            new.writestr(zipfile.ZipInfo(name, _EPOCH), data)


_BIG = 100_000


def _without_moments(data: bytes) -> bytes:
    import torch

    state = torch.load(io.BytesIO(data))
    buffer = io.BytesIO()
    torch.save({**state, "state": {}}, buffer)
    return buffer.getvalue()


def _without_clock(data: bytes) -> bytes:
    """The settings without the time, and without the text of pickled objects, which has addresses in it."""
    settings = json.loads(data)
    settings["start_time"] = 0.0
    kept = {
        key: {name: value[name] for name in (":type:", ":serialized:")} if _pickled(value) else value
        for key, value in settings.items()
    }
    return json.dumps(kept, indent=4).encode()


def _pickled(value: Any) -> bool:
    return isinstance(value, dict) and ":serialized:" in value
