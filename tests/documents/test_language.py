"""The language of a document: right for prose, whatever code stands between, and undetermined where nobody can tell."""

import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from document_runs import Pipeline, day, put

from assay.documents.language import READ_CHARACTERS, detect_language
from assay.documents.parsing import parse_here
from assay.documents.silver import DOCUMENTS
from assay.errors import DocumentRejected
from assay.quality.silver_suites import documents
from assay.quality.suites import Limits

SAMPLES = Path(__file__).parents[2] / "samples" / "inbox"
PARAGRAPHS = {
    "en": [
        "Your order is delivered within three working days. If the parcel arrives damaged, contact us before you open it.",
        "To raise a dispute, open the page of the ad and press the button.",
    ],
    "es": [
        "La entrega del pedido se realiza en un plazo de tres días laborables. Si el paquete llega dañado, avísenos.",
        "Para iniciar una reclamación, abra la página del anuncio y pulse el botón correspondiente.",
    ],
    "de": [
        "Die Lieferung erfolgt innerhalb von drei Werktagen. Sollte das Paket beschädigt ankommen, melden Sie sich bitte.",
        "Um eine Beschwerde einzureichen, öffnen Sie die Seite der Anzeige und klicken auf die Schaltfläche.",
    ],
    "fr": [
        "La livraison est effectuée dans un délai de trois jours ouvrables. Si le colis arrive endommagé, contactez-nous.",
        "Pour déposer une réclamation, ouvrez la page de l'annonce et cliquez sur le bouton correspondant.",
    ],
    "da": ["Leveringen sker inden for tre hverdage. Hvis pakken ankommer beskadiget, bedes du kontakte os først."],
    "pt": ["Para apresentar uma reclamação, abra a página do anúncio e carregue no botão correspondente."],
    "it": ["Per presentare un reclamo, aprite la pagina dell'annuncio e premete il pulsante corrispondente."],
    "cs": ["Chcete-li podat stížnost, otevřete stránku inzerátu a klepněte na příslušné tlačítko."],
    "ja": ["苦情を申し立てるには、広告のページを開いて、対応するボタンを押してください。"],
    "zh": ["如需提出投诉，请打开广告页面并点击相应的按钮。我们将在三个工作日内答复您。"],
}
CODE = "\n".join(f"for item_{n} in collection.filter(lambda value: value.is_open): print(item_{n})" for n in range(20))


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in PARAGRAPHS.items() for text in texts])
def test_a_paragraph_is_enough(language: str, text: str) -> None:
    assert detect_language(text) == language
    assert detect_language(text.upper()) == language


@pytest.mark.parametrize("language", PARAGRAPHS)
def test_code_and_addresses_do_not_count(language: str) -> None:
    text = PARAGRAPHS[language][0]
    urls = " ".join(f"https://example.com/the/page/of/the/{n} www.example.com you@example.com" for n in range(9))
    for around in (f"```python\n{CODE}\n```", f"~~~\n{CODE}\n~~~~", "`the order of the parcel` " * 20, urls):
        assert detect_language(f"{around}\n\n{text}") == language
        assert detect_language(f"{text}\n\n{around}") == language
    assert detect_language(f"{text}\n\n```\n{CODE}") == language, "a block that nobody closed"


@pytest.mark.parametrize(
    "text",
    ["", " \n\t", "12 345,67", "LS-1012", "Hello", "Title 3", f"```\n{CODE}\n```", "https://example.com/the/page", "😀 😀 😀",
     "SKU EAN UPC GTIN ISBN ASIN MPN QTY", "aaaa bbbb cccc dddd eeee ffff gggg", "\ud800"],
)  # fmt: skip
def test_what_is_too_short_or_no_language_is_undetermined(text: str) -> None:
    assert detect_language(text) == "und"


def test_every_document_of_the_sample_is_english_or_spanish_as_it_was_written() -> None:
    texts: dict[str, str] = {}
    prose = {".md", ".html", ".txt", ".eml", ".docx"}
    for file in sorted(file for file in SAMPLES.rglob("*") if file.suffix in prose)[::3]:
        with suppress(DocumentRejected):
            texts[file.relative_to(SAMPLES).as_posix()] = parse_here(file.read_bytes(), file.name).text
    assert len(texts) > 30
    spanish = {path for path in texts if "/es/" in path or "resumen" in path}
    assert {path for path, text in texts.items() if detect_language(text) == "es"} == spanish != set()
    assert {detect_language(texts[path]) for path in texts.keys() - spanish} == {"en"}


def test_only_the_beginning_is_read() -> None:
    beginning = (PARAGRAPHS["es"][0] + " ") * (READ_CHARACTERS // 100)
    assert detect_language(beginning[:READ_CHARACTERS] + PARAGRAPHS["de"][0] * 1000) == "es"


@pytest.mark.parametrize("unit", ["`", "```\n", "~", "x@", "[", "www.", "://", "a", "` `", "\n", "🏳️‍🌈", "a`\n"])
def test_no_text_holds_it_up(unit: str) -> None:
    detect_language("warm")
    began = time.monotonic()
    assert re.fullmatch(r"und|[a-z]{2,3}", detect_language(unit * 100_000))
    assert time.monotonic() - began < 2


def test_the_suite_takes_every_code_that_can_be_given() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    labels = LanguageIdentifier.from_model_file(MODEL_FILE).labels
    regex = documents(Limits()).expectation("language_is_a_code").arguments["regex"]
    assert [label for label in [*labels, "und"] if not re.match(str(regex), label)] == []


def test_a_document_keeps_its_language_wherever_its_bytes_are_seen_again(pipeline: Pipeline, inbox: Path) -> None:
    for number, folder in ((1, ""), (2, "moved/")):
        put(
            inbox / day(number).isoformat(),
            {f"{folder}{language}.md": texts[0] for language, texts in PARAGRAPHS.items()},
        )
    pipeline.run(day(1), day(2), through="state")
    languages = {row["document_id"]: row["language"] for row in pipeline.read(DOCUMENTS)}
    assert languages == {f"docs:{folder}{code}.md": code for code in PARAGRAPHS for folder in ("", "moved/")}
