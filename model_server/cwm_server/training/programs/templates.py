"""Programs written by hand with open places: names that are chosen anew, and alternatives among which one is drawn.

$name       an identifier, the same wherever it stands; `$f...` a function's, `$C...` a class's, `$...s` a collection's
«a|b»       one of the alternatives
«#2-9»      an integer in the range
«word»      a short word, quoted; «text» any string; «Name» a person; «noun» a bare noun
«int» «list[int]» ...  a literal of the kind
"""

from __future__ import annotations

import random
import re

from cwm_server.training.programs import literals
from cwm_server.training.programs.words import NOUNS, PEOPLE, Names

_NAME = re.compile(r"\$([A-Za-z_]+[0-9]?)")
_KIND = re.compile(r"(?:list|dict|set|tuple)\[[a-z0-9\[\], .]+\]")
_CHOICE = re.compile(r"«([^«»]*)»")


def filled(rng: random.Random, template: str, names: Names | None = None) -> tuple[str, dict[str, str]]:
    """The program and what its `$names` became. A third of the programs keep the names that their author gave them."""
    names = names or Names(rng)
    while _CHOICE.search(template):
        template = _CHOICE.sub(lambda match: _choice(rng, match[1]), template)
    kept = rng.random() < 0.33
    chosen: dict[str, str] = {}
    for hint in dict.fromkeys(_NAME.findall(template)):
        chosen[hint] = _chosen(names, hint, kept)
    return _NAME.sub(lambda match: chosen[match[1]], template), chosen


def _chosen(names: Names, hint: str, kept: bool) -> str:
    if hint.startswith("C"):
        return names.klass() if not kept or len(hint) < 3 else names.fresh(hint[2:].title())
    if hint.startswith("f") and (len(hint) == 1 or hint[1] in "_0123456789"):
        return names.function() if not kept or len(hint) < 3 else names.fresh(hint[2:])
    if kept:
        return names.fresh(hint)
    if hint in ("i", "j", "k", "idx"):
        return names.index()
    return names.many() if hint.endswith("s") and len(hint) > 1 else names.noun()


def _choice(rng: random.Random, body: str) -> str:
    alternatives = body.split("|")
    chosen = rng.choice(alternatives)
    if re.fullmatch(r"#-?\d+-\d+", chosen):
        low, _, high = chosen[1:].rpartition("-")
        return str(rng.randint(int(low), int(high)))
    if chosen == "word":
        return repr(literals.word(rng))
    if chosen == "text":
        return repr(literals.text(rng))
    if chosen == "Name":
        return repr(rng.choice(PEOPLE))
    if chosen == "noun":
        return rng.choice(NOUNS)
    if _KIND.fullmatch(chosen) or (len(alternatives) == 1 and chosen in literals.KINDS):
        return literals.written(rng, literals.value(rng, chosen))
    return chosen
