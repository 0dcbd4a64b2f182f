"""Token ids in, token ids out: scores given tokens and generates new ones; knows nothing of text, nor of arrays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from cwm_server.batching import Said, Steps, Want, alone
from cwm_server.drafting import LONGEST, Drafter, Index
from cwm_server.kv_cache import KVCache
from cwm_server.language_model import LanguageModel
from cwm_server.opinions import Generation, Judged, Scores, judge, judged, take
from cwm_server.prefix_cache import Entry, PrefixCache, common_prefix
from cwm_server.sampling import GREEDY, Constraint, Guide, Sampler, Sampling

_SPARE = 64  # tokens that a cache has room for beyond what it is made for
_ADOPTED = 16  # tokens that another call must be ahead, for what it has read to be copied


class EngineError(ValueError):
    """A request that this model can't answer; the text names the numbers."""


class Engine:
    """A decoder with its prefix cache.

    Not thread-safe, but several calls may be under way, as steps of which each says what is to be read next; see
    `batching`. Steps that are closed leave what they have read to others.

    `chunk` is the number of prompt tokens read at once in each of the model's lanes, `cache_bytes` what the prefix
    cache may hold, `batch_bytes` what the rows that are decoded together may take besides what they share; more rows
    are decoded in turns. Without `guessing` every token is decoded on its own, which gives the same answer.
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
        self._branches = model.config.branch_token_ids
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
    ) -> Scores:
        """Score the tokens `ids[start:]`, each given all before it, by chunked prefill. 1 <= start <= len(ids).

        A `guide` has read `ids[:start]`.
        """
        return alone(self.model, self.scoring(ids, start, top=top, guide=guide))

    def scoring(self, ids: Sequence[int], start: int = 1, *, top: int = 0, guide: Guide | None = None) -> Steps[Scores]:
        """The steps of `score`."""
        self.check([ids], 0)
        if not 1 <= start <= len(ids):
            raise EngineError(f"scores can start at token 1 to {len(ids)}, not at {start}")
        scores = Scores()
        # Token i is judged by the output at i - 1, so what is cached may be used up to start - 1 only.
        entry = self._entry(ids, start - 1)
        end = len(ids) - 1
        try:
            while len(entry.ids) < end:
                said = yield self._piece(entry, ids, end, start - 1)
                entry.ids += ids[len(entry.ids) : len(entry.ids) + said.count]
                if said.logits is not None:
                    first = start + len(scores.ranks)
                    judge(said.logits, ids[first : len(entry.ids) + 1], top, scores, guide, first, self._branches)
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
    ) -> list[Generation]:
        """Continue each prompt by at most `max_tokens` tokens, up to and with the first that is in `stop`.

        What a prompt shares with another one, or with an earlier call, is read once. Under a `constraint` only tokens
        that it allows are chosen. The `draft` is what may follow a lone prompt: it saves time where it does and changes
        no answer. Without one, what was read behind the prompt before is the draft.
        """
        steps = self.generating(
            prompts,
            max_tokens=max_tokens,
            stop=stop,
            sampling=sampling,
            top=top,
            constraint=constraint,
            draft=draft,
        )
        return alone(self.model, steps)

    def generating(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        stop: Collection[int] = frozenset(),
        sampling: Sampling = GREEDY,
        top: int = 0,
        constraint: Constraint | None = None,
        draft: Sequence[int] = (),
    ) -> Steps[list[Generation]]:
        """The steps of `generate`."""
        self.check(prompts, max_tokens)
        answers = [Generation() for _ in prompts]
        asked = _Asked(max_tokens, stop, top)
        # Longest first: a prompt that is a prefix of another then needs no prefill of its own.
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        while order:
            size = self._fitting([prompts[index] for index in order], max_tokens)
            batch, order = order[:size], order[size:]
            rows = [self._row(prompts[index], answers[index], sampling, constraint) for index in batch]
            if len(rows) == 1:
                yield from self._generate_one(rows[0], asked, draft)
            else:
                yield from self._generate_batch(rows, asked)
        return answers

    def _row(
        self, prompt: Sequence[int], answer: Generation, sampling: Sampling, constraint: Constraint | None
    ) -> _Row:
        guide = constraint.guide(prompt) if constraint is not None else None
        return _Row(prompt, answer, Sampler(sampling, guide, self._branches))

    def _fitting(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> int:
        """How many of some prompts can be continued together, one at least."""
        left = self._batch_bytes // self.model.token_bytes
        for count, prompt in enumerate(prompts):
            left -= len(prompt) - common_prefix(prompts[0], prompt) + max_tokens
            if left < 0:
                return max(1, count)
        return len(prompts)

    def _generate_one(self, row: _Row, asked: _Asked, draft: Sequence[int]) -> Steps[None]:
        """Generate into the prefix cache, so that a prompt which repeats the answer continues it."""
        prompt = row.prompt
        known, shared = self._prefixes.longest(prompt)
        if not draft and known is not None and shared == len(prompt):
            draft = known.ids[shared:]
        entry = self._entry(prompt, len(prompt) - 1)
        try:
            said = yield from self._prefill(entry, prompt, len(prompt) - 1)
            if self._guessing and asked.max_tokens > 1:
                row.drafter = Drafter(Index(prompt), len(prompt), Index(draft))
            yield from self._decode([row], entry.cache, asked, said)
        finally:
            entry.ids = [*prompt, *row.answer.ids][: entry.cache.lengths[0]]
            self._keep(entry)

    def _generate_batch(self, rows: Sequence[_Row], asked: _Asked) -> Steps[None]:
        """Generate rows, the longest first, that share as much as they can of the keys and values of the first."""
        others = []
        for row in rows:
            others += [(yield from self._covering(row.prompt))]
        trunk = others[0]
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
        yield from self._decode(list(rows), cache, asked)

    def _decode(self, rows: list[_Row], cache: KVCache, asked: _Asked, said: Said | None = None) -> Steps[None]:
        """Generate all rows; each has one token to read that its row of the cache lacks, or what is `said` after it.

        Guessed tokens are read together with the last one that is certain; those that the model would not have chosen
        are forgotten again.
        """
        while True:
            if said is None:
                said = yield Want([row.unread for row in rows], cache, 0)
            assert said.logits is not None
            places, left, said = iter(judged(said.logits)), said.count, None
            followed = []
            for index, row in enumerate(rows):
                left -= len(row.unread)
                if row.alive and left >= 0:  # the first rows may have been read only
                    followed.append(row)
                    cache.forget(index, row.follow([next(places) for _ in range(1 + len(row.guesses))], asked))
            alive = [index for index, row in enumerate(rows) if row.alive]
            if not alive:
                return
            if 2 * len(alive) <= len(rows):
                cache, rows = cache.select(alive), [rows[index] for index in alive]
            for row in followed:
                if row.alive:
                    row.propose(asked, len(alive) - 1)

    def _covering(self, prompt: Sequence[int]) -> Steps[Entry]:
        """An entry that begins with all of `prompt` but its last token."""
        entry, shared = self._prefixes.longest(prompt[:-1])
        if entry is not None and shared == len(prompt) - 1:
            self._prefixes.count(shared, shared)
            return entry
        entry = self._entry(prompt, len(prompt) - 1)
        try:
            yield from self._prefill(entry, prompt[:-1], len(prompt))
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

    def _prefill(self, entry: Entry, prompt: Sequence[int], asked: int) -> Steps[Said | None]:
        """Read what `entry` lacks of `prompt`; what is said at last of its tokens from `asked` on."""
        said = None
        while len(entry.ids) < len(prompt):
            said = yield self._piece(entry, prompt, len(prompt), asked)
            entry.ids += prompt[len(entry.ids) : len(entry.ids) + said.count]
        return said

    def _piece(self, entry: Entry, prompt: Sequence[int], end: int, asked: int) -> Want:
        """The next tokens of `prompt[:end]` that `entry` lacks; what is said of those from `asked` on is wanted.

        Of those before that, `entry` is given what another call has read meanwhile.
        """
        limit = min(asked, end)
        if limit - len(entry.ids) > _ADOPTED:
            found, shared = self._prefixes.longest(prompt[:limit])
            if found is not None and shared > len(entry.ids) + _ADOPTED:
                self._prefixes.count(0, shared - len(entry.ids))
                entry.cache = found.cache.copy(shared, len(prompt) - shared + _SPARE)
                entry.ids = found.ids[:shared]
        begin = len(entry.ids)
        piece = prompt[begin : min(begin + self._chunk * self.model.lanes, end)]
        return Want([piece], entry.cache, min(len(piece), max(0, asked - begin)), prompt=True, chunk=self._chunk)


@dataclass(frozen=True, slots=True)
class _Asked:
    max_tokens: int
    stop: Collection[int]
    top: int


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

    def propose(self, asked: _Asked, others: int) -> None:
        """Guess what comes next: what has to, and beyond that what the drafter says.

        What has to come is nearly always guessed right, and must be read in any case.
        """
        if self.drafter is None:
            return
        room = asked.max_tokens - len(self.answer.ids) - 1
        foreseen = list(self.sampler.foreseen(min(room, LONGEST)))
        guesses = self.drafter.propose(room, others)
        if guesses[: len(foreseen)] != foreseen:
            guesses = foreseen
        end = next((place for place, token in enumerate(guesses) if token in asked.stop), len(guesses))
        self.guesses = guesses[:end]
        self.unread = [self.answer.ids[-1], *self.guesses]
