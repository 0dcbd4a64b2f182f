"""One recorded answer and the key it is found by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from pytest_cwm.predictors.identity import Identity
from pytest_cwm.report.digest import Digests

Json = Any
SCHEMA = 1
Question = Literal["verify", "roll_out", "next_frame"]
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, as it can be asked without a tokenizer.

    `digests` are those of the frames before the answer with their context; with the tokenizer and the template they
    decide the prompt's tokens. `decoding` are the settings of this question, `sample` counts answers to the same one.
    """

    question: Question
    digests: Digests
    decoding: Mapping[str, Json]
    seed: int | None = None
    sample: int = 0
    python: str | None = None


@dataclass(frozen=True)
class Entry:
    """An answer to `asked` by the model that `identity` names.

    `prompt` is the number of the prompt's tokens and the SHA-256 of their ids as canonical JSON.
    """

    asked: Asked
    identity: Identity
    prompt: tuple[int, str]
    answer: Json

    @cached_property
    def key(self) -> str:
        """SHA-256 over the canonical JSON of all that decides the answer."""
        return _digest(self._key_parts())

    def _key_parts(self) -> dict[str, Json]:
        tokens, digest = self.prompt
        return {
            "schema": SCHEMA,
            "question": self.asked.question,
            "model": self.identity.model,
            "weights": self.identity.weights,
            "tokenizer": self.identity.tokenizer,
            "template": self.identity.template,
            "prompt": {"tokens": tokens, "sha256": digest},
            "decoding": {"model": dict(self.identity.decoding), "question": dict(self.asked.decoding)},
            "seed": self.asked.seed,
            "sample": self.asked.sample,
        }

    def to_json(self) -> dict[str, Json]:
        """The key, its parts, what the question was made of, and the answer."""
        digests = self.asked.digests
        return {
            "key": self.key,
            **self._key_parts(),
            "source": digests.source,
            "execution": digests.execution,
            "python": self.asked.python,
            "answer": self.answer,
        }

    @classmethod
    def from_json(cls, data: Json) -> Entry:
        """The inverse of `to_json`. Raises ValueError, saying what is wrong, for data that contradicts itself."""
        try:
            if data["schema"] != SCHEMA:
                raise ValueError(f"its schema is {data['schema']!r}, this pytest-cwm writes {SCHEMA}")
            if data["question"] not in get_args(Question):
                raise ValueError(f"its question is {data['question']!r}")
            decoding, prompt = data["decoding"], data["prompt"]
            identity = Identity(
                data["model"], data["weights"], data["tokenizer"], data["template"], dict(decoding["model"])
            )
            digests = Digests(data["source"], data["execution"])
            asked = Asked(
                data["question"], digests, dict(decoding["question"]), data["seed"], data["sample"], data["python"]
            )
            entry = cls(asked, identity, (prompt["tokens"], prompt["sha256"]), data["answer"])
            given = data["key"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"a part is missing or of the wrong kind: {error}") from None
        if entry.key != given:
            raise ValueError(f"its key {str(given)[:12]} is not that of its parts ({entry.key[:12]})")
        return entry


def _nowhere(model: str) -> tuple[None, None]:
    return None, None


@dataclass(frozen=True, slots=True)
class Known:
    """The parts of a model's identity that are known without asking it; None and what is left out fits anything.

    `installed` gives the digests of the weights and the tokenizer of a model that is here, by its name: it is asked
    only for models of which there are answers.
    """

    model: str | None = None
    weights: str | None = None
    tokenizer: str | None = None
    template: int | None = None
    decoding: Mapping[str, Json] = field(default_factory=dict)
    installed: Callable[[str], tuple[str | None, str | None]] = _nowhere

    def parts(self, model: str) -> dict[str, Json]:
        """By name, for an answer of `model`."""
        weights, tokenizer = self.installed(model)
        return {
            "model": self.model,
            "weights": self.weights or weights,
            "tokenizer": self.tokenizer or tokenizer,
            "template": self.template,
        }


def prompt_of(ids: Sequence[int]) -> tuple[int, str]:
    """How a prompt's tokens stand in a key."""
    return len(ids), _digest(list(ids))


def differences(asked: Asked, known: Known, entry: Entry) -> Iterator[tuple[str, Json, Json]]:
    """The parts in which an entry is not what was asked for: name, recorded, asked."""
    identity = entry.identity
    for name, value in known.parts(identity.model).items():
        recorded = getattr(identity, name)
        if value is not None and value != recorded:
            yield name, recorded, value
    settings = [
        (known.decoding, identity.decoding),
        (asked.decoding, entry.asked.decoding),
    ]
    for wanted, recorded in settings:
        for name, value in wanted.items():
            if recorded.get(name) != value:
                yield f"decoding setting {name}", recorded.get(name), value
    for name in ("seed", "sample"):
        if getattr(asked, name) != getattr(entry.asked, name):
            yield name, getattr(entry.asked, name), getattr(asked, name)
    if asked.digests.source != entry.asked.digests.source:
        yield "source", entry.asked.digests.source, asked.digests.source
    elif asked.digests.execution != entry.asked.digests.execution:
        yield "execution", entry.asked.digests.execution, asked.digests.execution


def _digest(value: Json) -> str:
    return hashlib.sha256(_canonical(value).encode("ascii")).hexdigest()
