"""What is taken for a secret: names, known values, patterns, and what a text or some source names itself."""

from __future__ import annotations

import json
import re
import textwrap
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_tracer.concealing import Concealer
from cwm_tracer.model import Context, Event, Frame
from cwm_tracer.redaction import Redactor
from cwm_tracer.source import SourceLines, parsed
from cwm_tracer.source_secrets import conceal_source

REDACTOR = Redactor()


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "db_password",
        "password_hash",
        "passwords",
        "_password",
        "__password",
        "userPassword",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "client_secret",
        "clientSecret",
        "SECRET_KEY",
        "token",
        "access_token",
        "accessToken",
        "X-Auth-Token",
        "api_key",
        "apikey",
        "apiKey",
        "API_KEY",
        "X-API-Key",
        "access_key",
        "AWS_ACCESS_KEY_ID",
        "private_key",
        "credentials",
        "Authorization",
        "auth_header",
        "Set-Cookie",
        "session cookie",
        "dbpassword",
        "PGPASSWORD",
        "HTTPSToken",
        "authtoken",
        "jwt",
    ],
)
def test_a_name_that_looks_secret(name: str) -> None:
    assert REDACTOR.is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "passing",
        "compass",
        "tokenizer",
        "tokenize",
        "detokenized",
        "keyboard",
        "key",
        "author",
        "secretary",
        "monkey",
        "pass_",
        "é",
        "密码",
    ],
)
def test_a_name_that_does_not(name: str) -> None:
    assert not REDACTOR.is_secret_name(name)


@pytest.mark.parametrize("key", [None, 1, b"password", ("password",), type("S", (str,), {})("password")])
def test_only_strings_name_a_secret(key: object) -> None:
    assert not REDACTOR.is_secret_key(key)


def test_a_long_key_is_data() -> None:
    assert not REDACTOR.is_secret_name("x" * 1_000_000 + "_password")


@given(st.text())
def test_any_name_can_be_asked_about(name: str) -> None:
    assert REDACTOR.is_secret_name(name) == REDACTOR.is_secret_name(name.upper()) or name != name.lower()
    assert REDACTOR.is_secret_name(f"{name[:50]}_password")


def test_a_list_of_names_replaces_the_built_in_one() -> None:
    redactor = Redactor(["pass_code", "PIN"])
    assert all(redactor.is_secret_name(name) for name in ("passcode", "myPassCode", "pass-code", "pins", "card_pin"))
    assert not any(redactor.is_secret_name(name) for name in ("password", "pinned", "spin", "code"))
    assert not Redactor([]).is_secret_name("password")
    with pytest.raises(ValueError, match="'_' is no name"):
        Redactor(["_"])


# -- values, wherever they stand

SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    "form", [str, repr, lambda text: repr(repr(text)), json.dumps, lambda text: repr([text.encode()]), quote]
)
@given(secret=st.text(min_size=6, max_size=12).filter(lambda text: text.strip() == text and "\\" not in text))
def test_a_known_value_is_hidden_in_every_form(form: object, secret: str) -> None:
    text = form(f"<{secret}>")  # type: ignore[operator]
    assert secret not in Redactor((), [secret]).hide_values(text).replace("<redacted>", "")
    assert "<redacted>" in Redactor((), [secret]).hide_values(text)


def test_short_values_are_not_hidden_everywhere() -> None:
    assert Redactor(values=["1", "true", ""]).hide("[1, true]") == "[1, true]"


def test_of_two_values_the_longer_is_hidden_first() -> None:
    assert Redactor(values=["abcdef", "abcdefgh"]).hide("'abcdefgh'") == "'<redacted>'"


def test_the_lines_of_a_key_are_hidden_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhki\n-----END KEY-----"
    assert Redactor(values=[key]).hide("    MIIEvQIBADANBgkqhki\n") == "    <redacted>\n"


def test_values_of_variables_with_secret_names_are_those_of_the_environment() -> None:
    environment = {"API_KEY": SECRET, "HOME": "/home/ann", "PWD": "/home/ann", "TOKENIZERS_PARALLELISM": "false"}
    assert list(Redactor().secrets_of(environment)) == [SECRET]


def test_patterns_are_hidden() -> None:
    redactor = Redactor(patterns=[re.compile("sk-[a-z0-9]+")])
    assert redactor.hide("['sk-abc1', 'risk']") == "['<redacted>', 'risk']"
    assert redactor.hide_in_bytes(b"\x00sk-abc1\xff") == b"\x00<redacted>\xff"


# -- what a text names itself


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Creds(user='ann', password='hunter2')", "Creds(user='ann', password=<redacted>)"),
        ("Creds(password=Hidden(x=[1, ')']), b=1)", "Creds(password=<redacted>, b=1)"),
        ("""'{"token": "a b", "n": 1}'""", """'{"token": <redacted>, "n": 1}'"""),
        (r"'{\'token\': \'it\\\'s\', \'n\': 1}'", r"'{\'token\': <redacted>, \'n\': 1}'"),
        ("{'Authorization': 'Bearer abc'}", "{'Authorization': <redacted>}"),
        ("OrderedDict([('password', 'x'), ('a', 1)])", "OrderedDict([('password', <redacted>), ('a', 1)])"),
        ("environ({'API_KEY': 'a', 'HOME': '/'})", "environ({'API_KEY': <redacted>, 'HOME': '/'})"),
        ("'https://h/?api_key=abc&b=2'", "'https://h/?api_key=<redacted>&b=2'"),
        ("'Authorization: Bearer abc.d-e_f'", "'Authorization: Bearer <redacted>'"),
        ("namespace(apiKey='x')", "namespace(apiKey=<redacted>)"),
        ("ValueError('bad password=hunter2')", "ValueError('bad password=<redacted>')"),
    ],
)
def test_a_value_behind_its_name_is_hidden(text: str, hidden: str) -> None:
    redactor = Redactor()
    assert redactor.hide(text) == hidden
    assert redactor.hide(hidden) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "'unexpected token: identifier'",
        "(password: str) -> None",
        "Creds(password=None, token='')",
        "'f\"token={token}\"'",
        "'password: %s'",
        "tests/test_x.py::test_token::inner",
        "tokenizer=Tokenizer('x')",
        "password == 'x'",
        "Token(3)",
        "",
    ],
)
def test_what_is_no_value_behind_a_name_stays(text: str) -> None:
    assert Redactor().hide(text) == text


