"""Opens a model where an executor works: on this machine, or on the nodes of a Ray cluster."""

from apigauge.errors import UsageError
from apigauge.harness.executors.local import LocalExecutor
from apigauge.harness.executors.types import Executor, Say
from apigauge.harness.generation.backends import open_generator, split_spec
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.types import Generator


def open_model(executor: Executor, spec: str, options: ModelOptions | None, engines: int | None, say: Say) -> Generator:
    """What answers, as long as the executor is open.

    On a cluster a checkpoint is loaded by several engines, by default as many as its GPUs hold. Without GPUs, and what
    loads no checkpoint, answers on this machine.

    Args:
        executor: where.
        spec: as for ``open_generator``.
        options: likewise.
        engines: how many engines.
        say: receives lines for the user.

    Raises:
        UsageError: engines are asked for on this machine, or more than there is room for.
        ExecutorError: the cluster cannot be used, or its engines differ.
        ApigaugeError: as for ``open_generator``.
    """
    if isinstance(executor, LocalExecutor):
        if engines:
            raise UsageError("--engines: needs --executor ray; here a model is loaded once")
        return open_generator(spec, options)
    from apigauge.harness.executors.ray import RayExecutor
    from apigauge.harness.executors.ray_engines import KINDS, gpus_of, open_engines

    options = options or ModelOptions()
    if not isinstance(executor, RayExecutor) or split_spec(spec)[0] not in KINDS:
        return open_generator(spec, options)
    engines = engines or gpus_of(executor.cluster) // options.tensor_parallel
    return open_engines(executor.cluster, spec, options, engines, say) if engines else open_generator(spec, options)
