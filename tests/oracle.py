"""A model without weights: it knows a trace by heart, believes some of its frames to be different, and speaks bytes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence

from cwm_tracer import wire
from cwm_tracer.model import Frame
from cwm_tracer.wire import Cursor, Segment, Special
from serving import Call, Reply

_SPECIALS = {special: 256 + number for number, special in enumerate(Special)}
FRAME, END = _SPECIALS[Special.FRAME], _SPECIALS[Special.END]


class ByteTokenizer:
    """A token for each byte and each special."""

    name = "bytes"
    digest = hashlib.sha256(b"bytes").hexdigest()
    vocabulary_size = 256 + len(_SPECIALS)

    def encode(self, segments: Iterable[Segment]) -> list[int]:
        ids: list[int] = []
        for segment in segments:
            ids += [_SPECIALS[segment]] if isinstance(segment, Special) else segment.encode()
        return ids

    def decode(self, ids: Iterable[int]) -> list[Segment]:
        segments: list[Segment] = []
        text = bytearray()
        for token in [*ids, None]:
            if token is None or token >= 256:
                if text:
                    segments.append(text.decode("utf-8", "replace"))
                text.clear()
                if token is not None:
                    segments.append(list(Special)[token - 256])
            else:
                text.append(token)
        return segments

    def special(self, special: Special) -> int:
        return _SPECIALS[special]


TOKENIZER = ByteTokenizer()
Belief = Frame | Sequence[Segment] | None


class Oracle:
    """Answers the completions protocol.

    `beliefs[k]` is what it says instead of frame k: a frame, raw segments, or None for the end.

    Every frame of `truth` must have a source line of its own, by which the oracle knows where it is.
    """

    def __init__(
        self, truth: Sequence[Frame], beliefs: Mapping[int, Belief] | None = None, context_length: int | None = 100_000
    ) -> None:
        self.truth = list(truth)
        self.beliefs = dict(beliefs or {})
        self.context_length = context_length
        self.extra: dict[str, object] = {"tokenizer_sha256": TOKENIZER.digest, "extensions": []}
        self._places = {frame.source: index for index, frame in enumerate(truth)}
        self._known: dict[tuple[int, ...], list[int]] = {}
        for index, belief in self.beliefs.items():
            if isinstance(belief, Frame):
                self._places.setdefault(belief.source, index)

    def next_token(self, ids: Sequence[int]) -> int:
        """The greedy continuation of a prompt; what is no trace is continued with a separator."""
        if FRAME not in ids:
            return FRAME
        last = len(ids) - 1 - list(ids)[::-1].index(FRAME)
        partial = list(ids[last + 1 :])
        said = self._said(tuple(ids[: last + 1]))
        if partial == said[: len(partial)] and len(partial) < len(said):
            return said[len(partial)]
        if partial and partial[0] != said[0]:  # a forced event
            index = wire.Special(list(Special)[partial[0] - 256])
            forced = TOKENIZER.encode([index, "{}", Special.ACTION, "forced\n", Special.FRAME])
            if partial == forced[: len(partial)]:
                return forced[len(partial)]
        return FRAME

    def _said(self, before: tuple[int, ...]) -> list[int]:
        """What it says after some complete frames."""
        if before not in self._known:
            segments = TOKENIZER.decode(before)
            read = wire.decode(segments[segments.index(Special.FRAME) + 1 :])
            place = self._places.get(read.frames[-1].source, len(self.truth)) + 1 if read.frames else 0
            self._known[before] = self._tokens(place, read.cursor)
        return self._known[before]

    def _tokens(self, index: int, cursor: Cursor) -> list[int]:
        belief = self.beliefs.get(index, self.truth[index] if index < len(self.truth) else None)
        if belief is None:
            return [END]
        return TOKENIZER.encode(wire.encode_frame(belief, cursor) if isinstance(belief, Frame) else belief)

    def generate(self, prompt: Sequence[int], max_tokens: int, stop: Iterable[int]) -> list[int]:
        """Greedy, up to and with a stop token."""
        ids = list(prompt)
        while len(ids) < len(prompt) + max_tokens and (len(ids) == len(prompt) or ids[-1] not in stop):
            ids.append(self.next_token(ids))
        return ids[len(prompt) :]

    def __call__(self, call: Call) -> Reply:
        if call.path == "/v1/models":
            return Reply({"data": [{"id": "oracle", "max_model_len": self.context_length, **self.extra}]})
        assert call.path == "/v1/completions", call.path
        body = call.json
        prompts = body["prompt"] if isinstance(body["prompt"][0], list) else [body["prompt"]]
        longest = max(map(len, prompts))
        if self.context_length is not None and longest + body["max_tokens"] > self.context_length:
            return Reply({"error": {"message": f"maximum context length is {self.context_length}"}}, 400)
        choices = []
        for index, prompt in enumerate(prompts):
            ids = self.generate(prompt, body["max_tokens"], {*body.get("stop_token_ids", ()), END})
            choice: dict[str, object] = {"index": index, "token_ids": ids, "text": "", "prompt_logprobs": None}
            choice["finish_reason"] = "stop" if ids[-1] in {*body.get("stop_token_ids", ()), END} else "length"
            if body.get("prompt_logprobs") is not None:
                choice["prompt_logprobs"] = [
                    None,
                    *(self._score(prompt, place) for place in range(1, len(prompt))),
                ]
            choices.append(choice)
        return Reply({"choices": choices[::-1]})

    def _score(self, prompt: Sequence[int], place: int) -> dict[str, object]:
        greedy = FRAME not in prompt[:place] or self.next_token(prompt[:place]) == prompt[place]
        rank, probability = (1, 0.5) if greedy else (2, 0.125)
        return {str(prompt[place]): {"logprob": math.log(probability), "rank": rank}}
