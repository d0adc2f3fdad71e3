"""The OCR engine of this machine, for tests that need one."""

import os

import pytest

from assay.documents.parsing import ParseOptions
from assay.documents.parsing.ocr import ocr_identity


def identity_or_skip() -> str:
    """The identity of the engine; without one the test is skipped, or fails where every service must be there."""
    identity = ocr_identity(ParseOptions())
    if identity == "none" and os.environ.get("ASSAY_REQUIRE_SERVICES") == "1":
        pytest.fail("tesseract is not installed, and ASSAY_REQUIRE_SERVICES wants every test to run")
    if identity == "none":
        pytest.skip("tesseract is not installed: `apt-get install tesseract-ocr`")
    return identity
