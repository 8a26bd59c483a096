"""The glossary explains the terms that the pages name, and no others, in words for beginners."""

import ast
import re
from pathlib import Path

import pytest

from digitcore.glossary import GLOSSARY, explain
from digitcore.models import MODELS
from digitcore.specs.settings import all_settings

ROOT = Path(__file__).parents[1]
SOURCES = [*(ROOT / "digitcore").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]


def terms_in(path):
    """The terms that a file has explained."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "explain":
            for argument in node.args:
                assert isinstance(argument, ast.Constant), f"{path.name}:{node.lineno} explains what no reader can find"
                yield argument.value


USED = {term for path in SOURCES for term in terms_in(path)}


def test_every_term_that_is_explained_is_in_the_glossary():
    assert USED - set(GLOSSARY) == set()


def test_no_term_of_the_glossary_is_unused():
    assert set(GLOSSARY) - USED == set()


@pytest.mark.parametrize("term", GLOSSARY)
def test_an_explanation_is_one_to_three_sentences(term):
    text = GLOSSARY[term]
    assert text.endswith(".")
    assert 1 <= len(re.findall(r"\.(?=\s|$)", text)) <= 3
    assert len(text) < 330


def test_several_terms_are_told_apart():
    assert explain("loss") == GLOSSARY["loss"]
    assert explain("loss", "epoch") == f"**Loss**: {GLOSSARY['loss']}\n\n**Epoch**: {GLOSSARY['epoch']}"


def test_an_unknown_term_is_refused():
    with pytest.raises(KeyError, match="entropy"):
        explain("entropy")


def test_the_form_takes_its_help_from_the_glossary():
    records = [setting.record for setting in all_settings().values()]
    records += [record for entry in MODELS.values() for record in entry.parameters]
    assert {record.label for record in records if record.help not in GLOSSARY.values()} == set()
