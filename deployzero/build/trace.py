"""BuildKit's progress messages: the protobuf `moby.buildkit.v1.StatusResponse`.

Only the fields that are read are declared; protobuf skips the others. The numbers
are those of `api/services/control/control.proto` in moby/buildkit.
"""

import base64
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "deployzero.buildkit"
_MESSAGES: dict[str, dict[str, tuple[int, int, str]]] = {
    # message: {field: (number, type, message type)}
    "Timestamp": {
        "seconds": (1, _FIELD.TYPE_INT64, ""),
        "nanos": (2, _FIELD.TYPE_INT32, ""),
    },
    "Vertex": {
        "digest": (1, _FIELD.TYPE_STRING, ""),
        "name": (3, _FIELD.TYPE_STRING, ""),
        "cached": (4, _FIELD.TYPE_BOOL, ""),
        "started": (5, _FIELD.TYPE_MESSAGE, "Timestamp"),
        "completed": (6, _FIELD.TYPE_MESSAGE, "Timestamp"),
        "error": (7, _FIELD.TYPE_STRING, ""),
    },
    "VertexLog": {
        "vertex": (1, _FIELD.TYPE_STRING, ""),
        "stream": (3, _FIELD.TYPE_INT64, ""),
        "msg": (4, _FIELD.TYPE_BYTES, ""),
    },
    "StatusResponse": {
        "vertexes": (1, _FIELD.TYPE_MESSAGE, "Vertex"),
        "logs": (3, _FIELD.TYPE_MESSAGE, "VertexLog"),
    },
}
_REPEATED = {"vertexes", "logs"}


@dataclass(frozen=True, slots=True)
class Vertex:
    """One step as it stands now; it is told again whenever it changes."""

    digest: str
    name: str
    cached: bool
    started: bool
    completed: bool
    error: str


@dataclass(frozen=True, slots=True)
class Output:
    """Raw bytes that a step wrote, not cut at line ends."""

    digest: str
    data: bytes
    stream: int = 1
    """1 or 2, as a process's standard output and error are."""


def decode(aux: str) -> list[Vertex | Output]:
    """The base64 text of a `moby.buildkit.trace` message, as events in their order."""
    status: Any = _StatusResponse.FromString(base64.b64decode(aux))
    vertexes = [
        Vertex(v.digest, v.name, v.cached, v.HasField("started"), v.HasField("completed"), v.error)
        for v in status.vertexes
    ]
    return [*vertexes, *(Output(log.vertex, log.msg, log.stream) for log in status.logs)]


def _declare() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="deployzero/buildkit.proto", package=_PACKAGE, syntax="proto3"
    )
    for message, fields in _MESSAGES.items():
        declared = file.message_type.add(name=message)
        for name, (number, kind, of) in fields.items():
            label = _FIELD.LABEL_REPEATED if name in _REPEATED else _FIELD.LABEL_OPTIONAL
            declared.field.add(
                name=name,
                number=number,
                type=kind,
                label=label,
                type_name=f".{_PACKAGE}.{of}" if of else None,
            )
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_declare())
_StatusResponse = message_factory.GetMessageClass(
    _pool.FindMessageTypeByName(f"{_PACKAGE}.StatusResponse")
)
