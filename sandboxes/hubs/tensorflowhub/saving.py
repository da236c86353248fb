"""Writes SavedModels that are the same byte for byte however often they are written.

TensorFlow's own writers are deterministic except for three things, which are corrected here: the order of the entries
of maps inside protocol buffers, the file ``fingerprint.pb`` (a loader does without), and names that hold the address of
a Python object or a counter of the process. Counters start at zero because every model is made in a separate process.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

tf: Any = importlib.import_module("tensorflow")
saved_model_pb2: Any = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2")

# As hub.Module wrote it, and as hub.load tells the legacy format: tensorflow_hub/module_def.proto, format = 3.
_LEGACY_MARK = b"\x08\x03"
# What the names of variables begin with that are filled when a model is loaded.
_FILLED = "filled_"


class Signature(NamedTuple):
    """One signature of a legacy module: inputs and outputs by name."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


def new_object(variables: Mapping[str, Any], *, trainable: bool) -> Any:
    """An object as those of TensorFlow's "reusable SavedModel" interface, still without its functions.

    Args:
        variables: its variables, by name.
        trainable: whether hub.KerasLayer finds its variables.
    """
    model = tf.__internal__.tracking.AutoTrackable()
    model.weights = dict(variables)
    if trainable:
        model.variables = list(variables.values())
        model.trainable_variables = list(variables.values())
        model.regularization_losses = []
    return model


def variable(name: str, shape: tuple[int, ...], seed: int = 1) -> Any:
    """A seeded variable whose values have about unit variance after a product with it."""
    values = tf.random.stateless_normal(shape, seed=[seed, len(shape)], dtype=tf.float32)
    return tf.Variable(values / float(shape[0]) ** 0.5, name=name)


def function(python: Callable[..., Any], input_signature: Any = None) -> Any:
    """A traced function; nothing here has control flow to convert, so that the source is not read for it."""
    return tf.function(python, input_signature=input_signature, autograph=False)


def sized(tensor: Any, shape: list[int | None]) -> Any:
    """The tensor; the call fails when it has another shape. A signature alone checks only types."""
    return tf.ensure_shape(tensor, shape)


def require(condition: Any, message: str, tensor: Any) -> Any:
    """The tensor; the call fails where the condition does not hold, as inside the real model's graph."""
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(tensor)


def set_call(model: Any, call: Any) -> None:
    """Makes the loaded object callable; Python looks ``__call__`` up in the class, TensorFlow in the object."""
    vars(model)["__call__"] = call
    model.__call__ = call


class Filled(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]
    """Variables of the real size that the files do not hold: the loader calls the initializer, which fills them."""

    def __init__(self, variables: list[Any]) -> None:
        super().__init__()
        self.filled = variables
        self._resource_handle = self._create_resource()

    def _create_resource(self) -> Any:
        return tf.raw_ops.AnonymousMutableHashTable(key_dtype=tf.int64, value_dtype=tf.int64)

    @tf.function(input_signature=[], autograph=False)  # type: ignore[untyped-decorator]
    def _initialize(self) -> None:
        for one in self.filled:
            one.assign(tf.fill(one.shape, 0.01))


def add_parameters(model: Any, trainable: int, fixed: int) -> None:
    """Gives a model as many parameters as the real one has, besides those that it computes with.

    Args:
        model: its variables count.
        trainable: numbers that training changes, all of the real model's.
        fixed: numbers that it does not change, such as the means of batch normalization.
    """
    more = trainable - sum(one.shape.num_elements() for one in model.trainable_variables)
    new = []
    for number, count in enumerate((more, fixed)):
        if count > 0:
            new.append(tf.Variable(tf.zeros([count]), name=f"{_FILLED}{number}", trainable=number == 0))
    model.filled = Filled(new)
    model.variables = [*model.variables, *new]
    model.trainable_variables = [*model.trainable_variables, *(one for one in new if one.trainable)]


def save(model: Any, folder: Path, signatures: Mapping[str, Any]) -> None:
    """Writes a TensorFlow 2 SavedModel."""
    tf.saved_model.save(model, str(folder), signatures=dict(signatures))
    if hasattr(model, "filled"):
        _leave_out(folder)
    _make_reproducible(folder)


def _leave_out(folder: Path) -> None:
    """Writes the checkpoint once more, without the variables that are filled when the model is loaded."""
    graph_pb2 = importlib.import_module("tensorflow.core.protobuf.trackable_object_graph_pb2")
    prefix = folder / "variables" / "variables"
    reader = tf.train.load_checkpoint(str(prefix))
    graph = graph_pb2.TrackableObjectGraph.FromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    dropped = set()
    for node in graph.nodes:
        if any(attribute.full_name.startswith(_FILLED) for attribute in node.attributes):
            dropped |= {attribute.checkpoint_key for attribute in node.attributes}
            del node.attributes[:]
            node.ClearField("has_checkpoint_values")
    values = {name: tf.constant(reader.get_tensor(name)) for name in sorted(reader.get_variable_to_shape_map())}
    values = {name: value for name, value in values.items() if name not in dropped}
    values["_CHECKPOINTABLE_OBJECT_GRAPH"] = tf.constant(graph.SerializeToString(deterministic=True))
    for path in prefix.parent.iterdir():
        path.unlink()
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=list(values.values()),
    )


def save_legacy(folder: Path, graphs: Mapping[tuple[str, ...], Callable[[], Mapping[str, Signature]]]) -> None:
    """Writes a module in the format of TensorFlow 1, ``hub.Module``'s.

    Args:
        folder: where; must not exist.
        graphs: for every set of tags a function that fills the default graph and returns the signatures.
    """
    v1 = tf.compat.v1
    builder = v1.saved_model.Builder(str(folder))
    for number, (tags, fill) in enumerate(graphs.items()):
        with v1.Graph().as_default(), v1.Session() as session:
            signatures = {name: _signature_def(signature) for name, signature in fill().items()}
            session.run(v1.global_variables_initializer())
            if number == 0:
                builder.add_meta_graph_and_variables(session, list(tags), signatures)
            else:
                builder.add_meta_graph(list(tags), signatures)
    builder.save()
    (folder / "tfhub_module.pb").write_bytes(_LEGACY_MARK)
    _make_reproducible(folder)


def _signature_def(signature: Signature) -> Any:
    info = tf.compat.v1.saved_model.build_tensor_info
    return tf.compat.v1.saved_model.build_signature_def(
        inputs={name: info(tensor) for name, tensor in signature.inputs.items()},
        outputs={name: info(tensor) for name, tensor in signature.outputs.items()},
    )


def _make_reproducible(folder: Path) -> None:
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    for name in ("assets", "variables"):
        if (folder / name).is_dir() and not any((folder / name).iterdir()):
            (folder / name).rmdir()
    path = folder / "saved_model.pb"
    proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for graph in proto.meta_graphs:
        graph.meta_info_def.ClearField("function_aliases")
        graph.graph_def.library.function.sort(key=lambda entry: str(entry.signature.name))
        _drop_origins(graph.graph_def)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def _drop_origins(graph_def: Any) -> None:
    """Removes the source positions of nodes, which depend on this machine and are not needed to load the model."""
    graph_def.ClearField("debug_info")
    for node in graph_def.node:
        node.ClearField("experimental_debug_info")
    for entry in graph_def.library.function:
        for node in entry.node_def:
            node.ClearField("experimental_debug_info")
