"""The real scan with known text, in every direction: what benchmarks/ocr.py claims of it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from installed_ocr import identity_or_skip
from scale import at_ci

from assay.documents.parsing import ParseOptions
from assay.documents.parsing.ocr import recognize

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = at_ci("four dense pages at 300 dpi")


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    identity_or_skip()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        spec = importlib.util.spec_from_file_location("ocr_benchmark", BENCHMARKS / "ocr.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # its dataclasses look it up
        spec.loader.exec_module(module)
    if module.data_folder() is None:
        pytest.skip("no real data: set ASSAY_SHARED_DATA")
    return module


def test_the_real_scan_is_read_in_every_direction(benchmark: ModuleType) -> None:
    read = 0
    for page in benchmark.turned_scans(benchmark.data_folder()):
        recognized = recognize(page.image, ParseOptions())
        assert benchmark.token_recall(page.text, recognized.text) >= benchmark.MIN_SCAN_RECALL, page.name
        read += 1
    assert read == 4


def test_a_word_counts_as_often_as_it_stands_and_divided_words_are_whole(benchmark: ModuleType) -> None:
    assert benchmark.token_recall("gold, gold and sil\ufffever", "Gold and sil-\nver") == 0.75
