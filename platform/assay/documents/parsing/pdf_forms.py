"""What was filled into the form (AcroForm) of a PDF page: its values are no part of the page's text."""

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_MOST_ANNOTATIONS = 5_000
_MOST_CHARACTERS = 20_000


def field_values(document: "PdfDocument", page: "PdfPage") -> Iterator[tuple[str, str]]:
    """The name that a form shows for a field (or its own) and the value, once each, in the order of the file.

    Empty fields are left out. A box or button that is checked gives its own value, often `Yes`. `document` must have
    been opened with its forms (`init_forms`).
    """
    import pypdfium2.raw as pdfium

    if document.formenv is None:
        return
    form: Any = document.formenv.raw
    seen: set[tuple[str, str]] = set()
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MOST_ANNOTATIONS)):
        field = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if not field:
            continue
        try:
            if pdfium.FPDFAnnot_GetSubtype(field) != pdfium.FPDF_ANNOT_WIDGET:
                continue
            name, value = _name(pdfium, form, field), _value(pdfium, form, field)
        finally:
            pdfium.FPDFPage_CloseAnnot(field)
        if name and value and (name, value) not in seen:
            seen.add((name, value))
            yield name, value


def _name(pdfium: Any, form: Any, field: Any) -> str:
    return _string(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, field) or _string(
        pdfium.FPDFAnnot_GetFormFieldName, form, field
    )


def _value(pdfium: Any, form: Any, field: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, field)
    if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
        if not pdfium.FPDFAnnot_IsChecked(form, field):
            return ""
        return _string(pdfium.FPDFAnnot_GetFormFieldExportValue, form, field)
    if kind in (pdfium.FPDF_FORMFIELD_TEXTFIELD, pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
        return _string(pdfium.FPDFAnnot_GetFormFieldValue, form, field)
    return ""


def _string(get: Any, form: Any, field: Any) -> str:
    """What a function of pdfium writes as UTF-16, on one line."""
    size: int = get(form, field, None, 0)
    if not 2 < size <= 2 * _MOST_CHARACTERS:
        return ""
    buffer = (ctypes.c_ushort * (size // 2))()
    get(form, field, buffer, size)
    return " ".join(bytes(buffer).decode("utf-16-le", "replace").replace("\x00", "").split())
