"""Token ids in, token ids out: scores given tokens and generates new ones; knows nothing about text.

Shapes in comments: B rows, T tokens of one call, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cwm_server.architecture import Decoder, KVCache
from cwm_server.drafting import Drafter
from cwm_server.opinions import Generation, Scores, judge, judged, take
from cwm_server.prefix_cache import Entry, PrefixCache
from cwm_server.sampling import GREEDY, Constraint, Guide, Sampler, Sampling

Cancelled = Callable[[], bool]


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
    `batch_bytes` what the rows that are decoded together may; more rows are decoded in turns. Without `guessing` a lone
    prompt is continued token by token, which gives the same answer.
    """

    def __init__(
        self,
        model: Decoder,
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
        weight = model.model.embed_tokens.weight
        self._dtype, self._device = weight.dtype, weight.device

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

    @torch.inference_mode()
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
                hidden = self._read(entry, ids[read : min(read + self._chunk, end)])  # (T, C)
                first = max(read, start - 1)
                targets = ids[first + 1 : len(entry.ids) + 1]
                if targets:
                    logits = self.model.head(hidden[first - read :]).float()  # (T, V)
                    judge(logits, torch.tensor(targets, device=self._device), top, scores, guide, first + 1)
        finally:
            self._keep(entry)
        return scores

    @torch.inference_mode()
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
        no answer.
        """
        self.check(prompts, max_tokens)
        answers = [Generation() for _ in prompts]
        # Longest first: a prompt that is a prefix of another then needs no prefill of its own.
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        while order:
            size = max(1, self._batch_bytes // (self._token_bytes() * (len(prompts[order[0]]) + max_tokens)))
            batch, order = order[:size], order[size:]
            if len(batch) == 1:
                row = _row(prompts[batch[0]], answers[batch[0]], sampling, constraint)
                self._generate_one(row, max_tokens, stop, top, draft, cancelled)
            else:
                rows = [_row(prompts[index], answers[index], sampling, constraint) for index in batch]
                self._generate_batch(rows, max_tokens, stop, top, cancelled)
        return answers

    def _generate_one(
        self, row: _Row, max_tokens: int, stop: Collection[int], top: int, draft: Sequence[int], cancelled: Cancelled
    ) -> None:
        """Generate into the prefix cache, so that a prompt which repeats the answer continues it."""
        entry = self._entry(row.prompt, len(row.prompt) - 1)

        def forget(count: int) -> None:
            del entry.ids[len(entry.ids) - count :]
            entry.cache.truncate(len(entry.ids))

        try:
            logits = self._prefill(entry, row.prompt, cancelled)[None]
            line = _Line(lambda tokens: self._read(entry, tokens), forget)
            self._continue(row, line, logits, max_tokens, stop, top, draft, cancelled)
        finally:
            self._keep(entry)

    def _continue(
        self,
        row: _Row,
        line: _Line,
        logits: Tensor,
        max_tokens: int,
        stop: Collection[int],
        top: int,
        draft: Sequence[int],
        cancelled: Cancelled,
    ) -> None:
        """Generate one row from `logits` (1, V) on.

        Guessed tokens are read together with the last one that is certain; those that the model would not have chosen
        are forgotten again.
        """
        answer = row.answer
        drafter = Drafter([*row.prompt, *answer.ids], draft) if self._guessing else None
        guesses: list[int] = []
        while True:
            right = 0
            for after in judged(logits):  # after the last certain token and after each guess
                done = take(after, answer, row.sampler, max_tokens, stop, top)
                token = answer.ids[-1]
                if drafter is not None:
                    drafter.observe(token)
                if done or right == len(guesses) or guesses[right] != token:
                    break
                right += 1
            line.forget(len(guesses) - right)
            if done:
                return
            _check_cancelled(cancelled)
            guesses = drafter.propose(max_tokens - len(answer.ids) - 1) if drafter is not None else []
            logits = self.model.head(line.read([token, *guesses])).float()

    def _generate_batch(
        self, rows: list[_Row], max_tokens: int, stop: Collection[int], top: int, cancelled: Cancelled
    ) -> None:
        batch = self._joined([self._covering(row.prompt, cancelled) for row in rows], rows)
        tokens = [row.prompt[-1] for row in rows]
        positions = [len(row.prompt) - 1 for row in rows]
        active = rows
        while True:
            _check_cancelled(cancelled)
            if batch.length == batch.capacity or 2 * sum(row.alive for row in active) <= len(active):
                kept = [index for index, row in enumerate(active) if row.alive]
                batch = batch.select(kept, extra=min(max_tokens, 64))
                active = [active[index] for index in kept]
                tokens, positions = [tokens[index] for index in kept], [positions[index] for index in kept]
            if len(active) == 1:
                line = _last_row(self.model, batch, positions[0])
                first = self.model.head(line.read(tokens)).float()
                self._continue(active[0], line, first, max_tokens, stop, top, (), cancelled)
                return
            logits = decode_one_token(self.model, tokens, positions, batch)  # (B, V)
            for index, (row, after) in enumerate(zip(active, judged(logits), strict=True)):
                if row.alive and not take(after, row.answer, row.sampler, max_tokens, stop, top):
                    tokens[index] = row.answer.ids[-1]
                    positions[index] += 1
                else:
                    row.alive = False
                    positions[index] = -1
            if not any(row.alive for row in active):
                return

    def _joined(self, entries: Sequence[Entry], rows: Sequence[_Row]) -> KVCache:
        """One cache with a row per prompt that holds all of it but the last token."""
        lengths = [len(row.prompt) - 1 for row in rows]
        if all(entry is entries[0] for entry in entries):
            return entries[0].cache.select([0] * len(rows), lengths, extra=64)
        keep = max(lengths)
        joined = KVCache.allocate(self.model.config, len(rows), keep + 64, self._dtype, self._device)
        for index, (entry, length) in enumerate(zip(entries, lengths, strict=True)):
            for ours, theirs in zip(joined.keys + joined.values, entry.cache.keys + entry.cache.values, strict=True):
                ours[index, :, :length] = theirs[0, :, :length]
            joined.positions[index, :length] = torch.arange(length, device=self._device)
        joined.length = keep
        return joined

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
            cache = KVCache.allocate(self.model.config, 1, len(ids) + 64, self._dtype, self._device)
            entry = Entry([], cache, claimed=True)
        else:
            cache = found.cache.select([0], [shared], extra=len(ids) - shared + 64)
            entry = Entry(found.ids[:shared], cache, claimed=True)
        self._prefixes.put(entry)  # so that a call which comes meanwhile can use what is read until then
        return entry

    def _keep(self, entry: Entry) -> None:
        # A call of the decoder that failed half-way has written slots that nobody counted.
        entry.cache.truncate(len(entry.ids))
        entry.claimed = False
        if entry.ids:
            self._prefixes.put(entry)
        else:
            self._prefixes.drop(entry)

    def _prefill(self, entry: Entry, prompt: Sequence[int], cancelled: Cancelled) -> Tensor:
        """Read what `entry` lacks of `prompt`; logits (V,) after its last token, or nothing useful if it lacks none."""
        return prefill(
            lambda piece: self._read(entry, piece), self.model, prompt[len(entry.ids) :], self._chunk, cancelled
        )

    def _read(self, entry: Entry, piece: Sequence[int]) -> Tensor:
        """Final hidden states (T, C) of tokens that continue an entry."""
        cache = entry.cache
        if cache.length + len(piece) > cache.capacity:
            entry.cache = cache = cache.select([0], extra=max(len(piece), cache.length))
        hidden = self.model.hidden(torch.tensor([list(piece)], device=self._device), cache=cache)
        entry.ids += piece
        return hidden[0]

    def _token_bytes(self) -> int:
        config = self.model.config
        return 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * self._dtype.itemsize


@dataclass(slots=True, eq=False)
class _Row:
    prompt: Sequence[int]
    answer: Generation
    sampler: Sampler
    alive: bool = True


@dataclass(slots=True, eq=False)
class _Line:
    """One row that tokens are read into (T) -> final hidden states (T, C), and taken back from, so many of the last."""

    read: Callable[[Sequence[int]], Tensor]
    forget: Callable[[int], None]


def _last_row(model: Decoder, cache: KVCache, position: int) -> _Line:
    """The row of a batch that is left: its positions are not its slots."""

    def read(tokens: Sequence[int]) -> Tensor:
        nonlocal cache, position
        if cache.length + len(tokens) > cache.capacity:
            cache = cache.select([0], extra=max(len(tokens), 64))
        device = cache.positions.device
        places = torch.arange(position, position + len(tokens), device=device)[None]
        hidden = model.hidden(torch.tensor([list(tokens)], device=device), places, cache)
        position += len(tokens)
        return hidden[0]

    def forget(count: int) -> None:
        nonlocal position
        cache.truncate(cache.length - count)
        position -= count

    return _Line(read, forget)


def _row(prompt: Sequence[int], answer: Generation, sampling: Sampling, constraint: Constraint | None) -> _Row:
    return _Row(prompt, answer, Sampler(sampling, constraint.guide(prompt) if constraint is not None else None))


def prefill(
    read: Callable[[Sequence[int]], Tensor], model: Decoder, ids: Sequence[int], chunk: int, cancelled: Cancelled
) -> Tensor:
    """Read `ids` a chunk at a time; logits (V,) of the token after the last."""
    hidden = torch.empty(0)
    for start in range(0, len(ids), chunk):
        _check_cancelled(cancelled)
        hidden = read(ids[start : start + chunk])  # (T, C)
    return model.head(hidden[-1]).float() if len(hidden) else hidden


def decode_one_token(model: Decoder, tokens: Sequence[int], positions: Sequence[int], cache: KVCache) -> Tensor:
    """Logits (B, V) of the token after each row's last; a position of -1 marks a row that is finished."""
    device = cache.positions.device
    ids = torch.tensor(tokens, device=device)[:, None]  # (B, 1)
    places = torch.tensor(positions, device=device)[:, None]  # (B, 1)
    return model.forward(ids, places, cache)[:, -1].float()


def _check_cancelled(cancelled: Cancelled) -> None:
    if cancelled():
        raise CancelledError
