"""What a step costs, counted where it happens: texts and tokens in the model's forward pass, writes at the store.

The same counter serves every system, and it can end the process with SIGKILL after so many texts or writes.
"""

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Texts to a forward pass, for every system: Assay's default.
MODEL_BATCH_TEXTS = 64


@dataclass
class Meter:
    """Counts of one process. `questions` are texts that are no part of a document; they are not in `texts`."""

    result: Path
    kill_after_texts: int | None = None
    kill_after_writes: int | None = None
    texts: int = 0
    questions: int = 0
    tokens: int = 0
    writes: int = 0
    hashes: list[str] = field(default_factory=list)
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    asking: bool = False

    def load_model(self, load: Callable[[], Any]) -> Any:
        """The sentence-transformers model that `load` gives, from now on counted."""
        with self.timed("model load"):
            model = load()
        forward, encode = model.forward, model.encode

        def counted_forward(features: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            vectors = forward(features, *args, **kwargs)
            rows = int(features["attention_mask"].shape[0])
            self.tokens += int(features["attention_mask"].sum())
            if self.asking:
                self.questions += rows
                return vectors
            self.texts += rows
            if self.kill_after_texts is not None and self.texts >= self.kill_after_texts:
                self._die()
            return vectors

        def counted_encode(texts: list[str], *args: Any, **kwargs: Any) -> Any:
            if not self.asking:
                self.hashes.extend(hashlib.sha256(text.encode()).hexdigest() for text in texts)
            return encode(texts, *args, **kwargs)

        model.forward, model.encode = counted_forward, counted_encode
        return model

    def count_writes(self, owner: type, *methods: str, changed: Callable[[Any], bool] = lambda _: True) -> None:
        """Count the calls of these methods whose answer says that something was written."""
        for name in methods:
            setattr(owner, name, self._counted(getattr(owner, name), changed))

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add wall and CPU seconds, those of ended child processes too, to `seconds[name]`."""
        wall, cpu = time.perf_counter(), _cpu_seconds()
        try:
            yield
        finally:
            spent_wall, spent_cpu = self.seconds.get(name, (0.0, 0.0))
            self.seconds[name] = (
                spent_wall + time.perf_counter() - wall,
                spent_cpu + _cpu_seconds() - cpu,
            )

    def save(self) -> None:
        """Write the counts for whoever started this process."""
        names = ("texts", "questions", "tokens", "writes", "hashes", "seconds")
        self.result.write_text(json.dumps({name: getattr(self, name) for name in names}))

    def _counted(self, method: Callable[..., Any], changed: Callable[[Any], bool]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            self.writes += bool(changed(answer))
            if self.kill_after_writes is not None and self.writes >= self.kill_after_writes:
                self._die()
            return answer

        return counted

    def _die(self) -> None:
        self.save()
        os.kill(os.getpid(), signal.SIGKILL)


def load_sentence_transformer(folder: Path) -> Any:
    """The model in a folder, imports included."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), local_files_only=True)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
