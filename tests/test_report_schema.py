"""The schema of the report is what real documents follow and what reading checks."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cwm.report.document import SCHEMA, VERSION, Report, TestReport
from pytest_cwm.report.schema import check_of, schema
from report_strategies import TEXT, made_tests
from test_report_document import sample

VALIDATOR = jsonschema.Draft202012Validator(schema())
KNOWN = {
    *("$ref", "type", "const", "enum", "anyOf", "properties", "required", "additionalProperties", "minimum"),
    *("items", "prefixItems", "minItems", "maxItems", "title", "description", "$schema", "$id", "$defs"),
}


def test_the_schema_is_one_and_names_what_is_written() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["schema"] == {"const": SCHEMA}
    assert schema()["$id"].endswith(f":{VERSION}")


def test_reading_knows_every_keyword_of_the_schema() -> None:
    def keywords(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(keywords, node)) if node else set()
        if not isinstance(node, dict):
            return set()
        inner = {name: each for name, each in node.items() if name not in ("properties", "$defs")}
        named = [each for name in ("properties", "$defs") for each in node.get(name, {}).values()]
        return set(node) | keywords(list(inner.values())) | keywords(named)

    assert keywords(schema()) <= KNOWN


@settings(max_examples=40)
@given(st.lists(made_tests(), max_size=2), st.dictionaries(TEXT, TEXT, max_size=2))
def test_any_document_follows_the_schema(made: list[TestReport], run: dict[str, str]) -> None:
    document = json.loads(Report.of(made, run=run).to_json())
    VALIDATOR.validate(document)
    assert check_of()(document) is None


@given(st.data())
@settings(max_examples=150)
def test_reading_judges_a_damaged_document_as_the_schema_does(data: st.DataObject) -> None:
    document = place = json.loads(sample().to_json())
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        inner = place[key]
        if isinstance(inner, (dict, list)) and inner and data.draw(st.integers(0, 4)):
            place = inner
            continue
        if isinstance(place, dict) and data.draw(st.booleans()):
            del place[key]
        else:
            place[key] = data.draw(st.sampled_from([None, True, 7, -1, 0.5, "x", "=", "C", [], {}, [[]], ["x"]]))
        break
    assert (check_of()(document) is None) == VALIDATOR.is_valid(document), check_of()(document)


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("tests", 0, "trace", "frames", 1, 0), "X", '.tests[0].trace.frames[1][0] is not "C" or "L"'),
        (("tests", 0, "missing"), -1, ".tests[0].missing is less than 0"),
        (("gates", 1), [True], ".gates[1] is no list of 3"),
        (("notes",), {}, ".notes is no array"),
    ],
)
def test_a_fault_is_named_with_its_place(place: tuple[Any, ...], value: object, fault: str) -> None:
    document = inner = json.loads(sample().to_json())
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert (check_of()(document) or "").startswith(fault)
