"""Parsers that obey their document: most do something terrible. They run in the workers of a `ParserPool`."""

import ctypes
import os
import re
import resource
import signal
import sys
import threading
import time
from pathlib import Path

from assay.documents.parsing import ParsedDocument, ParseOptions, parse_here


def obey(data: bytes, name: str, media_type: str | None, options: ParseOptions) -> ParsedDocument:
    order, _, argument = data.decode().partition(":")
    if order == "sleep":
        time.sleep(60)
    elif order == "allocate":
        bytearray(8 * 2**30)
    elif order == "segfault":
        ctypes.string_at(0)
    elif order == "exit":
        os._exit(int(argument))
    elif order == "raise-exit":
        sys.exit(0)
    elif order == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif order == "regex":  # one call into C that never gives the interpreter's lock back
        re.match(r"(a+)+$", "a" * 64 + "b")
    elif order == "abort-allocation":
        os.write(2, b"memory allocation of 3221225472 bytes failed\n")
        os.abort()
    elif order == "die-while-answering":
        threading.Thread(target=_die_soon, daemon=True).start()
        return _document("x" * 200_000_000)
    elif order == "close-everything":
        os.closerange(3, 256)
    elif order == "wrong-answer":
        return {"text": "not a document"}  # type: ignore[return-value]
    elif order == "raise":
        raise KeyError("a bug in the parser")
    elif order == "chatter":
        print("noise on standard output")
        os.write(1, b"more noise\n" * 10_000)
    elif order == "poison":  # a good answer, then the worker dies under the next document
        threading.Thread(target=_die_soon, daemon=True).start()
        return _document("poison")
    elif order == "slow":
        time.sleep(0.4)
    elif order == "write-pid":
        Path(argument).write_text(str(os.getpid()))
        re.match(r"(a+)+$", "a" * 64 + "b")
    elif order == "limits":
        return _document(f"{resource.getrlimit(resource.RLIMIT_AS)[0]} {resource.getrlimit(resource.RLIMIT_CORE)[0]}")
    elif order == "pid":
        return _document(str(os.getpid()))
    return parse_here(data, name, media_type, options)


def _die_soon() -> None:
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)


def _document(text: str) -> ParsedDocument:
    return ParsedDocument(text, "title", "text/plain", (), (), "obey@1", None)
