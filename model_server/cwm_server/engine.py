"""Token ids in, token ids out: scores given tokens and generates new ones; knows nothing about text.

Shapes in comments: B rows, T tokens of one call, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from cwm_server.architecture import Decoder, KVCache
from cwm_server.prefix_cache import Entry, PrefixCache
from cwm_server.sampling import GREEDY, Sampler, Sampling

Cancelled = Callable[[], bool]


class EngineError(ValueError):
    """A request that this model can't answer; the text names the numbers."""


class CancelledError(Exception):
    """The caller no longer wants the answer."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The model's opinion of given tokens; item i belongs to token `start + i`.

    `logprobs` are natural logarithms. `ranks` are 1 for the greedy choice; among equal logits the lowest id comes
    first. `greedy` are the greedy choices. `top` lists the (id, logprob) of the best k tokens where asked for.
    """

    logprobs: list[float] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    greedy: list[int] = field(default_factory=list)
    top: list[list[tuple[int, float]]] = field(default_factory=list)


@dataclass(slots=True)
class Generation:
    """What was generated for one prompt: `ids` include the token that stopped it. `reason` is "stop" or "length"."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    top: list[list[tuple[int, float]]] = field(default_factory=list)
    reason: str = "length"


def _never() -> bool:
    return False


class Engine:
    """A decoder with its prefix cache. Not thread-safe: one call at a time.

    `chunk` is the number of prompt tokens read at once, `cache_bytes` what the prefix cache may hold,
    `batch_bytes` what the rows that are decoded together may; more rows are decoded in turns.
    """

    def __init__(
        self, model: Decoder, *, chunk: int = 256, cache_bytes: int = 256 << 20, batch_bytes: int = 512 << 20
    ) -> None:
        self.model = model
        self.context_length = model.config.max_position_embeddings
        self.vocabulary_size = model.config.vocab_size
        self._chunk = chunk
        self._batch_bytes = batch_bytes
        self._prefixes = PrefixCache(cache_bytes)
        weight = model.model.embed_tokens.weight
        self._dtype, self._device = weight.dtype, weight.device

    @property
    def stop_ids(self) -> frozenset[int]:
        """The tokens that end a text by the model's own configuration."""
        ids = self.model.config.eos_token_id
        return frozenset((ids,) if isinstance(ids, int) else ids)

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
    def score(self, ids: Sequence[int], start: int = 1, *, top: int = 0, cancelled: Cancelled = _never) -> Scores:
        """Score the tokens `ids[start:]`, each given all before it, by chunked prefill. 1 <= start <= len(ids)."""
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
                    _judge(logits, torch.tensor(targets, device=self._device), top, scores)
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
        cancelled: Cancelled = _never,
    ) -> list[Generation]:
        """Continue each prompt by at most `max_tokens` tokens, up to and with the first that is in `stop`.

        What a prompt shares with another one, or with an earlier call, is read once.
        """
        self.check(prompts, max_tokens)
        answers = [Generation() for _ in prompts]
        # Longest first: a prompt that is a prefix of another then needs no prefill of its own.
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        while order:
            size = max(1, self._batch_bytes // (self._token_bytes() * (len(prompts[order[0]]) + max_tokens)))
            batch, order = order[:size], order[size:]
            if len(batch) == 1:
                index = batch[0]
                self._generate_one(prompts[index], answers[index], max_tokens, stop, sampling, top, cancelled)
            else:
                rows = [_Row(prompts[index], answers[index], Sampler(sampling)) for index in batch]
                self._generate_batch(rows, max_tokens, stop, top, cancelled)
        return answers

    def _generate_one(
        self,
        prompt: Sequence[int],
        answer: Generation,
        max_tokens: int,
        stop: Collection[int],
        sampling: Sampling,
        top: int,
        cancelled: Cancelled,
    ) -> None:
        """Generate into the prefix cache, so that a prompt which repeats the answer continues it."""
        sampler = Sampler(sampling)
        entry = self._entry(prompt, len(prompt) - 1)
        try:
            logits = self._prefill(entry, prompt, cancelled)  # (V,)
            while not _take(logits, answer, sampler, max_tokens, stop, top):
                _check_cancelled(cancelled)
                hidden = self._read(entry, answer.ids[-1:])
                logits = self.model.head(hidden[-1]).float()
        finally:
            self._keep(entry)

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
            logits = decode_one_token(self.model, tokens, positions, batch)  # (B, V)
            for index, row in enumerate(active):
                if row.alive and not _take(logits[index], row.answer, row.sampler, max_tokens, stop, top):
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
        if found is None or shared == 0:
            return Entry([], KVCache.allocate(self.model.config, 1, len(ids) + 64, self._dtype, self._device))
        if shared == len(found.ids):
            return found
        return Entry(found.ids[:shared], found.cache.select([0], [shared], extra=len(ids) - shared + 64))

    def _keep(self, entry: Entry) -> None:
        # A call of the decoder that failed half-way has written slots that nobody counted.
        entry.cache.truncate(len(entry.ids))
        if entry.ids:
            self._prefixes.put(entry)

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


def _judge(logits: Tensor, targets: Tensor, top: int, scores: Scores) -> None:
    """Append the scores of `targets` (T,) under `logits` (T, V)."""
    chosen = logits.gather(1, targets[:, None])  # (T, 1)
    normal = logits.logsumexp(1)  # (T,)
    earlier = torch.arange(logits.shape[1], device=logits.device)[None, :] < targets[:, None]
    ranks = 1 + ((logits > chosen) | ((logits == chosen) & earlier)).sum(1)
    scores.logprobs.extend((chosen[:, 0] - normal).tolist())
    scores.ranks.extend(ranks.tolist())
    scores.greedy.extend(logits.argmax(1).tolist())
    if top:
        scores.top.extend(_best(row, top, float(norm)) for row, norm in zip(logits, normal, strict=True))


def _take(
    logits: Tensor, answer: Generation, sampler: Sampler, max_tokens: int, stop: Collection[int], top: int
) -> bool:
    """Choose a token by `logits` (V,) and append it; True when the answer is complete."""
    token = sampler.choose(logits)
    normal = float(logits.logsumexp(0))
    answer.ids.append(token)
    answer.logprobs.append(float(logits[token]) - normal)
    if top:
        answer.top.append(_best(logits, top, normal))
    if token in stop:
        answer.reason = "stop"
    return token in stop or len(answer.ids) >= max_tokens


def _best(logits: Tensor, count: int, normal: float) -> list[tuple[int, float]]:
    """The best tokens with their logprobs, the lowest id first among equals."""
    if count == 1:
        index = int(logits.argmax())
        return [(index, float(logits[index]) - normal)]
    ordered = torch.sort(logits, descending=True, stable=True)
    return [
        (index, value - normal)
        for index, value in zip(ordered.indices[:count].tolist(), ordered.values[:count].tolist(), strict=True)
        if not math.isinf(value)
    ]


def _check_cancelled(cancelled: Cancelled) -> None:
    if cancelled():
        raise CancelledError
