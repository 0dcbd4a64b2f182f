"""What the rules of constrained decoding make of a text that stands behind a context, with the tokenizer of tests."""

from __future__ import annotations

from cwm_server.grammar import Constraint, Grammars, Options
from cwm_tracer import wire
from cwm_tracer.context import build_context
from cwm_tracer.model import Context
from cwm_tracer.recorder import Recording
from cwm_tracer.wire import Segment
from pytest_cwm.predictors.prompts import Codec
from pytest_cwm.predictors.standing import Standing
from tiny_tokenizer import tiny_tokenizer

GRAMMARS = Grammars(tiny_tokenizer(), tiny_tokenizer().vocabulary_size)


def lets(before: list[Segment], *segments: Segment, options: Options = Options()) -> bool:
    """Whether all of some segments may come behind others."""
    guide = Constraint(GRAMMARS, options).guide(tiny_tokenizer().encode(before))
    return all(guide.advance(token) for token in tiny_tokenizer().encode(segments))


def context_of(recording: Recording, budget: int = 100_000) -> Context:
    """All source that ran, or as much as the budget has room for."""
    return build_context(recording.frames, recording.entry, recording.sources, budget=budget)


def options_at(recording: Recording, first: int, complete: bool = True) -> Options:
    """What a prompt says that leaves out all frames before the one with the index `first`."""
    depth, before = Codec(tiny_tokenizer()).standing(Standing(recording.frames).at(first))
    return Options(complete, depth, before)


def told(recording: Recording, first: int, stop: int) -> list[Segment]:
    """The frames from `first` up to `stop`, the first of them in full."""
    cursor = wire.START
    for frame in recording.frames[:first]:
        cursor = cursor.after(frame)
    segments, cursor = list[Segment](), cursor.forgetting()
    for frame in recording.frames[first:stop]:
        segments += wire.encode_frame(frame, cursor)
        cursor = cursor.after(frame)
    return segments


def ruled_out(recording: Recording, first: int = 0, budget: int = 100_000) -> list[list[str]]:
    """The last frames up to each token of a recording that the rules would not have let come.

    It is read from the frame with the index `first` on.
    """
    shown = context_of(recording, budget)
    context = wire.encode_context(shown.text)
    ids = tiny_tokenizer().encode([*context, *told(recording, first, len(recording.frames))])
    start = len(tiny_tokenizer().encode(context))
    guide = Constraint(GRAMMARS, options_at(recording, first, shown.complete)).guide(ids[:start])
    outside = [place for place in range(start, len(ids)) if not guide.advance(ids[place])]
    texts = [wire.to_text(tiny_tokenizer().decode(ids[start : place + 1])) for place in outside]
    return [text.split("<|frame_sep|>")[-3:] for text in texts]
