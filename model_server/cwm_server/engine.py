"""Token ids in, token ids out: scores given tokens and generates new ones; knows nothing about text, nor about arrays.

Shapes in comments: N tokens, C hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from cwm_server.drafting import Drafter, Index
from cwm_server.kv_cache import KVCache
from cwm_server.language_model import LanguageModel
from cwm_server.opinions import Generation, Judged, Scores, judge, judged, take
from cwm_server.prefix_cache import Entry, PrefixCache, common_prefix
from cwm_server.sampling import GREEDY, Constraint, Guide, Sampler, Sampling

Cancelled = Callable[[], bool]
_SPARE = 64  # tokens that a cache has room for beyond what it is made for


class EngineError(ValueError):
    """A request that this model can't answer; the text names the numbers."""


class CancelledError(Exception):
    """The caller no longer wants the answer."""


def _never() -> bool:
    return False


class Engine:
    """A decoder with its prefix cache.

    Not thread-safe, but several calls may be under way: where one asks whether it is cancelled, which it does between
    any two calls of the decoder, others may go on until it is answered.

    `chunk` is the number of prompt tokens read at once, `cache_bytes` what the prefix cache may hold,
    `batch_bytes` what the rows that are decoded together may take besides what they share; more rows are decoded in
    turns. Without `guessing` every token is decoded on its own, which gives the same answer.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        chunk: int = 256,
        cache_bytes: int = 256 << 20,
        batch_bytes: int = 512 << 20,
        guessing: bool = True,
    ) -> None:
        self.model = model
        self.context_length = model.config.max_position_embeddings
        self.vocabulary_size = model.config.vocab_size
        self._chunk = chunk
        self._batch_bytes = batch_bytes
        self._guessing = guessing
        self._prefixes = PrefixCache(cache_bytes)

    @property
    def stop_ids(self) -> frozenset[int]:
        """The tokens that end a text by the model's own configuration."""
        ids = self.model.config.eos_token_id
        return frozenset((ids,) if isinstance(ids, int) else ids)

    @property
    def cache_use(self) -> tuple[int, int]:
        """How many tokens were looked for in the prefix cache, and how many of them were there."""
        return self._prefixes.asked, self._prefixes.found

    def check(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> None:
        """Raise EngineError for what this model can't answer."""
        for ids in prompts:
            if not ids:
                raise EngineError("the prompt has no tokens")
            wrong = next((token for token in ids if not 0 <= token < self.vocabulary_size), None)
            if wrong is not None:
                raise EngineError(f"token id {wrong} is not in the vocabulary of {self.vocabulary_size} tokens")
            if len(ids) + max_tokens > self.context_length:
                raise EngineError(
                    f"this model's maximum context length is {self.context_length} tokens, {len(ids) + max_tokens} "
                    f"were requested ({len(ids)} in the prompt, {max_tokens} to generate)"
                )

    def score(
        self,
        ids: Sequence[int],
        start: int = 1,
        *,
        top: int = 0,
        guide: Guide | None = None,
        cancelled: Cancelled = _never,
    ) -> Scores:
        """Score the tokens `ids[start:]`, each given all before it, by chunked prefill. 1 <= start <= len(ids).

        A `guide` has read `ids[:start]`.
        """
        self.check([ids], 0)
        if not 1 <= start <= len(ids):
            raise EngineError(f"scores can start at token 1 to {len(ids)}, not at {start}")
        scores = Scores()
        # Token i is judged by the output at i - 1, so what is cached may be used up to start - 1 only.
        entry = self._entry(ids, start - 1)
        end = len(ids) - 1
        try:
            while len(entry.ids) < end:
                _check_cancelled(cancelled)
                read = len(entry.ids)
                piece = ids[read : min(read + self._chunk, end)]
                hidden = self.model.read([piece], entry.cache)  # (N, C)
                entry.ids += piece
                first = max(read, start - 1)
                targets = ids[first + 1 : len(entry.ids) + 1]
                if targets:
                    judge(self.model.logits(hidden[first - read :]), targets, top, scores, guide, first + 1)
        finally:
            self._keep(entry)
        return scores

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        stop: Collection[int] = frozenset(),
        sampling: Sampling = GREEDY,
        top: int = 0,
        constraint: Constraint | None = None,
        draft: Sequence[int] = (),
        cancelled: Cancelled = _never,
    ) -> list[Generation]:
        """Continue each prompt by at most `max_tokens` tokens, up to and with the first that is in `stop`.

        What a prompt shares with another one, or with an earlier call, is read once. Under a `constraint` only tokens
        that it allows are chosen. The `draft` is what may follow a lone prompt: it saves time where it does and changes
        no answer. Without one, what was read behind the prompt before is the draft.
        """
        self.check(prompts, max_tokens)
        answers = [Generation() for _ in prompts]
        asked = _Asked(max_tokens, stop, top, cancelled)
        # Longest first: a prompt that is a prefix of another then needs no prefill of its own.
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        while order:
            size = self._fitting([prompts[index] for index in order], max_tokens)
            batch, order = order[:size], order[size:]
            rows = [_row(prompts[index], answers[index], sampling, constraint) for index in batch]
            if len(rows) == 1:
                self._generate_one(rows[0], asked, draft)
            else:
                self._generate_batch(rows, asked)
        return answers

    def _fitting(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> int:
        """How many of some prompts can be continued together, one at least."""
        left = self._batch_bytes // self.model.token_bytes
        for count, prompt in enumerate(prompts):
            left -= len(prompt) - common_prefix(prompts[0], prompt) + max_tokens
            if left < 0:
                return max(1, count)
        return len(prompts)

    def _generate_one(self, row: _Row, asked: _Asked, draft: Sequence[int]) -> None:
        """Generate into the prefix cache, so that a prompt which repeats the answer continues it."""
        prompt = row.prompt
        known, shared = self._prefixes.longest(prompt)
        if not draft and known is not None and shared == len(prompt):
            draft = known.ids[shared:]
        entry = self._entry(prompt, len(prompt) - 1)
        try:
            begun = max(len(entry.ids), (len(prompt) - 1) // self._chunk * self._chunk)
            self._prefill(entry, prompt[:begun], asked.cancelled)
            row.unread = list(prompt[begun:])
            if self._guessing:
                row.drafter = Drafter(Index(prompt), len(prompt), Index(draft))
            self._decode([row], entry.cache, asked)
        finally:
            entry.ids = [*prompt, *row.answer.ids][: entry.cache.lengths[0]]
            self._keep(entry)

    def _generate_batch(self, rows: Sequence[_Row], asked: _Asked) -> None:
        """Generate rows, the longest first, that share as much as they can of the keys and values of the first."""
        trunk = self._covering(rows[0].prompt, asked.cancelled)
        others = [trunk, *(self._covering(row.prompt, asked.cancelled) for row in rows[1:])]
        lengths = [len(row.prompt) - 1 for row in rows]
        shared = [
            length if entry is trunk else common_prefix(trunk.ids, row.prompt[:length])
            for row, entry, length in zip(rows, others, lengths, strict=True)
        ]
        own = max(length - common for length, common in zip(lengths, shared, strict=True))
        cache = trunk.cache.branches(shared, own + _SPARE)
        index = Index(trunk.ids) if self._guessing else None
        for place, (row, entry) in enumerate(zip(rows, others, strict=True)):
            cache.append(place, entry.cache, shared[place], lengths[place])
            row.unread = [row.prompt[-1]]
            if index is not None and trunk.ids[: len(row.prompt)] == row.prompt:
                row.drafter = Drafter(index, len(row.prompt), index, len(row.prompt))
            elif index is not None:
                row.drafter = Drafter(Index(row.prompt), len(row.prompt), Index())
        self._decode(list(rows), cache, asked)

    def _decode(self, rows: list[_Row], cache: KVCache, asked: _Asked) -> None:
        """Generate all rows; each has tokens to read that its row of the cache lacks.

        Guessed tokens are read together with the last one that is certain; those that the model would not have chosen
        are forgotten again.
        """
        while True:
            _check_cancelled(asked.cancelled)
            hidden = self.model.read([row.unread for row in rows], cache)  # (N, C)
            judgeable = sum(1 + len(row.guesses) for row in rows if row.alive)
            places = iter(judged(self.model.logits(hidden[len(hidden) - judgeable :])))
            for index, row in enumerate(rows):
                if row.alive:
                    cache.forget(index, row.follow([next(places) for _ in range(1 + len(row.guesses))], asked))
            alive = [index for index, row in enumerate(rows) if row.alive]
            if not alive:
                return
            if 2 * len(alive) <= len(rows):
                cache, rows = cache.select(alive), [rows[index] for index in alive]
            for row in rows:
                if row.alive:
                    row.propose(asked.max_tokens, len(alive) - 1)

    def _covering(self, prompt: Sequence[int], cancelled: Cancelled) -> Entry:
        """An entry that begins with all of `prompt` but its last token."""
        entry, shared = self._prefixes.longest(prompt[:-1])
        if entry is not None and shared == len(prompt) - 1:
            self._prefixes.count(shared, shared)
            return entry
        entry = self._entry(prompt, len(prompt) - 1)
        try:
            self._prefill(entry, prompt[:-1], cancelled)
        finally:
            self._keep(entry)
        return entry

    def _entry(self, ids: Sequence[int], limit: int) -> Entry:
        """An entry that holds at most `limit` first tokens of `ids`, as many as are cached; ours to write into."""
        found, shared = self._prefixes.longest(ids[:limit])
        self._prefixes.count(limit, shared)
        if found is not None and shared == len(found.ids) and not found.claimed:
            found.claimed = True
            return found
        if found is None or shared == 0:
            entry = Entry([], self.model.cache(1, len(ids) + _SPARE), claimed=True)
        else:
            entry = Entry(found.ids[:shared], found.cache.copy(shared, len(ids) - shared + _SPARE), claimed=True)
        self._prefixes.put(entry)  # so that a call which comes meanwhile can use what is read until then
        return entry

    def _keep(self, entry: Entry) -> None:
        entry.claimed = False
        if entry.ids:
            self._prefixes.put(entry)
        else:
            self._prefixes.drop(entry)

    def _prefill(self, entry: Entry, prompt: Sequence[int], cancelled: Cancelled) -> None:
        """Read what `entry` lacks of `prompt`, a chunk at a time."""
        while len(entry.ids) < len(prompt):
            _check_cancelled(cancelled)
            piece = prompt[len(entry.ids) : len(entry.ids) + self._chunk]
            self.model.read([piece], entry.cache)
            entry.ids += piece


@dataclass(frozen=True, slots=True)
class _Asked:
    max_tokens: int
    stop: Collection[int]
    top: int
    cancelled: Cancelled


@dataclass(slots=True, eq=False)
class _Row:
    """A prompt that is being continued. `unread` are the tokens to read next, of which the last are `guesses`."""

    prompt: Sequence[int]
    answer: Generation
    sampler: Sampler
    drafter: Drafter | None = None
    unread: list[int] = field(default_factory=list)
    guesses: list[int] = field(default_factory=list)
    alive: bool = True

    def follow(self, places: Sequence[Judged], asked: _Asked) -> int:
        """Choose tokens as far as the guesses were right, and one more. Returns how many guesses were wrong."""
        right = 0
        for given in places:  # after the last certain token and after each guess
            self.alive = not take(given, self.answer, self.sampler, asked.max_tokens, asked.stop, asked.top)
            token = self.answer.ids[-1]
            if self.drafter is not None:
                self.drafter.observe(token)
            if not self.alive or right == len(self.guesses) or self.guesses[right] != token:
                break
            right += 1
        wrong = len(self.guesses) - right
        self.unread, self.guesses = [self.answer.ids[-1]] if self.alive else [], []
        return wrong

    def propose(self, max_tokens: int, others: int) -> None:
        """Guess what comes next."""
        if self.drafter is not None:
            self.guesses = self.drafter.propose(max_tokens - len(self.answer.ids) - 1, others)
            self.unread = [self.answer.ids[-1], *self.guesses]


def _row(prompt: Sequence[int], answer: Generation, sampling: Sampling, constraint: Constraint | None) -> _Row:
    return _Row(prompt, answer, Sampler(sampling, constraint.guide(prompt) if constraint is not None else None))


def _check_cancelled(cancelled: Cancelled) -> None:
    if cancelled():
        raise CancelledError
