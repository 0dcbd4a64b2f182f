"""Constrained decoding: which tokens may come next, so that what a model says is a trace of the source in its prompt.

`Grammars` is what a server holds, `Constraint` what one request asks for, `Guide` what the engine asks token by token.
Nothing here imports torch: a mask is a `bytes` object with one byte for each token of the vocabulary, 1 where it may
come next.
"""

from cwm_server.grammar.guide import Constraint, Grammars, Guide, NotATraceError, Options
from cwm_server.grammar.vocabulary import Vocabulary

KIND = "cwm-frames"

__all__ = ["KIND", "Constraint", "Grammars", "Guide", "NotATraceError", "Options", "Vocabulary"]
