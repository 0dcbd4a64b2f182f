# ruff: noqa: E501
"""Idioms about dicts, counters and sets."""

from __future__ import annotations

MAPPINGS: tuple[tuple[str, str], ...] = (
    ("some red blue red green", """
def $f($items):
    $counts = {}
    for $item in $items:
        if $item not in $counts:
            $counts[$item] = 0
        $counts[$item] += 1
    $top, $most = None, 0
    for $key in $counts:
        if $counts[$key] > $most:
            $top, $most = $key, $counts[$key]
    return «$top|($top, $most)|$most»
"""),
    ("some a b c a b", """
from collections import Counter

def $f($items):
    $tally = Counter($items)
    return «[$k for $k, $v in $tally.items() if $v == 1]|{$k: $v for $k, $v in $tally.items() if $v > 1}|$tally['a'] > $tally['b']|sorted($tally, key=lambda $k: (-$tally[$k], $k))|all($v == 1 for $v in $tally.values())|sum($v - 1 for $v in $tally.values())»
"""),
    ("str abcab; str abcab", """
from collections import Counter

def $f($s, $t):
    $left = Counter($s)
    $left.subtract($t)
    $missing = 0
    for $ch, $n in $left.items():
        if $n < 0:
            $missing += -$n
    return «$missing|$missing == 0|"yes" if not $missing else "no"»
"""),
    ("some ant bee bear cat ape", """
from collections import defaultdict

def $f($words):
    $groups = defaultdict(list)
    for $w in $words:
        if $w not in $groups[$w[0]]:
            $groups[$w[0]].append($w)
    return «dict($groups)|{$k: len($v) for $k, $v in $groups.items()}|max(map(len, $groups.values()), default=0)|[$k for $k in $groups if len($groups[$k]) > 1]»
"""),
    ("ints 1 5", """
from collections import defaultdict

def $f($nums):
    $where = defaultdict(list)
    for $i, $n in enumerate($nums):
        $where[$n].append($i)
    $gap = 0
    for $spots in $where.values():
        if len($spots) > 1 and $spots[-1] - $spots[0] > $gap:
            $gap = $spots[-1] - $spots[0]
    return $gap
"""),
    ("= {'tea': «#0-5», 'milk': «#0-9», 'rice': «#0-4»}; = «'tea'|'milk'|'salt'»; int 1 5", """
def $f($stock, $item, $qty):
    if $item not in $stock:
        return «"unknown item"|-1|None»
    if $stock[$item] == 0:
        return "sold out"
    elif $stock[$item] < $qty:
        $taken = $stock[$item]
        $stock[$item] = 0
        return f"only {$taken}"
    $stock[$item] -= $qty
    return $stock
"""),
    ("= {'pen': «#1-9», 'book': «#5-20»}; some pen book cup pen", """
def $f($prices, $basket):
    $total = 0
    $unknown = []
    for $thing in $basket:
        $price = $prices.get($thing)
        if $price is None:
            $unknown.append($thing)
            continue
        $total += $price
    if $total > «#10-30»:
        $total = $total * 0.9
    return «$total|($total, $unknown)|round($total) if not $unknown else None»
"""),
    ("= {'a': «#0-5», 'b': «#0-5», 'c': «#0-5»}; = {'b': «#0-5», 'c': «#0-5», 'd': «#0-5»}", """
def $f($old, $new):
    $changes = {}
    for $key in $old:
        if $key not in $new:
            $changes[$key] = 'removed'
        elif $old[$key] != $new[$key]:
            $changes[$key] = ($old[$key], $new[$key])
    for $key in $new:
        if $key not in $old:
            $changes[$key] = 'added'
    return $changes
"""),
    ("= {'x': «#0-5», 'y': «#0-5»}; = {'y': «#0-5», 'z': «#0-5»}", """
def $f($d1, $d2):
    return «{$k: $d1.get($k, 0) + $d2.get($k, 0) for $k in sorted(set($d1) or set($d2))}|{$k: $v for $k, $v in $d1.items() if $k in $d2 and $v == $d2[$k]}|{**$d1, **{$k: $v for $k, $v in $d2.items() if $k not in $d1}}|sorted($d1.keys() - $d2.keys())|[$k for $k in $d1 if $d1[$k] > $d2.get($k, 0)]»
"""),
    ("= {'a': «#1-4», 'b': «#1-4», 'c': «#1-4»}", """
def $f($d):
    $flipped = {}
    for $k, $v in $d.items():
        if $v in $flipped:
            $flipped[$v].append($k)
        else:
            $flipped[$v] = [$k]
    return «$flipped|len($flipped) == len($d)|{$v: $ks[0] for $v, $ks in $flipped.items() if len($ks) == 1}»
"""),
    ("= {'Ann': «#20-99», 'Ben': «#20-99», 'Cy': «#20-99»}; int 30 80", """
def $f($marks, $passing):
    $result = {}
    for $name in $marks:
        $m = $marks[$name]
        if $m >= 85:
            $result[$name] = 'distinction'
        elif $m >= $passing:
            $result[$name] = 'pass'
        else:
            $result[$name] = 'fail'
    return «$result|[$n for $n in $result if $result[$n] != 'fail']|sum(1 for $n in $result.values() if $n == 'fail')»
"""),
    ("= {'Ann': [«#1-9», «#1-9»], 'Bo': [], 'Cem': [«#1-9»]}", """
def $f($scores):
    $best_name, $best = '', -1
    for $name, $list1 in $scores.items():
        $avg = sum($list1) / len($list1) if $list1 else 0
        if $avg > $best:
            $best_name, $best = $name, $avg
    return «$best_name|($best_name, $best)»
"""),
    ("list[int]; list[int]", """
def $f($a, $b):
    $common = set()
    $only = set()
    for $x in $a:
        if $x in $b:
            $common.add($x)
        else:
            $only.add($x)
    return «sorted($common), sorted($only)|len($common) > len($only)|bool($common)|"disjoint" if not $common else len($common)»
"""),
    ("set[int]; set[int]", """
def $f($s1, $s2):
    if $s1 == $s2:
        return 'equal'
    if $s1 < $s2:
        return 'subset'
    if $s1 > $s2:
        return 'superset'
    return 'overlap' if $s1 & $s2 else 'disjoint'
"""),
    ("some to be or not to be", """
def $f($words):
    $seen, $repeated = set(), set()
    for $w in $words:
        if $w in $seen:
            $repeated.add($w)
        $seen.add($w)
    return «sorted($repeated)|len($seen) - len($repeated)|not $repeated|sorted($seen - $repeated)»
"""),
    ("= ['«a|b»', '«c|d»', 'a', 'b']", """
def $f($keys):
    $ids = {}
    for $key in $keys:
        $ids.setdefault($key, len($ids))
    return «$ids|[$ids[$k] for $k in $keys]|max($ids.values())»
"""),
    ("str abcde; str abcde", """
def $f($a, $b):
    $map1, $map2 = {}, {}
    if len($a) != len($b):
        return False
    for $x, $y in zip($a, $b):
        if $map1.setdefault($x, $y) != $y or $map2.setdefault($y, $x) != $x:
            return False
    return True
"""),
    ("= {'a': {'x': «#1-5»}, 'b': {'y': «#1-5», 'x': «#1-5»}, 'c': {}}; = «'x'|'y'|'z'»", """
def $f($tree, $key):
    $total = 0
    $hits = []
    for $name, $inner in $tree.items():
        if not $inner:
            continue
        if $key in $inner:
            $total += $inner[$key]
            $hits.append($name)
    return «$total|$hits|($hits, $total)|$total / len($hits) if $hits else None»
"""),
    ("= {'user': {'name': «Name», 'langs': ['en', 'de']}, 'n': «#0-3»}; = ['«user|n|zip»', '«name|langs|x»']", """
def $f($data, $path):
    $node = $data
    for $step in $path:
        if not isinstance($node, dict) or $step not in $node:
            return «None|'missing'|$path.index($step)»
        $node = $node[$step]
    return $node
"""),
    ("= [('ann', 'hr'), ('bob', '«it|hr»'), ('cid', 'it'), ('dee', '«it|ops»')]; = «'it'|'hr'|'ops'»", """
def $f($staff, $dept):
    $by_dept = {}
    for $person, $d in $staff:
        $by_dept.setdefault($d, []).append($person)
    if $dept not in $by_dept:
        return []
    return «$by_dept[$dept]|len($by_dept[$dept])|sorted($by_dept)|{$d: $ps[0] for $d, $ps in $by_dept.items()}»
"""),
    ("= [{'id': 1, 'ok': «True|False»}, {'id': 2, 'ok': «True|False»}, {'id': 3}]", """
def $f($records):
    $good, $bad = [], []
    for $r in $records:
        if $r.get('ok'):
            $good.append($r['id'])
        elif 'ok' in $r:
            $bad.append($r['id'])
    return «$good, $bad|{'good': $good, 'bad': $bad}|len($good) - len($bad)»
"""),
    ("= {'a': «#1-3», 'b': 0, 'c': None, 'd': '«x|»', 'e': []}", """
def $f($d):
    $clean = {}
    for $k, $v in $d.items():
        if $v is None:
            continue
        if not $v and $v != 0:
            continue
        $clean[$k] = $v
    return «$clean|list($clean)|len($d) - len($clean)»
"""),
    ("= {'A': ['B'], 'B': ['C'], 'C': [«'A'|»], 'D': []}; = '«A|B|C|D»'", """
def $f($links, $start):
    $path = [$start]
    while $links[$path[-1]]:
        $nxt = $links[$path[-1]][0]
        if $nxt in $path:
            return «"cycle"|$path + [$nxt]|True»
        $path.append($nxt)
    return «"end"|$path|False»
"""),
    ("str abcde123", """
def $f($code):
    $values = {'a': 1, 'b': 3, 'c': 3, 'd': 2}
    $score = 0
    for $i, $ch in enumerate($code):
        if $ch in $values:
            $score += $values[$ch] * (2 if $i == 0 else 1)
        elif $ch.isdigit():
            $score -= int($ch)
    return $score
"""),
    ("some win loss draw win", """
def $f($games):
    $points = {'win': 3, 'draw': 1}
    $total = $streak = 0
    for $g in $games:
        $total += $points.get($g, 0)
        $streak = $streak + 1 if $g == 'win' else 0
        if $streak == 2:
            $total += 1
    return «$total|($total, $streak)|"champion" if $total >= 6 else "loser" if not $total else "mid"»
"""),
    ("dict[str, int]; int 0 12", """
def $f($d, $limit):
    for $key in list($d):
        if $d[$key] > $limit:
            del $d[$key]
        elif $d[$key] < 0:
            $d[$key] = 0
    return $d
"""),
    ("ints 1 4; ints 1 4", """
def $f($keys, $values):
    $d = {}
    for $i in range(len($keys)):
        if $i < len($values):
            $d[$keys[$i]] = $values[$i]
        else:
            $d[$keys[$i]] = None
    return $d
"""),
)  # fmt: skip
