"""The glossary explains the terms that the pages name, and no others, in words for beginners."""

import ast
import re
from pathlib import Path

import pytest

from digitcore.experiments.phenomena import PHENOMENA
from digitcore.glossary import GLOSSARY, explain, explain_text, terms_of
from digitcore.models import MODELS
from digitcore.specs.settings import all_settings

ROOT = Path(__file__).parents[1]
SOURCES = [*(ROOT / "digitcore").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
SOURCES.remove(ROOT / "digitcore" / "glossary.py")


def terms_in(path):
    """The terms that a file has explained."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "explain":
            for argument in node.args:
                assert isinstance(argument, ast.Constant), f"{path.name}:{node.lineno} explains what no reader can find"
                yield argument.value


USED = {term for path in SOURCES for term in terms_in(path)}
USED |= {term for each in PHENOMENA.values() for term in terms_of(f"{each.topic} {each.words}")}


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


def test_the_terms_of_a_text_are_found_in_any_number_and_the_longest_of_them():
    text = "Losses fall over the epochs; its weight images stay noise, and no gradient comes through a ReLU."
    assert terms_of(text) == ("loss", "epochs", "weight image", "gradient", "ReLU")
    assert terms_of("Nothing that the glossary has") == ()
    assert explain_text("") == ""
    assert explain_text("An epoch") == GLOSSARY["epoch"]


def test_an_unknown_term_is_refused():
    with pytest.raises(KeyError, match="entropy"):
        explain("entropy")


def test_the_form_takes_its_help_from_the_glossary():
    records = [setting.record for setting in all_settings().values()]
    records += [record for entry in MODELS.values() for record in entry.parameters]
    assert {record.label for record in records if record.help not in GLOSSARY.values()} == set()