@given(st.text())
def test_any_text_can_be_looked_at_and_then_looked_at_again(text: str) -> None:
    redactor = Redactor()
    hidden = redactor.hide(f"password='{text}")
    assert redactor.hide(hidden) == hidden or "<redacted>" in text


# -- what is learned


class Unhashable(type):
    def __hash__(cls) -> int:
        raise AssertionError


class Odd(metaclass=Unhashable):
    pass


def test_what_stood_under_a_secret_name_is_learned_if_it_is_told_from_other_text() -> None:
    redactor = Redactor()
    for value in (
        "hunter2",
        ["in-a-list-1", {"k": b"in-bytes-2"}],
        "Bearer abc-def-3",
        "return",
        "block_end",
        "12345",
        7,
        None,
        "x",
    ):
        redactor.learn(value)
    redactor.learn(Odd())
    assert redactor.learned == {"hunter2", "in-a-list-1", "in-bytes-2", "abc-def-3"}
    redactor.forget()
    assert redactor.learned == frozenset()


# -- source


def concealed(source: str) -> str:
    text = textwrap.dedent(source)
    return "".join(conceal_source(text.splitlines(keepends=True), parsed(text), Redactor()).lines)


@pytest.mark.parametrize(
    ("source", "hidden"),
    [
        ("password = 'x'\n", 'password = "<redacted>"\n'),
        ("self.api_key: str = 'x'; n = 'y'\n", "self.api_key: str = \"<redacted>\"; n = 'y'\n"),
        ("os.environ['API_KEY'] = 'x'\n", "os.environ['API_KEY'] = \"<redacted>\"\n"),
        ("login('ann', password='x')\n", "login('ann', password=\"<redacted>\")\n"),
        ("setenv('API_KEY', 'x')\n", "setenv('API_KEY', \"<redacted>\")\n"),
        ("key = {'password': 'x', 'user': 'y'}\n", "key = {'password': \"<redacted>\", 'user': 'y'}\n"),
        ("def f(password='x', *, n='y'): ...\n", "def f(password=\"<redacted>\", *, n='y'): ...\n"),
        ("assert password == 'x'\n", 'assert password == "<redacted>"\n'),
        ("password = f'{a}x'\n", 'password = "<redacted>"\n'),
        ("password = (\n    'x'\n    'y'\n)\n", 'password = (\n    "<redacted>"\n    "<redacted>"\n)\n'),
        ("url = f'https://h?token=abc&n={n}'\n", "url = f'https://h?token=<redacted>&n={n}'\n"),
        ("n = 1  # password: hunter2\n", "n = 1  # password: <redacted>\n"),
        ("é = 'ü'; password = 'x'\n", "é = 'ü'; password = \"<redacted>\"\n"),
        ("password = getenv('DB_PASSWORD')\n", "password = getenv('DB_PASSWORD')\n"),
        ("max_tokens = 4096\n", "max_tokens = 4096\n"),
        ("password = get(n)\nkind = 'x'\n", "password = get(n)\nkind = 'x'\n"),
        ("def f(:\n  x = 1 # token='a'\n", "def f(:\n  x = 1 # token=<redacted>\n"),
    ],
)
def test_literals_under_secret_names_are_hidden_in_source(source: str, hidden: str) -> None:
    assert concealed(source) == hidden


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\x0c")))
def test_source_keeps_its_lines(text: str) -> None:
    source = f"password = {text!r}\n{text}\n"
    lines = source.split("\n")
    shown = conceal_source([line + "\n" for line in lines], parsed(source), Redactor(patterns=[re.compile(r"\s+")]))
    assert len(shown.lines) == len(lines)


# -- whole traces


def test_what_was_learned_is_hidden_before_and_after_and_in_the_source() -> None:
    source = "def f(a):  # hunter2-x\n    password = a\n    hunter2 = 1\n    return [a]\n"
    redactor = Redactor()
    redactor.learn("hunter2-x")
    redactor.learn("hunter2")
    frames = [
        Frame(Event.CALL, "def f(a):  # hunter2-x\n", {"a": "'hunter2-x'"}, file="f.py", line=1),
        Frame(Event.LINE, "    hunter2 = 1\n", {"a": "'hunter2-x'", "n": "1"}, file="f.py", line=3),
        Frame(Event.RETURN, "    return [a]\n", argument="['hunter2-x']", file="f.py", line=4),
    ]
    context = Context(source.replace("x\n", "x  # << START_OF_TRACE\n", 1), tuple(("f.py", n) for n in range(1, 5)), 0)
    shown, about = Concealer(redactor, SourceLines({"f.py": source})).conceal(frames, context)
    assert shown[0].source == "def f(a):  # <redacted>\n"
    assert shown[0].locals == {"a": "'<redacted>'"}
    assert shown[1].source == "    hunter2 = 1\n"  # a name of the program's is no secret
    assert shown[2].argument == "['<redacted>']"
    assert about.text.startswith("def f(a):  # <redacted>  # << START_OF_TRACE\n    password = a\n    hunter2 = 1\n")
    assert len(about.text.split("\n")) == 5
