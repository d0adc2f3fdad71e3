"""Which questions a release is judged by: the file's where it is about the sources at hand, else ones from headings."""

import json
import shutil

import pyarrow as pa
import pytest
from document_runs import Pipeline, day, put, stand_ins
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ConfigurationError
from assay.evaluation.current_documents import Corpus, unavailable_documents
from assay.evaluation.golden_drafts import drafted_questions
from assay.evaluation.golden_question_files import read_golden_questions
from assay.evaluation.golden_set import golden_set_for
from assay.evaluation.heading_questions import MAX_SMOKE_QUESTIONS, heading_questions
from assay.settings import SAMPLE_SOURCE, PathRule, Settings, SourceSettings

FEES = (
    "# Fees of the house\n\nWhat everything costs.\n\n## What a refund costs\n\nA refund costs 1,200 units and takes a day.\n\n"
    "A refund is a payment that goes back to whom it came from.\n\n"
    "## Prices of lists\n\n| List | Price in units | Note |\n|---|---|---|\n| Short list | 40 | none |\n| Long list | 90 | by post |\n"
)
PAUSES = "# Pauses of the house\n\n## When a pause begins\n\nA pause begins at noon and ends an hour later.\n"
QUOTE = "A refund costs 1,200 units and takes a day."


def write_questions(folder, document_id="docs:fees.md", quote=QUOTE):
    line = {
        "id": "refund",
        "question": "What does a refund cost?",
        "kind": "direct",
        "answerable": True,
        "principals": ["public"],
        "slices": [],
        "reference_answer": "1,200 units",
        "passages": [{"document_id": document_id, "quote": quote}],
    }
    path = folder / "questions.jsonl"
    path.write_text(json.dumps(line), "utf-8")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The two documents, taken in as far as their chunks; not to be changed."""
    folder = tmp_path_factory.mktemp("documents")
    put(folder / "inbox" / "2026-11-01", {"fees.md": FEES, "pauses.md": PAUSES})
    with stand_ins():
        home = Pipeline.at(folder / "home", SourceSettings(name="docs", uri=f"{folder}/inbox/{{day}}"))
        home.run(day(1), through="chunks")
        yield home


@pytest.fixture
def live_home(home, tmp_path):
    """A copy of it, and the folder in which its next days are put."""
    shutil.copytree(home.settings.home, tmp_path / "home")
    source = home.settings.sources[0].model_copy(update={"uri": f"{tmp_path}/inbox/{{day}}"})
    return Pipeline(home.settings.model_copy(update={"home": tmp_path / "home", "sources": (source,)}))


def asking(home, path):
    return Pipeline(home.settings.model_copy(update={"golden_questions": path})).workspace()


def test_golden_questions_follow_an_edit_and_tell_of_it(live_home, inbox, tmp_path):
    home = live_home
    path = write_questions(tmp_path)
    before, warnings = golden_set_for(asking(home, path))
    assert (before.is_smoke, warnings) == (False, ())
    [place] = before.questions[0].places
    assert FEES[place.start : place.end] == QUOTE

    put(
        inbox / "2026-11-02",
        {"fees.md": FEES.replace("What everything", "This is what everything"), "pauses.md": PAUSES},
    )
    home.run(day(2), through="chunks")
    moved, warnings = golden_set_for(asking(home, path))
    assert moved.questions[0].places[0].start == place.start + len("This is w") - 1
    assert moved.sha256 != before.sha256
    assert warnings == ()  # the file gives no span that could be another now

    put(inbox / "2026-11-03", {"fees.md": FEES.replace("1,200", "1,300"), "pauses.md": PAUSES})
    home.run(day(3), through="chunks")
    lost, [warning] = golden_set_for(asking(home, path))
    assert not lost.questions[0].places[0].stands
    assert "`refund`" in warning
    assert "docs:fees.md" in warning


def test_without_questions_of_ones_own_there_are_smoke_questions(home, tmp_path, monkeypatch):
    elsewhere = write_questions(tmp_path, "elsewhere:fees.md")
    gone = Settings.model_fields["golden_questions"].default
    monkeypatch.chdir(tmp_path)  # a fork without the sample
    reasons = {None: "is empty", gone: "there is no file", elsewhere: "about none of the documents here"}
    found = {path: golden_set_for(asking(home, path)) for path in reasons}
    for path, (_, [warning]) in found.items():
        assert warning.startswith("SMOKE: ")
        assert reasons[path] in warning
    [golden, *others] = [golden for golden, _ in found.values()]
    assert others == [golden, golden]
    assert (golden.is_smoke, golden.name) == (True, "smoke")
    texts = {"docs:fees.md": FEES, "docs:pauses.md": PAUSES}
    for one in golden.questions:
        [place] = one.places
        assert texts[place.document_id][place.start : place.end] == place.quote
    assert {one.question: one.places[0].quote for one in golden.questions} == {
        "Fees of the house": "What everything costs.",  # a section so short shares its chunk with the next
        "Fees of the house Prices of lists": "| List | Price in units | Note |",
        "Pauses of the house When a pause begins": "A pause begins at noon and ends an hour later.",
    }


def test_what_the_home_holds_decides_which_questions_apply_and_not_what_a_process_would_take_in(home, tmp_path):
    mine, samples = write_questions(tmp_path), tmp_path / "samples"
    samples.mkdir()
    of_sample = write_questions(samples, "sample:fees.md")
    for elsewhere in ({"documents": str(tmp_path)}, {"sources": (SAMPLE_SOURCE,)}):
        other = Pipeline(home.settings.model_copy(update=elsewhere))
        assert golden_set_for(asking(other, mine)) == golden_set_for(asking(home, mine))
        assert golden_set_for(asking(other, of_sample))[0].is_smoke
    assert not golden_set_for(asking(home, mine))[0].is_smoke
    empty = home.settings.model_copy(update={"home": tmp_path / "empty", "sources": (SAMPLE_SOURCE,)})
    assert not golden_set_for(asking(Pipeline(empty), of_sample))[0].is_smoke
    assert golden_set_for(asking(Pipeline(empty), mine))[0].is_smoke


def test_a_file_of_questions_that_was_named_and_is_not_there_is_refused(home, tmp_path):
    with pytest.raises(ConfigurationError, match=r"no file `.*quesitons.jsonl`, which `ASSAY_GOLDEN_QUESTIONS` names"):
        golden_set_for(asking(home, tmp_path / "quesitons.jsonl"))


def test_what_moved_and_what_was_deleted_is_known_of_current_documents_alone(live_home, inbox):
    home = live_home
    corpus = Corpus(home.workspace())
    assert corpus.findable_ids(["docs"]) == ["docs:fees.md", "docs:pauses.md"]
    assert corpus.documents(["docs:fees.md", "docs:nowhere.md"])["docs:fees.md"].text == FEES
    put(inbox / "2026-11-02", {"fees.md": FEES})
    rule = PathRule(pattern="**", allowed_principals=("team:blue",))
    Pipeline(home.settings, {day(2): (rule,)}).run(day(2), through="chunks")
    found = Corpus(home.workspace()).documents(["docs:fees.md", "docs:pauses.md"])
    assert {name: one.allowed_principals for name, one in found.items()} == {"docs:fees.md": ("team:blue",)}
    assert corpus.documents([]) == {}
    assert unavailable_documents(home.workspace()) == ()


def row(document_id, heading, text="Something that is long enough to ask about.", start=0, title="The title here"):
    return {
        "document_id": document_id,
        "allowed_principals": ["public"],
        "title": title,
        "heading_path": [heading] if heading else [],
        "start": start,
        "text": f"## {heading}\n\n{text}\n" if heading else text,
    }


@given(order=st.permutations(range(8)))
def test_smoke_questions_do_not_depend_on_the_order_of_chunks(order):
    rows = [row(f"docs:{at % 3}.md", f"Heading number {at}", start=10 * at) for at in range(8)]
    table = pa.Table.from_pylist
    assert heading_questions(table([rows[at] for at in order])) == heading_questions(table(rows))


def test_a_heading_of_two_documents_and_one_without_text_are_no_questions():
    rows = [row("docs:a.md", "Contact us now"), row("docs:b.md", "Contact us now"), row("docs:a.md", "Empty one", "no")]
    assert heading_questions(pa.Table.from_pylist(rows)) == ()


def test_a_document_without_a_heading_is_asked_for_by_its_opening_words():
    text = "Letters leave the house at four, parcels on Tuesdays and Fridays."
    [found] = heading_questions(pa.Table.from_pylist([row("docs:post.txt", None, text, title="Post")]))
    assert found.question == "Letters leave the house at four, parcels on"
    assert found.passages[0].places[0].quote == text


def test_every_document_is_asked_about_before_one_is_asked_about_again():
    rows = [row("docs:big.md", f"Heading number {at}", start=at) for at in range(2 * MAX_SMOKE_QUESTIONS)]
    rows += [row(f"docs:{at}.md", f"Subject number {at}") for at in range(60)]
    found = heading_questions(pa.Table.from_pylist(rows))
    assert len(found) == MAX_SMOKE_QUESTIONS
    assert len({one.cluster for one in found}) == 61


def test_drafts_are_refused_until_somebody_accepted_them(home, tmp_path):
    documents = Corpus(home.workspace()).documents(["docs:fees.md", "docs:pauses.md"])
    drafts = drafted_questions(documents, 10)
    asked = {one["question"]: one for one in drafts}
    assert asked["In Fees of the house, what is Price in units of Long list?"]["reference_answer"] == "90"
    assert asked["What is a refund?"]["kind"] == "definition"
    assert asked["What does Fees of the house say about What a refund costs?"]["passages"][0]["quote"] == QUOTE
    for one in drafts:
        [place] = one["passages"]
        assert documents[place["document_id"]].text[place["start"] : place["end"]] == place["quote"]
    path = tmp_path / "drafts.jsonl"
    path.write_text("\n".join(map(json.dumps, drafts)), "utf-8")
    with pytest.raises(Exception, match="no person accepted it"):
        read_golden_questions(path)
    path.write_text("\n".join(json.dumps(one | {"accepted": "Ada"}) for one in drafts), "utf-8")
    assert len(read_golden_questions(path)) == len(drafts)
    assert drafted_questions(documents, 1) == [
        drafts[0],
        next(one for one in drafts if "pauses" in str(one["passages"])),
    ]
