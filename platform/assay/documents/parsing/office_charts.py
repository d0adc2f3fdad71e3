"""The numbers behind a chart of an Office file, which it keeps beside the drawing."""

from assay.documents.parsing.office_package import OfficePackage, XmlElement
from assay.documents.parsing.page_writer import PageWriter
from assay.documents.parsing.pipe_tables import MAX_TABLE_CELLS
from assay.errors import DocumentRejected

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_TEXT = "{http://schemas.openxmlformats.org/drawingml/2006/main}t"
_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
CHART = f"{_C}chart"


def write_chart(writer: PageWriter, chart: XmlElement, package: OfficePackage, part: str) -> None:
    """The title and a table, a row per category and a column per series. `chart` is the reference to it in `part`."""
    relation = package.relations(part).get(chart.get(_RELATION_ID) or "")
    if relation is None or relation.part not in package.members:
        return
    root = package.root(relation.part)
    title = root.find(f"{CHART}/{_C}title")
    if title is not None:
        writer.prose("".join(text.text or "" for text in title.iter(_TEXT)))
    series = list(root.iter(f"{_C}ser"))
    categories: dict[str, str] = {}
    columns = [_points(one, "val", "yVal", "bubbleSize") for one in series]
    for one, column in zip(series, columns, strict=True):
        categories |= dict.fromkeys(column, "") | _points(one, "cat", "xVal")
    if len(categories) * (len(series) + 1) > MAX_TABLE_CELLS:
        raise DocumentRejected("too_large", f"A chart has more than {MAX_TABLE_CELLS:,} values.")
    rows = [["", *map(_name, series)]]
    rows += [[category, *(column.get(index, "") for column in columns)] for index, category in categories.items()]
    if len(rows) > 1:
        writer.table(rows)


def _name(series: XmlElement) -> str:
    return " ".join(value.text or "" for name in series.findall(f"{_C}tx") for value in name.iter(f"{_C}v"))


def _points(series: XmlElement, *kinds: str) -> dict[str, str]:
    """Index -> value of the first kind of data that the series has."""
    source = next((found for kind in kinds if (found := series.find(f"{_C}{kind}")) is not None), None)
    if source is None:
        return {}
    points = ((point.get("idx") or "", point.find(f"{_C}v")) for point in source.iter(f"{_C}pt"))
    return {index: (value.text or "") if value is not None else "" for index, value in points}
