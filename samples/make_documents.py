"""Make the office files, PDFs and scans of the sample from `sources/`: .venv/bin/python samples/make_documents.py

`sources/help/x.docx.md` becomes `help/x.docx` in the folder of its day. The results are committed, so this is run after a
change of a source only. Office files and PDFs come out the same byte for byte; pictures as Pillow compresses them.
"""

from pathlib import Path

import office_files
import page_files
from page_files import Wear
from source_blocks import read_blocks

SAMPLES = Path(__file__).parent
DAY = "2026-11-03"
# What is seen earlier, and lay elsewhere then.
EARLIER = {"ads/media-kit.pdf": "2026-11-02/ads/drafts/media-kit.pdf"}
SCANS = {
    "help/studio-checklist.png": Wear(),
    "runbooks/rack-label.jpg": Wear(turned_degrees=90),
    "tenants/northwind/signed-addendum.tiff": Wear(dpi=200, tilted_degrees=3.5),
    # 100 dpi, grey ink, soft and grainy: hard, and every word can be read.
    "tenants/umbra/sponsorship-fax.pdf": Wear(dpi=110, blur_radius=0.5, grain=34, ink=70),
}


def made(path: str, source: str) -> bytes:
    """The bytes of the document at `path`, whose name says its form."""
    blocks, form = read_blocks(source), path.rpartition(".")[2]
    if wear := SCANS.get(path):
        write = {"pdf": page_files.scanned_pdf}.get(form) or getattr(page_files, form)
        return write(page_files.drawn(blocks, wear), wear)
    return (page_files.pdf if form == "pdf" else getattr(office_files, form))(blocks)


def main() -> None:
    sources = SAMPLES / "sources"
    for source in sorted(sources.rglob("*.md")):
        path = source.relative_to(sources).as_posix().removesuffix(".md")
        document = made(path, source.read_text(encoding="utf-8"))
        for place in filter(None, (f"{DAY}/{path}", EARLIER.get(path))):
            target = SAMPLES / "inbox" / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(document)
            print(f"{len(document):>7} bytes  {place}")


if __name__ == "__main__":
    main()
