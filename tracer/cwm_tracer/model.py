"""The vocabulary of the whole project: events, frames, traces, and what a model says of them.

Everything here is an immutable value without behaviour of its own. Data flows one way: a recorder or
a model makes a `Trace`, a predictor makes a `Verification` of it, `cwm_tracer.compare` sets them side by side.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class Event(enum.Enum):
    """What happened at a frame, in the words of `sys.settrace`."""

    CALL = "call"
    LINE = "line"
    RETURN = "return"
    EXCEPTION = "exception"


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of an execution: the event, the source line it stands on, and the state before the line runs.

    `locals` maps names to the repr of their values, always in full (the `..` of the wire is resolved), in
    binding order; it is None exactly on RETURN and EXCEPTION. `argument` is the repr of the returned value or of
    the exception triple `(type, value, traceback)`; it is None exactly on CALL and LINE.

    `source` is one physical line with its indentation and its newline. `scope` numbers the activations of the trace
    in the order of their CALL frames, from 0 for the entry; a generator's resume is a CALL and a scope of its own.

    A model names neither `file` nor `line`: they are None on its frames. `tokens` are the model's own token ids for
    the frame, so that a later prompt repeats exactly what it said.
    """

    event: Event
    source: str
    locals: Mapping[str, str] | None = None
    argument: str | None = None
    scope: int = 0
    file: str | None = None
    line: int | None = None
    tokens: tuple[int, ...] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Context:
    """The source code that a model reads before the trace.

    `text` carries the comment `# << START_OF_TRACE` on the entry's `def` line. `places` has one item for
    each line of `text.split("\\n")`: the file and 1-based line number it was taken from, or None for a line that
    stands in no file. `entry` is the 0-based index of the entry's line in that list, None where it is not marked.
    `complete` says that every line that ran is shown.
    """

    text: str
    places: tuple[tuple[str, int] | None, ...] = ()
    entry: int | None = None
    complete: bool = True


class Ending(enum.Enum):
    """Why a trace ends where it ends."""

    RETURNED = "returned"  # the entry's scope was left: the trace is complete
    TRUNCATED = "truncated"  # the frame budget was used up
    DISPLACED = "displaced"  # another tool (a debugger) took the trace function away
    NEVER_CALLED = "never called"  # the entry did not run
    OPEN = "open"  # cut while the entry was still running; what a partial roll-out is


# The producer of a trace that was recorded before and is now expected: `<varies>` in it stands for any value.
EXPECTATION = "expectation"


@dataclass(frozen=True, slots=True)
class Meta:
    """Where a trace comes from. `python` is the "major.minor" whose semantics its frames have, None if unknown."""

    python: str | None = None
    ending: Ending = Ending.RETURNED
    producer: str = "recorder"


@dataclass(frozen=True, slots=True)
class Trace:
    """Frames of one thread in the order they happened, with the source they ran in.

    A recorded trace, a model's roll-out, a trace loaded from a report: all are this type.
    """

    frames: Sequence[Frame]
    context: Context
    meta: Meta = Meta()


class ProblemKind(enum.Enum):
    """The ways in which a model's text fails to be a trace."""

    TRUNCATED_FRAME = "truncated frame"
    INVALID_JSON = "invalid JSON"
    UNKNOWN_EVENT = "unknown event"
    MALFORMED_FRAME = "malformed frame"
    UNRESOLVED_VALUE = "unresolved value"
    TEXT_AFTER_END = "text after the end"


@dataclass(frozen=True, slots=True)
class Problem:
    """One named fault in what a model said; `frame` is the 0-based index of the frame it was found in."""

    kind: ProblemKind
    frame: int
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.detail}" if self.detail else self.kind.value


@dataclass(frozen=True, slots=True)
class Choice:
    """What the model would do at one true state: its greedy continuation of the true frames before it.

    `frame` is None when the model's text made no frame or ended the trace instead (`ended`). `bits` is the model's
    surprise at the *true* frame, -log2 of its probability, summed over its tokens; None where it is unknown.
    """

    frame: Frame | None
    problems: tuple[Problem, ...] = ()
    bits: float | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """Teacher-forced: the model's choice at every true state of a trace.

    `choices` has one item per true frame. The first is None, since the entry's call is given, not predicted; any
    other None is a prediction that is missing, and `failure` says why. `windows` counts the prompts that
    the trace was cut into to fit the model's context. `outside` counts true tokens that constrained decoding would not
    have let come: defects of the constraint. `ties` counts true tokens that shared the highest probability with
    another, where the model's choice among them can't be seen: they count as agreement. `unfit` counts the true frames
    for which no prompt is long enough.
    """

    choices: Sequence[Choice | None]
    windows: int = 1
    failure: str | None = None
    model: str = ""
    outside: int = 0
    ties: int = 0
    unfit: int = 0


@dataclass(frozen=True, slots=True)
class RollOut:
    """Free-running: what the model imagines from a prefix on, prefix included.

    `trace.meta.ending` is RETURNED when the model ended the trace itself, TRUNCATED at the frame budget and OPEN when
    it broke off (`problems` or `failure` say why).
    """

    trace: Trace
    problems: tuple[Problem, ...] = ()
    failure: str | None = None
    model: str = ""
