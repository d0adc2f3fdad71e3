"""Judges for tests: one with a script, and a server that speaks the chat protocol over a real socket and judges by a rule."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from assay.errors import JudgeError
from assay.evaluation.judge import JudgedItem

PARIS = JudgedItem(
    item_id="q1",
    cluster="capitals.md",
    slices=("en",),
    question="What is the capital of France?",
    answer="The capital of France is Paris. It lies on the Seine.",
    contexts=("Paris is the capital of France.", "Berlin is the capital of Germany.", "Paris lies on the Seine."),
    reference="Paris is the capital of France. It has two million people.",
    abstained=False,
)


@dataclass
class ScriptedJudge:
    """Replies in the order of its script; a reply that is an error is raised. It keeps the prompts."""

    script: list[str | JudgeError]
    prompts: list[str] = field(default_factory=list)
    identity: str = "scripted at nowhere"
    prompt_hash: str = "0" * 16

    def complete(self, prompt: str) -> str:
        self.prompts.append(prompt)
        reply = self.script.pop(0)
        if isinstance(reply, JudgeError):
            raise reply
        return reply


@dataclass
class RuleJudge:
    """Judges by `overlap_reply`, or by another rule."""

    rule: Callable[[str], str] = field(default_factory=lambda: overlap_reply)
    identity: str = "overlap at nowhere"
    prompt_hash: str = "0" * 16

    def complete(self, prompt: str) -> str:
        return self.rule(prompt)


def inputs_of(prompt: str) -> dict[str, Any]:
    """What stands as JSON behind a prompt's instructions."""
    return json.loads(prompt.partition("\nInput:\n")[2])


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - {"the", "is", "a", "of", "it", "on", "in"}


def overlap_reply(prompt: str) -> str:
    """A statement is supported when all its words stand in one passage; a passage is useful when half of the answer's do."""
    given = inputs_of(prompt)
    if "passage" in given:
        shared = words(given["passage"]) & words(given["answer"])
        return json.dumps({"reason": "words", "verdict": int(len(shared) * 2 >= len(words(given["answer"])))})
    if "passages" in given:
        listed = given.get("statements") or given["sentences"]
        verdicts = [
            {"index": one["index"], "verdict": int(_stands(one.get("statement") or one["sentence"], given["passages"]))}
            for one in listed
        ]
        return json.dumps({"verdicts": verdicts})
    if "question" in given:
        return json.dumps({"statements": [one for one in re.split(r"(?<=[.!?])\s+", given["answer"]) if one]})
    evasive = int("know" in given["answer"])
    questions = [f"What about {given['answer']} {number}" for number in (1, 2, 3)]
    return json.dumps(
        {
            "questions": [
                {"index": number, "question": text, "noncommittal": evasive}
                for number, text in enumerate(questions, start=1)
            ]
        }
    )


def _stands(text: str, passages: Sequence[str]) -> bool:
    return any(words(text) <= words(passage) for passage in passages)


def bag_of_words(texts: Sequence[str]) -> np.ndarray:
    """Vectors whose cosine is that of word counts."""
    vocabulary = sorted({word for text in texts for word in words(text)})
    return np.array([[float(word in words(text)) for word in vocabulary] for text in texts]) + 1e-9


@dataclass
class ChatServer:
    """What was asked of the server, and what it does next: `answer(body)` gives (status, headers, body)."""

    url: str
    answer: Callable[[dict[str, Any]], tuple[int, Mapping[str, str], bytes]]
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    drip_seconds: float = 0.0
    silent_seconds: float = 0.0


def completion(content: str | None, *, finish_reason: str = "stop", refusal: str | None = None) -> bytes:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return json.dumps({"choices": [{"index": 0, "finish_reason": finish_reason, "message": message}]}).encode()


def ruled(body: dict[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
    return 200, {}, completion(overlap_reply(body["messages"][0]["content"]))


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """A server on a free port of this machine, which judges by `overlap_reply` until told otherwise."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.paths.append(self.path)
            server.bodies.append(body)
            server.headers.append(dict(self.headers))
            status, headers, reply = server.answer(body)
            time.sleep(server.silent_seconds)
            try:
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                if server.drip_seconds:
                    for byte in reply:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(server.drip_seconds)
                else:
                    self.wfile.write(reply)
            except OSError:  # the client has hung up, as it is meant to
                self.close_connection = True

        def do_GET(self) -> None:
            server.paths.append(f"GET {self.path}")
            server.headers.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server = ChatServer(f"http://127.0.0.1:{listening.server_port}/v1", ruled)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
