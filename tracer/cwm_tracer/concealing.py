"""The last look at a trace before it is handed on: secrets in its source, and those that were learned while it ran."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from cwm_tracer.model import Context, Frame
from cwm_tracer.redaction import Redactor, literals_of
from cwm_tracer.source import SourceLines
from cwm_tracer.source_secrets import ConcealedSource, conceal_source
from cwm_tracer.wire import strip_marker


@dataclass(slots=True)
class Concealer:
    """Conceals traces, one after another, whose source comes from one snapshot."""

    redactor: Redactor
    sources: SourceLines
    _learned: Redactor = field(default_factory=lambda: Redactor(()))
    _known: dict[str, ConcealedSource] = field(default_factory=dict)

    def conceal(self, frames: Sequence[Frame], context: Context) -> tuple[tuple[Frame, ...], Context]:
        """Frames and context without the secrets in their source, and without what was found under a secret name.

        What the redactor has learned, and what the files of the trace give to secret names, is hidden wherever it
        stands. Every line keeps its place. Files are named as in the snapshot.
        """
        frames = tuple(frames)
        files = {frame.file for frame in frames} | {place[0] for place in context.places if place is not None}
        sources = [self._source(file) for file in files if file is not None]
        learner = Redactor(())
        for text in self.redactor.learned.union(*(source.secrets for source in sources)):
            learner.learn(text)
        self._learned = Redactor((), learner.learned)
        hidden = _hidden_values(frames, learner.learned)
        names = frozenset[str]().union(*(source.names for source in sources))
        in_code = Redactor((), learner.learned - names)
        lines: dict[tuple[str | None, int | None, str], str] = {}
        result = []
        for frame in frames:
            key = (frame.file, frame.line, frame.source)
            if key not in lines:
                lines[key] = in_code.hide_values(self._line(*key))
            result.append(_rewritten(frame, lines[key], hidden))
        text = "\n".join(in_code.hide_values(line) for line in self._context_lines(context))
        return tuple(result), replace(context, text=text)

    def name(self, text: str) -> str:
        """A name that goes with the trace that was concealed last, without known values in it."""
        return self._learned.hide_values(self.redactor.hide_values(text))

    def _source(self, file: str) -> ConcealedSource:
        known = self._known.get(file)
        if known is None:
            known = conceal_source(self.sources.lines(file), self.sources.tree(file), self.redactor)
            self._known[file] = known
        return known

    def _line(self, file: str | None, number: int | None, source: str) -> str:
        """What to show of a line that the snapshot should have; of another, what no name tells to be secret."""
        if file is None or number is None or self.sources.line(file, number) != source or not source:
            return self.redactor.hide_values(source)
        return self._source(file).lines[number - 1]

    def _context_lines(self, context: Context) -> list[str]:
        lines = context.text.split("\n")
        for index, place in enumerate(context.places):
            if place is None or index >= len(lines):
                continue
            real = strip_marker(self.sources.line(*place)).rstrip()
            if lines[index].startswith(real):
                shown = strip_marker(self._line(*place, self.sources.line(*place))).rstrip()
                lines[index] = shown + lines[index][len(real) :]
            else:
                lines[index] = self.redactor.hide_values(lines[index])
        return lines


def _hidden_values(frames: Sequence[Frame], learned: Collection[str]) -> dict[str, str]:
    """What to show instead of the values in which something learned stands."""
    if not learned:
        return {}
    texts = {value for frame in frames if frame.locals is not None for value in frame.locals.values()}
    texts.update(frame.argument for frame in frames if frame.argument is not None)
    everything = "\n".join(texts)
    present = [secret for secret in learned if any(spelled in everything for spelled in literals_of((secret,)))]
    if not present:
        return {}
    redactor = Redactor((), present)
    return {text: new for text in texts if (new := redactor.hide_values(text)) != text}


def _rewritten(frame: Frame, source: str, hidden: dict[str, str]) -> Frame:
    state, argument = frame.locals, frame.argument
    if hidden:
        argument = hidden.get(argument, argument) if argument is not None else None
        if state is not None and not hidden.keys().isdisjoint(state.values()):
            state = {name: hidden.get(value, value) for name, value in state.items()}
    if source == frame.source and state is frame.locals and argument is frame.argument:
        return frame
    return replace(frame, source=source, locals=state, argument=argument)
