"""Tesseract as an OCR engine: a process per call, in the caller's process group and under its memory limit."""

import os
import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

from assay.documents.parsing.ocr_engine import SeenWord
from assay.documents.parsing.page_image import OCR_DPI
from assay.errors import DocumentRejected

if TYPE_CHECKING:
    from PIL.Image import Image

COMMAND = "tesseract"
# Its confidence in an orientation; on upright, turned and skewed pages of text it was 12 to 37.
MIN_ORIENTATION_CONFIDENCE = 5.0
_ASKING_TIMEOUT_SECONDS = 20.0
_READ = ("stdin", "stdout", "--dpi", str(OCR_DPI))
_WORD_LEVEL = "5"
_ROTATE = re.compile(r"^Rotate: (\d+)$", re.MULTILINE)
_ORIENTATION_CONFIDENCE = re.compile(r"^Orientation confidence: ([\d.]+)$", re.MULTILINE)


class Tesseract:
    """The command `tesseract` on PATH."""

    def identity(self, languages: str) -> str:
        try:
            return f"{COMMAND}-{version(_able_to_read(languages))}:{languages}"
        except DocumentRejected:
            return "none"  # it is missing, lacks a language, or does not start

    def words(self, gray: "Image", *, languages: str, timeout_seconds: float) -> list[SeenWord]:
        return _words(_run([_able_to_read(languages), *_READ, "-l", languages, "tsv"], _pgm(gray), timeout_seconds))

    def rotation(self, gray: "Image", *, timeout_seconds: float) -> int | None:
        command = shutil.which(COMMAND)
        if command is None or "osd" not in installed_languages(command):
            return None
        try:
            said = _run([command, *_READ, "--psm", "0", "-l", "osd"], _pgm(gray), timeout_seconds)
        except DocumentRejected as rejected:
            if rejected.reason != "crashed":
                raise
            return None  # so it ends on pages with too few characters
        rotate, confidence = _ROTATE.search(said), _ORIENTATION_CONFIDENCE.search(said)
        if rotate is None or confidence is None or float(confidence[1]) < MIN_ORIENTATION_CONFIDENCE:
            return None
        return int(rotate[1])


@cache
def version(command: str) -> str:
    """The version of the tesseract at `command`."""
    said = _run([command, "--version"], b"", _ASKING_TIMEOUT_SECONDS).split()
    return said[1] if len(said) > 1 else "unknown"


@cache
def installed_languages(command: str) -> tuple[str, ...]:
    """What the tesseract at `command` can read, with `osd` when it can tell orientations."""
    return tuple(_run([command, "--list-langs"], b"", _ASKING_TIMEOUT_SECONDS).splitlines()[1:])


def _able_to_read(languages: str) -> str:
    """The path of a tesseract that has these languages, which are joined by `+`."""
    found = shutil.which(COMMAND)
    if found is None:
        raise DocumentRejected(
            "ocr_unavailable", "Images are read by tesseract, which is not installed: `apt-get install tesseract-ocr`."
        )
    installed = installed_languages(found)
    missing = [one for one in languages.split("+") if one not in installed]
    if missing:
        packages = " ".join(f"tesseract-ocr-{one.replace('_', '-')}" for one in missing)
        raise DocumentRejected(
            "ocr_unavailable",
            f"Tesseract has no language {', '.join(map(repr, missing))}, it has {', '.join(installed) or 'none'}: "
            f"`apt-get install {packages}`.",
        )
    return found


def _run(arguments: list[str], data: bytes, timeout_seconds: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603 (found on PATH; languages are compared with those it has)
            arguments,
            input=data,
            capture_output=True,
            timeout=timeout_seconds,
            # The pool has a worker per core already.
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DocumentRejected("timeout", f"Tesseract was not done after {timeout_seconds:.0f} s.") from None
    except OSError as error:
        raise DocumentRejected("ocr_unavailable", f"Tesseract cannot be started: {error}.") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise DocumentRejected("crashed", f"Tesseract ended with {done.returncode}: {said[0][:300]}")
    return done.stdout.decode("utf-8", errors="replace")


def _pgm(gray: "Image") -> bytes:
    """Uncompressed: to make and read a PNG would cost half a second a page."""
    return b"P5 %d %d 255\n" % gray.size + gray.tobytes()


def _words(tsv: str) -> list[SeenWord]:
    """From rows of level, page, block, paragraph, line, word, left, top, width, height, confidence, text."""
    words: list[SeenWord] = []
    lines: dict[tuple[str, ...], int] = {}
    paragraphs: dict[tuple[str, ...], int] = {}
    for row in tsv.splitlines():
        cells = row.split("\t")
        if cells[0] != _WORD_LEVEL or len(cells) != 12 or not cells[11].strip():
            continue
        left, top, width, height = map(int, cells[6:10])
        words.append(
            SeenWord(
                text=cells[11].strip(),
                confidence=min(1.0, max(0.0, float(cells[10]) / 100)),
                paragraph=paragraphs.setdefault(tuple(cells[2:4]), len(paragraphs)),
                line=lines.setdefault(tuple(cells[2:5]), len(lines)),
                box=(left, top, left + width, top + height),
            )
        )
    return words
