"""What runs inside of a parser's process: read a task, parse, answer, again until the pool closes the socket.

The process is a fresh interpreter that is given the pool's `sys.path` and nothing else of it, so the user's script is
never run a second time and it does not matter whether there is one.
"""

import fcntl
import importlib
import os
import pickle
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.documents.parsing.heartbeat import listen
from assay.documents.parsing.options import ParseOptions
from assay.documents.parsing.parsed import ParsedDocument
from assay.errors import DocumentRejected

# Before each message: its length. Messages are pickles: the first to a worker are its options, the first from it, (None,),
# says that it is ready; HEARTBEAT that the document needs its deadline again.
FRAME = struct.Struct("!Q")
HEARTBEAT = pickle.dumps(None, protocol=pickle.HIGHEST_PROTOCOL)
_LIFELINE = 0
_LOG = 2


def main(channel_descriptor: int, function_name: str, memory_bytes: int) -> None:
    """Serve tasks `(bytes or path, name, media type)`; the answer is a ParsedDocument or a DocumentRejected.

    `function_name` is `module:function`. The options come first and over the socket: arguments and environment of a
    process can be read by others, and passwords are among them. `memory_bytes` bounds the address space (macOS ignores it).
    """
    _die_with_the_pool()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    module, _, name = function_name.partition(":")
    parse: Callable[..., Any] = getattr(importlib.import_module(module), name)
    channel = socket.socket(fileno=channel_descriptor)
    listen(lambda: _send(channel, None))
    _send(channel, (None,))
    options = _receive(channel)
    while options and (task := _receive(channel)) is not None:
        _answer(channel, parse, options, *task)
        # What was printed belongs to that document; the log is read only to explain a death.
        if os.lseek(_LOG, 0, os.SEEK_CUR):
            os.ftruncate(_LOG, 0)
            os.lseek(_LOG, 0, os.SEEK_SET)


def _die_with_the_pool() -> None:
    """Have the kernel end this process group when the pool's process is gone, whatever a parser is busy with.

    The pool holds the other end of the pipe that is standard input and never writes to it. A thread or a signal
    handler would wait for the interpreter's lock; PR_SET_PDEATHSIG fires already when the starting *thread* ends.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(_LIFELINE, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(_LIFELINE, fcntl.F_SETFL, fcntl.fcntl(_LIFELINE, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(_LIFELINE)
    if poll.poll(0):
        sys.exit(1)


def _answer(
    channel: socket.socket,
    parse: Callable[..., Any],
    options: ParseOptions,
    source: bytes | Path,
    name: str,
    hint: str | None,
) -> None:
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
        parsed = parse(data, name, hint, options)
        if not isinstance(parsed, ParsedDocument):
            parsed = DocumentRejected("crashed", f"The parser gave {type(parsed).__name__} instead of a document.")
        _send(channel, parsed)
    except DocumentRejected as rejected:
        _send(channel, rejected)
    except MemoryError:
        _send(channel, DocumentRejected("out_of_memory", "Parsing needs more memory than a worker may have."))
    except OSError as error:
        _send(channel, DocumentRejected("unreadable", f"The document cannot be read: {error}."))
    except RecursionError:
        _send(channel, DocumentRejected("corrupt", "The document is nested too deeply to be parsed."))
    except BaseException as error:  # a document may not end the worker, not even by SystemExit
        _send(channel, DocumentRejected("crashed", f"The parser failed: {type(error).__name__}: {str(error)[:500]}"))


def _send(channel: socket.socket, message: object) -> None:
    payload = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    channel.sendall(FRAME.pack(len(payload)) + payload)


def _receive(channel: socket.socket) -> Any:
    header = _read(channel, FRAME.size)
    return pickle.loads(_read(channel, FRAME.unpack(header)[0])) if header else None  # noqa: S301


def _read(channel: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, or none at the end of the stream."""
    received = bytearray()
    while len(received) < size:
        chunk = channel.recv(min(size - len(received), 1 << 20))
        if not chunk:
            return b""
        received += chunk
    return bytes(received)
