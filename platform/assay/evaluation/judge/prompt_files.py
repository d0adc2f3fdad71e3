"""The judge's prompts: a file each, and one hash of them all, which says whether two verdicts were asked for alike."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

PROMPTS = Path(__file__).with_name("prompts")


def rendered(name: str, **inputs: Any) -> str:
    """The prompt `name` with its inputs as JSON behind it, so that no text in them can end the input and begin an order."""
    return f"{_instructions(name)}\nInput:\n{json.dumps(inputs, ensure_ascii=False, indent=1)}\n"


@cache
def prompt_hash() -> str:
    """16 hexadecimal digits of the sha256 over all prompts; verdicts and labels of one hash belong together."""
    digest = hashlib.sha256()
    for file in sorted(PROMPTS.glob("*.txt")):
        digest.update(f"{file.name}\0{file.read_text(encoding='utf-8')}\0".encode())
    return digest.hexdigest()[:16]


@cache
def _instructions(name: str) -> str:
    return (PROMPTS / f"{name}.txt").read_text(encoding="utf-8")
