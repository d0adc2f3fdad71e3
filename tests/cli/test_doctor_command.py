"""`assay doctor`: what is there, what is missing, and every setting."""

from pathlib import Path

from command_runs import together

from assay.settings import Settings


def test_doctor_looks_at_what_is_needed_and_at_what_is_optional(tmp_path: Path) -> None:
    looked, listed = together(tmp_path, ("doctor",), ("doctor", "--settings"))
    for what in ("Python", "disk", "torch", "embedding model", "tesseract (OCR)", "Redis"):
        assert what in looked.out
    assert "all-MiniLM-L6-v2, 384 dimensions" in looked.out
    # A machine with too little disk is told so; everything else that is needed came with the tests.
    missing = [line for line in looked.out.splitlines() if "missing" in line]
    assert looked.code == (2 if missing else 0)
    assert all("disk" in line for line in missing)

    assert listed.code == 0
    for name, field in Settings.model_fields.items():
        assert f"ASSAY_{name.upper()}" in listed.out
        assert (field.description or "").split(" ")[0] in listed.out
    assert str(tmp_path) in listed.out


def test_doctor_names_what_mends_a_missing_model(tmp_path: Path) -> None:
    (ran,) = together(tmp_path, ("doctor",), ASSAY_EMBEDDING_MODEL=str(tmp_path / "no-model"))
    assert ran.code == 2
    (line,) = [line for line in ran.out.splitlines() if "embedding model" in line and "missing" in line]
    assert "make setup" in line
