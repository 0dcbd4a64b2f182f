"""What the rules of constrained decoding make of a text that stands behind a context, with the tokenizer of tests."""

from __future__ import annotations

from cwm_server.grammar import Constraint, Grammars
from cwm_tracer import wire
from cwm_tracer.context import build_context
from cwm_tracer.model import Context
from cwm_tracer.recorder import Recording
from cwm_tracer.wire import Segment
from tiny_tokenizer import tiny_tokenizer

GRAMMARS = Grammars(tiny_tokenizer(), tiny_tokenizer().vocabulary_size)


def lets(before: list[Segment], *segments: Segment) -> bool:
    """Whether all of some segments may come behind others."""
    guide = Constraint(GRAMMARS).guide(tiny_tokenizer().encode(before))
    return all(guide.advance(token) for token in tiny_tokenizer().encode(segments))


def context_of(recording: Recording) -> Context:
    """All source that ran."""
    return build_context(recording.frames, recording.entry, recording.sources, budget=100_000)


def ruled_out(recording: Recording) -> list[list[str]]:
    """The last frames up to each token of a recording that the rules would not have let come."""
    segments, cursor = list[Segment](), wire.START
    for frame in recording.frames:
        segments += wire.encode_frame(frame, cursor)
        cursor = cursor.after(frame)
    context = wire.encode_context(context_of(recording).text)
    ids = tiny_tokenizer().encode([*context, *segments])
    start = len(tiny_tokenizer().encode(context))
    guide = Constraint(GRAMMARS).guide(ids[:start])
    outside = [place for place in range(start, len(ids)) if not guide.advance(ids[place])]
    texts = [wire.to_text(tiny_tokenizer().decode(ids[start : place + 1])) for place in outside]
    return [text.split("<|frame_sep|>")[-3:] for text in texts]
