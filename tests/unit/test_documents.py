"""Documents can be found, and lead where they say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.configs import ROOT

INDEX = ROOT / "docs" / "README.md"
DECISIONS = ROOT / "docs" / "decisions" / "README.md"
SOURCES = sorted(
    file
    for place in ROOT.iterdir()
    # Of what is hidden, only .github is of the repository.
    if not place.name.startswith(".") or place.name == ".github"
    for file in ([place] if place.is_file() else place.rglob("*"))
    if file.suffix in {".py", ".yaml", ".yml", ".toml"} and ".venv" not in file.parts
)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def prose(document: Path) -> str:
    """A document without its blocks of code, in which neither links nor headings are meant."""
    return re.sub(r"^ *```.*?^ *```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def links(document: Path) -> Iterator[tuple[Path, str]]:
    """What a document links to in this repository: a file or folder, and a heading in it or nothing."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if "://" not in target:
            path, _, heading = target.partition("#")
            yield (document.parent / path).resolve() if path else document, heading


def anchors(document: Path) -> set[str]:
    """The headings of a document as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_has_every_page_and_every_decision() -> None:
    pages = {page for page in DOCUMENTS if page.is_relative_to(INDEX.parent)} - {INDEX}
    missing = pages - {path for index in (INDEX, DECISIONS) for path, _ in links(index)}
    assert not missing, (
        f"add a line to docs/README.md or docs/decisions/README.md for {sorted(page.name for page in missing)}"
    )


def test_a_decision_stands_once_in_their_index() -> None:
    listed = [path.name for path, _ in links(DECISIONS)]
    assert sorted(listed) == sorted(page.name for page in DECISIONS.parent.glob("[0-9]*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(document.relative_to(ROOT)) for document in DOCUMENTS])
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(document: Path) -> None:
    for path, heading in links(document):
        assert path.exists(), path
        assert not heading or heading in anchors(path), f"{path.name} has no heading {heading}"


def test_every_page_and_heading_that_a_program_or_a_config_names_is_there() -> None:
    named = [
        (source, path, heading)
        for source in SOURCES
        for path, heading in re.findall(
            r"\b(docs/[\w-]+\.md)(?:#([\w-]+))?", source.read_text(encoding="utf-8"), re.ASCII
        )
    ]
    assert len(named) > 10, "some are found"
    missing = [
        f"{source.relative_to(ROOT)}: {path} {heading}"
        for source, path, heading in named
        if not (ROOT / path).exists() or (heading and heading not in anchors(ROOT / path))
    ]
    assert missing == []
