"""The packages on PyPI whose test suites are training data.

Permissively licensed, pure Python, with tests that call functions and compare values. toolz, more-itertools and attrs
are not among them: models are evaluated on their tests.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """A release, its licence, where its tests and its modules lie in the source, and what the tests need besides."""

    name: str
    version: str
    licence: str
    tests: tuple[str, ...] = ("tests",)
    source: str = "."
    needs: tuple[str, ...] = ()

    @property
    def release(self) -> str:
        return f"{self.name}=={self.version}"


PACKAGES = (
    Package("addict", "2.4.0", "MIT", ("test_addict.py",)),
    Package("algorithms", "1.0.1", "MIT"),
    Package("anytree", "2.13.0", "Apache-2.0", source="src"),
    Package("arrow", "1.4.0", "Apache-2.0", needs=("pytest-mock", "dateparser", "pytz", "simplejson")),
    Package("bitstring", "5.0.0", "MIT"),
    Package("blinker", "1.9.0", "MIT", source="src"),
    Package("boltons", "26.2.0", "BSD-3-Clause"),
    Package("cachetools", "8.0.2", "MIT", source="src"),
    Package("convertdate", "2.5.1", "MIT", source="src"),
    Package("croniter", "7.0.0", "MIT", ("src/croniter/tests",), "src", ("tzlocal", "pytz")),
    Package("deepdiff", "9.1.0", "MIT"),
    Package("dotmap", "1.3.30", "MIT", ("dotmap/test.py",)),
    Package("dpath", "2.2.0", "MIT"),
    Package("flatten-dict", "0.5.0", "MIT", ("src/flatten_dict/tests",), "src"),
    Package("funcy", "2.1", "BSD-3-Clause"),
    Package("furl", "2.1.4", "Unlicense"),
    Package("glom", "25.12.0", "BSD-3-Clause", ("glom/test",)),
    Package("hashids", "1.3.1", "MIT", ("test",)),
    Package("humanize", "4.17.0", "MIT", source="src", needs=("freezegun",)),
    Package("inflection", "0.5.1", "MIT", ("test_inflection.py",)),
    Package("intervaltree", "3.2.1", "Apache-2.0", ("test",)),
    Package("isodate", "0.6.1", "BSD-3-Clause", ("src/isodate/tests",), "src"),
    Package("jmespath", "1.1.0", "MIT"),
    Package("jsonpath-ng", "1.16.0", "Apache-2.0", source="src", needs=("oslotest",)),
    Package("jsonpointer", "3.12", "BSD-3-Clause", ("tests.py",)),
    Package("lark", "1.3.1", "MIT", ("tests/test_trees.py", "tests/test_tree_forest_transformer.py")),
    Package("markdown", "3.11.3", "BSD-3-Clause", ("tests/test_apis.py", "tests/test_syntax")),
    Package("marshmallow", "4.4.0", "MIT", source="src", needs=("simplejson",)),
    Package("mathparse", "0.2.9", "MIT"),
    Package("mpmath", "1.3.0", "BSD-3-Clause", ("mpmath/tests",)),
    Package("munch", "4.0.0", "MIT"),
    Package("natsort", "8.4.0", "MIT", needs=("hypothesis", "pytest-mock")),
    Package(
        "networkx",
        "3.6.1",
        "BSD-3-Clause",
        ("networkx/algorithms/tests", "networkx/generators/tests", "networkx/utils/tests"),
    ),
    Package("ordered-set", "4.1.0", "MIT", ("test",)),
    Package("orderly-set", "5.5.0", "MIT"),
    Package("packaging", "26.4", "BSD-2-Clause", source="src", needs=("pretend",)),
    Package("parse", "1.22.4", "MIT"),
    Package("parsimonious", "0.11.0", "MIT", ("parsimonious/tests",)),
    Package("parso", "0.8.7", "MIT", ("test",)),
    Package("prettytable", "3.18.0", "BSD-3-Clause", source="src", needs=("pytest-lazy-fixtures",)),
    Package("pydash", "8.1.0", "MIT", source="src"),
    Package("pyparsing", "3.3.3", "MIT"),
    Package("pyrsistent", "0.20.0", "MIT"),
    Package("python-box", "8.0.0", "MIT", ("test",)),
    Package("python-dateutil", "4.0.0", "BSD-3-Clause", source="src", needs=("freezegun", "hypothesis")),
    Package("python-slugify", "9.2.0", "MIT"),
    Package("schema", "0.7.8", "MIT", ("test_schema.py",)),
    Package("semver", "3.1.2", "BSD-3-Clause", source="src"),
    Package("simpleeval", "1.0.8", "MIT"),
    Package("sqlparse", "0.6.1", "BSD-3-Clause"),
    Package("sympy", "1.14.0", "BSD-3-Clause", ("sympy/ntheory/tests", "sympy/utilities/tests", "sympy/core/tests")),
    Package("tabulate", "0.8.10", "MIT", ("test",)),
    Package("textdistance", "4.6.3", "MIT", needs=("hypothesis",)),
    Package("texttable", "1.7.2", "MIT", ("tests.py",)),
    Package("tinydb", "4.9.0", "MIT"),
    Package("tomlkit", "0.15.2", "MIT", needs=("pyyaml",)),
    Package("transitions", "0.9.3", "MIT"),
    Package("trie", "3.1.0", "MIT", needs=("hypothesis",)),
    Package("unidiff", "1.0.1", "MIT"),
    Package("voluptuous", "0.16.0", "BSD-3-Clause", ("voluptuous/tests",)),
    Package("webcolors", "25.10.0", "BSD-3-Clause", source="src"),
    Package("whatthepatch", "1.0.7", "MIT", source="src"),
    Package("xmltodict", "1.0.4", "MIT"),
)
