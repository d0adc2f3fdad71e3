"""The pool's side of one parser process: its start, its queue, its answers, its end."""

import contextlib
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.documents.parsing.options import ParseOptions
from assay.documents.parsing.parsed import ParsedDocument
from assay.documents.parsing.worker import FRAME, HEARTBEAT
from assay.errors import DocumentRejected

Answer = ParsedDocument | DocumentRejected

_BOOT = (
    "import sys; descriptor, function, memory, *sys.path = sys.argv[1:]; "
    "from assay.documents.parsing.worker import main; main(int(descriptor), function, int(memory))"
)
# A parser is given its passwords over the socket; what it starts itself has no business with them.
_SECRET_NAMES = frozenset({"ASSAY_DOCUMENT_PASSWORDS"})
# An answer is at most 50 million characters and the tables in them; more would be the pool's memory, not the worker's.
_MAX_ANSWER_BYTES = 512 * 2**20
_READ_BYTES = 1 << 20
_LOG_TAIL_BYTES = 2048
# How allocators of Rust, C++ and glib say goodbye when they abort.
_ALLOCATION_FAILED = re.compile(r"memory allocation of|bad_alloc|out of memory|cannot allocate", re.I)


@dataclass(frozen=True, slots=True)
class Task:
    """A document to parse under the caller's `key`."""

    key: Any
    source: bytes | Path
    name: str
    media_type: str | None = None


class WorkerProcess:
    """A parser process with the tasks that were sent to it, the first of which it works on.

    Its socket never blocks and is read and written piece by piece, so that neither a worker that stops in the middle
    of a message nor a 64 MB document keeps the pool from watching the other workers.
    """

    def __init__(self, function_name: str, memory_bytes: int, options: ParseOptions) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.setblocking(False)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        path = [entry or os.getcwd() for entry in sys.path]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter)
                [sys.executable, "-P", "-c", _BOOT, str(theirs.fileno()), function_name, str(memory_bytes), *path],
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(theirs.fileno(),),
                env={name: value for name, value in os.environ.items() if name.upper() not in _SECRET_NAMES},
                process_group=0,
            )
        self.tasks: deque[Task] = deque()
        self.given = 0
        self.answered = 0
        self.is_ready = False
        self.is_dead = False
        # Time the pool has listened to it for the start or for the answer that is due.
        self.waited_seconds = 0.0
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._send(options)

    @property
    def wants_to_write(self) -> bool:
        return bool(self._outgoing)

    def give(self, task: Task) -> None:
        if not self.tasks and self.is_ready:
            self.waited_seconds = 0.0
        self.tasks.append(task)
        self.given += 1
        # Of a name only its end tells anything, and a task that fits the socket's buffer costs no second round.
        self._send((task.source, task.name[-1024:], task.media_type))

    def _send(self, message: object) -> None:
        payload = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        self._outgoing += FRAME.pack(len(payload)) + payload
        self.write()

    def write(self) -> None:
        """Send what the socket takes now."""
        try:
            while self._outgoing:
                sent = self.socket.send(memoryview(self._outgoing)[:_READ_BYTES])
                del self._outgoing[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._outgoing.clear()  # it is gone, which reading will say

    def read(self) -> list[tuple[Task, Answer]]:
        """The answers that are complete by now; `is_dead` is set at the end of the stream."""
        try:
            chunk = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        if not chunk:
            self.is_dead = True
        self._incoming += chunk
        answers: list[tuple[Task, Answer]] = []
        while (message := self._next_message()) is not None:
            self.waited_seconds = 0.0
            if not self.is_ready:
                self.is_ready = True
            elif self.tasks and message != HEARTBEAT:
                answers.append((self.tasks.popleft(), _decoded(message)))
                self.answered += 1
        return answers

    def _next_message(self) -> bytes | None:
        if len(self._incoming) < FRAME.size:
            return None
        (size,) = FRAME.unpack_from(self._incoming)
        if size > _MAX_ANSWER_BYTES:
            refusal = DocumentRejected("too_large", f"The parsed document takes {size:,} bytes.")
            self.is_dead = True
            self._incoming.clear()
            return pickle.dumps(refusal)
        end = FRAME.size + size
        if len(self._incoming) < end:
            return None
        message = bytes(memoryview(self._incoming)[FRAME.size : end])
        del self._incoming[:end]
        return message

    def end(self) -> DocumentRejected:
        """Kill the process with everything it started, and say what its death means for the document it was at."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        said = self._last_words()
        self.socket.close()
        self._log.close()
        if self._process.stdin:
            self._process.stdin.close()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if code == -signal.SIGABRT and _ALLOCATION_FAILED.search(said):
            return DocumentRejected("out_of_memory", f"Parsing needs more memory than a worker may have: {said}")
        return DocumentRejected("crashed", f"The parser's process ended by {how}{f': {said}' if said else '.'}")

    def _last_words(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_TAIL_BYTES))
        lines = self._log.read().replace(b"\x00", b"").decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""


def _decoded(message: bytes) -> Answer:
    try:
        answer = pickle.loads(message)  # noqa: S301 (our own worker's)
    except Exception as error:  # whatever unpickling meets, it is this document's answer that is unusable
        return DocumentRejected("crashed", f"The parser's answer cannot be read: {error}")
    if isinstance(answer, ParsedDocument | DocumentRejected):
        return answer
    return DocumentRejected("crashed", "The parser's process sent no answer but something else.")
