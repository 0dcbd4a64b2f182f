# ruff: noqa: E501
"""Idioms with functions as values: map, filter, lambda, sorting keys, zip, any, all, reduce, itertools."""

from __future__ import annotations

HIGHER_ORDER: tuple[tuple[str, str], ...] = (
    ("ints 0 9", """
def $f($nums):
    $evens = list(filter(lambda $n: $n % 2 == 0, $nums))
    $odds = list(filter(lambda $n: $n % 2 != 0, $nums))
    return «$evens + $odds|($evens, $odds)|len($evens) > len($odds)|sum($evens) - sum($odds)|$evens or $odds»
"""),
    ("ints -5 5", """
def $f($nums):
    return sorted($nums, key=lambda $x: «abs($x)|-$x|($x % 2, $x)|($x < 0, abs($x))|$x * $x - $x|(-$x if $x > 0 else $x)|$x % 3»«|, reverse=True»)
"""),
    ("some pear fig apple kiwi", """
def $f($words):
    return sorted($words, key=lambda $w: «(-len($w), $w)|$w[1]|$w[::-1]|(len($w) % 2, $w)|$w.count('p')|sum($ch in 'aeiou' for $ch in $w)|($w[-1], $w[0])»)
"""),
    ("ints 0 9; ints 0 9", """
def $f($a, $b):
    return list(map(lambda $x, $y: «$x if $x > $y else $y|$x * $y|$x - $y if $x > $y else 0|($x + $y) % 10|$x == $y|max($x, $y) - min($x, $y)», $a, $b))
"""),
    ("ints 1 6", """
from functools import reduce

def $f($nums):
    return reduce(lambda $acc, $x: «$acc + $x if $x % 2 else $acc|$acc * $x % 7|$x - $acc|$x if $x > $acc else $acc + 1», $nums, «0|1|5»)
"""),
    ("ints 1 4", """
from functools import reduce

def $f($nums):
    return reduce(lambda $acc, $x: «$acc + [$x] if $x not in $acc else $acc|[$x] + $acc|$acc[1:] if $x in $acc else $acc + [$x]», $nums, [])
"""),
    ("ints 1 9", """
from functools import reduce

def $f($xs):
    $best = reduce(lambda $a, $b: $a if $a «>|<» $b else $b, $xs)
    return $best, $xs.index($best)
"""),
    ("ints 0 9", """
from itertools import accumulate

def $f($xs):
    $sums = list(accumulate($xs«|, max|, lambda $a, $b: $b - $a|, min»))
    return «$sums|$sums[-1]|[$s for $s in $sums if $s % 2 == 0]|$sums == sorted($sums)»
"""),
    ("ints 0 3", """
from itertools import groupby

def $f($xs):
    $runs = [($key, len(list($run))) for $key, $run in groupby($xs«|, key=lambda $x: $x % 2|, key=lambda $x: $x > 1»)]
    return «$runs|max($n for _, $n in $runs)|[$key for $key, $n in $runs if $n > 1]|len($runs)»
"""),
    ("ints 0 9", """
from itertools import takewhile, dropwhile

def $f($xs):
    $head = list(takewhile(lambda $x: $x < «#3-8», $xs))
    $tail = list(dropwhile(lambda $x: $x % 2 == «0|1», $xs))
    return «$head, $tail|len($head) == len($xs)|$head == $tail|$tail[:1] or None»
"""),
    ("ints 1 5 4; int 3 8", """
from itertools import combinations

def $f($nums, $goal):
    for $size in range(1, 3):
        for $combo in combinations($nums, $size):
            if sum($combo) == $goal:
                return «$combo|list($combo)|$size»
    return None
"""),
    ("= '«ab|abc|aba»'; int 1 2", """
from itertools import product

def $f($letters, $n):
    $found = []
    for $combo in product($letters, repeat=$n):
        $word = ''.join($combo)
        if $word == $word[::-1] and $word not in $found:
            $found.append($word)
    return $found
"""),
    ("ints 0 9", """
def $f($xs):
    return [«$b - $a|($a, $b)|$a < $b|max($a, $b)|$a * $b» for $a, $b in zip($xs, $xs[1:])«| if $a != $b| if ($a + $b) % 2 == 0| if $b > $a»]
"""),
    ("ints 0 9", """
def $f($nums):
    return [$n for $i, $n in enumerate($nums) if «$i % 2 == 0|$n > $i|$n % ($i + 1) == 0|$n not in $nums[:$i]|$n == max($nums[:$i + 1])|$i == 0 or $n > $nums[$i - 1]|$n in $nums[$i + 1:]»]
"""),
    ("ints 0 9", """
def $f($nums):
    return {«$n: $n * $n|$n: $nums.count($n)|$n % 3: $n|$n: 'even' if $n % 2 == 0 else 'odd'|$n: $i» for $i, $n in enumerate($nums) if «$n > 2|$n % 2 == 0|$i != 1|$n != $i»}
"""),
    ("some pear fig apple kiwi", """
def $f($words):
    return {«$w: len($w)|$w[0]: $w|len($w): $w.upper()|$w: $w[::-1]|$w: [$c for $c in $w if $c in 'aeiou']» for $w in $words if «len($w) > 3|$w[0] != 'a'|'i' in $w|$w < 'g'»}
"""),
    ("ints 0 9; ints 0 9", """
def $f($a, $b):
    $pairs = [($x, $y) for $x in $a[:3] for $y in $b[:3] if «$x < $y|($x + $y) % 3 == 0|$x == $y|$x * $y > 10»]
    return «$pairs|len($pairs)|bool($pairs)|$pairs[0] if $pairs else None|sorted({$x + $y for $x, $y in $pairs})»
"""),
    ("ints 0 9", """
def $f($nums):
    if all($n % 2 == 0 for $n in $nums):
        return «'all even'|2»
    if any($n > 7 for $n in $nums):
        return «'big one'|1»
    return «'plain'|0»
"""),
    ("some cat dog cow ant; = «'c'|'d'|'a'»", """
def $f($words, $letter):
    $starts = lambda $w: $w.startswith($letter)
    $kept = list(filter($starts, $words))
    if not $kept:
        return «None|'none'|[]»
    return «max($kept, key=len)|$kept[0]|list(map(str.upper, $kept))|len($kept)»
"""),
    ("int 0 9; int 1 3", """
def $f_twice($g, $times):
    def $f_inner($x):
        for _ in range($times):
            $x = $g($x)
        return $x
    return $f_inner


def $f($n, $times):
    $step = $f_twice(lambda $x: $x // 2 if $x % 2 == 0 else $x * 3 + 1, $times)
    return $step($n)
"""),
    ("int 0 9", """
def $f_compose(*$steps):
    def $f_run($x):
        for $s in $steps:
            $x = $s($x)
        return $x
    return $f_run


def $f($n):
    $go = $f_compose(lambda $a: $a «+ 1|* 3|- 4», lambda $a: $a «* $a|% 5|// 2», «abs|str|bool»)
    return $go($n)
"""),
    ("ints 0 9", """
def $f_apply($func, $items, $default=None):
    $out = []
    for $item in $items:
        $r = $func($item)
        $out.append($default if $r is None else $r)
    return $out


def $f($xs):
    return $f_apply(lambda $x: $x * 10 if $x > «#2-6» else None, $xs«|, -1|, 0»)
"""),
    ("int 1 12; int 1 12; = «'max'|'diff'|'mul'|'none'»", """
def $f($a, $b, $name):
    $table = {
        'max': lambda $x, $y: $x if $x > $y else $y,
        'diff': lambda $x, $y: abs($x - $y),
        'mul': lambda $x, $y: $x * $y,
    }
    $op = $table.get($name)
    return $op($a, $b) if $op else «None|'unknown'|-1»
"""),
    ("= [(«Name», «#10-60»), («Name», «#10-60»), («Name», «#10-60»)]", """
def $f($people):
    $oldest = max($people, key=lambda $p: $p[1])
    $young = [$name for $name, $age in $people if $age < $oldest[1] and $age «< 40|% 2 == 0|> 20»]
    return «$oldest[0]|$young|($oldest, $young)|sorted($people, key=lambda $p: ($p[1] // 10, $p[0]))»
"""),
    ("list[tuple[int, int]]", """
def $f($pairs):
    $ordered = sorted($pairs, key=lambda $p: ($p[1], -$p[0]))
    $chosen = []
    for $a, $b in $ordered:
        if not $chosen or $a >= $chosen[-1][1]:
            $chosen.append(($a, $b))
    return «$chosen|len($chosen)»
"""),
    ("ints 0 9", """
def $f($nums):
    $total = 0
    for $i, ($a, $b) in enumerate(zip($nums, $nums[::-1])):
        if $a «>|<|==|!=» $b:
            $total += $i «+ 1|+ $a|* $b»
    return $total
"""),
    ("ints 0 9; int 0 9", """
def $f_gen($nums, $limit):
    for $n in $nums:
        if $n > $limit:
            return
        if $n % 2:
            yield $n


def $f($nums, $limit):
    return «list($f_gen($nums, $limit))|sum($f_gen($nums, $limit))|next($f_gen($nums, $limit), None)|max($f_gen($nums, $limit), default=0)»
"""),
    ("ints 0 9", """
def $f($xs):
    $it = iter($xs)
    $first = next($it)
    for $x in $it:
        if $x < $first:
            return $x
    return next($it, «None|$first|-1»)
"""),
    ("ints 0 9 4", """
def $f($nums):
    return list(map(lambda $t: «$t[0] * $t[1]|$t[1] if $t[0] % 2 else -$t[1]|$t[0] < $t[1]», enumerate($nums)))
"""),
)  # fmt: skip
