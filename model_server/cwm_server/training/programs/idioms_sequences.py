# ruff: noqa: E501
"""Idioms about lists, tuples, sets and dicts."""

from __future__ import annotations

SEQUENCES: tuple[tuple[str, str], ...] = (
    ("list[int]", """
def $f($xs):
    $total = 0
    for $x in $xs:
        if $x «% 2 == 0|> 3|< 5|% 3|!= 0|>= 4|% 2 == 1»:
            $total += $x«| * 2| ** 2| - 1»
    return $total
"""),
    ("list[int]", """
def $f($xs):
    return [$x «* 2|+ 1|** 2|% 3|// 2» for $x in $xs if $x «% 2 == 0|> 3|!= 5|< 8|% 2»]
"""),
    ("list[int]", """
def $f($xs):
    if not $xs:
        return None
    $best = $xs[0]
    for $x in $xs[1:]:
        if $x «>|<» $best:
            $best = $x
    return $best
"""),
    ("list[int]", """
def $f($xs):
    $best_index = 0
    for $i in range(1, len($xs)):
        if $xs[$i] «>|<|>=» $xs[$best_index]:
            $best_index = $i
    return $best_index
"""),
    ("list[int]", """
def $f($xs):
    $n = len($xs)
    for $i in range($n):
        for $j in range(0, $n - $i - 1):
            if $xs[$j] > $xs[$j + 1]:
                $xs[$j], $xs[$j + 1] = $xs[$j + 1], $xs[$j]
    return $xs
"""),
    ("list[int]", """
def $f($xs):
    for $i in range(len($xs)):
        $min_idx = $i
        for $j in range($i + 1, len($xs)):
            if $xs[$j] < $xs[$min_idx]:
                $min_idx = $j
        $xs[$i], $xs[$min_idx] = $xs[$min_idx], $xs[$i]
    return $xs
"""),
    ("list[int]", """
def $f($xs):
    for $i in range(1, len($xs)):
        $key = $xs[$i]
        $j = $i - 1
        while $j >= 0 and $xs[$j] > $key:
            $xs[$j + 1] = $xs[$j]
            $j -= 1
        $xs[$j + 1] = $key
    return $xs
"""),
    ("= «[3, 1, 2]|[5, 4]|[2, 7, 1, 8]|[9, 3, 9]»", """
def $f($xs):
    if len($xs) <= 1:
        return $xs
    $pivot = $xs[0]
    $left = [$x for $x in $xs[1:] if $x < $pivot]
    $right = [$x for $x in $xs[1:] if $x >= $pivot]
    return $f($left) + [$pivot] + $f($right)
"""),
    ("= «[4, 1, 3]|[2, 1]|[5, 9, 0, 2]»", """
def $f_merge($left, $right):
    $result = []
    $i = $j = 0
    while $i < len($left) and $j < len($right):
        if $left[$i] <= $right[$j]:
            $result.append($left[$i])
            $i += 1
        else:
            $result.append($right[$j])
            $j += 1
    return $result + $left[$i:] + $right[$j:]


def $f($xs):
    if len($xs) < 2:
        return $xs
    $mid = len($xs) // 2
    return $f_merge($f($xs[:$mid]), $f($xs[$mid:]))
"""),
    ("sorted list[int]; sorted list[int]", """
def $f($a, $b):
    $merged = []
    while $a and $b:
        if $a[0] < $b[0]:
            $merged.append($a.pop(0))
        else:
            $merged.append($b.pop(0))
    return $merged + $a + $b
"""),
    ("sorted list[int]; int 0 10", """
def $f($xs, $target):
    $lo, $hi = 0, len($xs) - 1
    while $lo <= $hi:
        $mid = ($lo + $hi) // 2
        if $xs[$mid] == $target:
            return $mid
        elif $xs[$mid] < $target:
            $lo = $mid + 1
        else:
            $hi = $mid - 1
    return -1
"""),
    ("list[int]; int 0 9", """
def $f($xs, $target):
    for $i, $x in enumerate($xs):
        if $x == $target:
            return $i
    return «-1|None|len($xs)»
"""),
    ("list[int]; int 3 15", """
def $f($xs, $target):
    $seen = {}
    for $i, $x in enumerate($xs):
        $need = $target - $x
        if $need in $seen:
            return [$seen[$need], $i]
        $seen[$x] = $i
    return «[]|None»
"""),
    ("list[int]; int 3 15", """
def $f($xs, $target):
    $pairs = []
    for $i in range(len($xs)):
        for $j in range($i + 1, len($xs)):
            if $xs[$i] + $xs[$j] == $target:
                $pairs.append(($xs[$i], $xs[$j]))
    return «$pairs|len($pairs)»
"""),
    ("list[int]", """
def $f($xs):
    $seen = «set()|[]»
    $dups = []
    for $x in $xs:
        if $x in $seen and $x not in $dups:
            $dups.append($x)
        $seen.append($x)
    return $dups
""".replace("«set()|[]»", "[]")),
    ("list[int]", """
def $f($xs):
    $seen = set()
    $result = []
    for $x in $xs:
        if $x not in $seen:
            $seen.add($x)
            $result.append($x)
    return $result
"""),
    ("list[int]", """
def $f($xs):
    $counts = {}
    for $x in $xs:
        $counts[$x] = $counts.get($x, 0) + 1
    return «$counts|max($counts.values(), default=0)|[$x for $x, $n in $counts.items() if $n > 1]|sorted($counts, key=lambda v: (-$counts[v], v))|{$n for $n in $counts.values()}»
"""),
    ("list[int]", """
from collections import defaultdict

def $f($xs):
    $groups = defaultdict(«list»)
    for $x in $xs:
        $groups[$x % «2|3|4»].append($x)
    return dict($groups)
"""),
    ("list[int]", """
def $f($xs):
    $running = []
    $total = 0
    for $x in $xs:
        $total += $x
        $running.append($total)
    return $running
"""),
    ("list[int]", """
def $f($xs):
    $best = $current = $xs[0]
    for $x in $xs[1:]:
        $current = max($x, $current + $x)
        $best = max($best, $current)
    return $best
"""),
    ("list[int]; int 1 4", """
def $f($xs, $k):
    $k = $k % len($xs)
    return «$xs[-$k:] + $xs[:-$k]|$xs[$k:] + $xs[:$k]»
"""),
    ("list[int]; int 1 3", """
def $f($xs, $size):
    return [$xs[$i:$i + $size] for $i in range(0, len($xs), $size)]
"""),
    ("list[int]; int 1 3", """
def $f($xs, $k):
    $result = []
    for $i in range(len($xs) - $k + 1):
        $window = $xs[$i:$i + $k]
        $result.append(«sum($window)|max($window)|min($window)|sum($window) / $k»)
    return $result
"""),
    ("= «[1, [2, 3], [4, [5]]]|[[1], [2, [3]]]|[1, 2]|[[], [[7]], 8]»", """
def $f($items):
    $flat = []
    for $item in $items:
        if isinstance($item, list):
            $flat.extend($f($item))
        else:
            $flat.append($item)
    return $flat
"""),
    ("= «[1, [2, 3], [4, [5]]]|[[1], [2, [3]]]|[1, 2]|[]»", """
def $f($items):
    $total = 0
    for $item in $items:
        if type($item) is list:
            $total += $f($item)
        else:
            $total += $item
    return $total
"""),
    ("list[list[int]]", """
def $f($matrix):
    $result = []
    for $j in range(len($matrix[0])):
        $column = []
        for $row in $matrix:
            $column.append($row[$j])
        $result.append($column)
    return $result
"""),
    ("list[list[int]]", """
def $f($grid):
    $total = 0
    for $i, $row in enumerate($grid):
        for $j, $cell in enumerate($row):
            if «$i == $j|($i + $j) % 2 == 0|$cell % 2 == 0|$cell > 4»:
                $total += $cell
    return $total
"""),
    ("list[list[int]]", """
def $f($matrix):
    return «[list($row) for $row in zip(*$matrix)]|[sum($row) for $row in $matrix]|[max($row) for $row in $matrix]|[[-$x for $x in $row] for $row in $matrix]|sum([$x for $row in $matrix for $x in $row])|[$row[::-1] for $row in $matrix[::-1]]»
"""),
    ("= «[[1, 2], [3, 4]]|[[0, 1], [2, 3]]»; = «[[5, 6], [7, 8]]|[[1, 0], [0, 1]]»", """
def $f($a, $b):
    $rows, $cols = len($a), len($b[0])
    $result = [[0] * $cols for _ in range($rows)]
    for $i in range($rows):
        for $j in range($cols):
            for $k in range(len($b)):
                $result[$i][$j] += $a[$i][$k] * $b[$k][$j]
    return $result
"""),
    ("dict[str, int]", """
def $f($stocks):
    $total = 0
    for $name, $amount in $stocks.items():
        if $amount > «#0-9»:
            $total += $amount
    return $total
"""),
    ("dict[str, int]", """
def $f($prices):
    return «{v: k for k, v in $prices.items()}|sorted($prices.items(), key=lambda item: item[1])|max($prices, key=$prices.get) if $prices else None|{k: v for k, v in $prices.items() if v > 3}|sum($prices.values())|sorted($prices, key=lambda k: (-$prices[k], k))|[k for k, v in $prices.items() if v % 2 == 0]»
"""),
    ("dict[str, int]; dict[str, int]", """
def $f($a, $b):
    $merged = dict($a)
    for $key, $value in $b.items():
        if $key in $merged:
            $merged[$key] += $value
        else:
            $merged[$key] = $value
    return $merged
"""),
    ("dict[str, list[int]]", """
def $f($scores):
    $averages = {}
    for $name, $values in $scores.items():
        if $values:
            $averages[$name] = sum($values) / len($values)
        else:
            $averages[$name] = «0|None|0.0»
    return $averages
"""),
    ("= {'a': 1, 'b': {'c': 2, 'd': {'e': «#1-9»}}}", """
def $f($data, $prefix=''):
    $flat = {}
    for $key, $value in $data.items():
        $name = f'{$prefix}.{$key}' if $prefix else $key
        if isinstance($value, dict):
            $flat.update($f($value, $name))
        else:
            $flat[$name] = $value
    return $flat
"""),
    ("list[dict[str, int]]; = «'apple'|'a'|'id'»", """
def $f($records, $key):
    $result = []
    for $record in $records:
        $value = $record.get($key)
        if $value is None:
            continue
        $result.append($value)
    return $result
"""),
    ("= [{'name': «Name», 'age': «#10-60»}, {'name': «Name», 'age': «#10-60»}, {'name': «Name», 'age': «#10-60»}]", """
def $f($people, $limit=«#18-40»):
    $chosen = [$p for $p in $people if $p['age'] >= $limit]
    $chosen.sort(key=lambda person: person['«age|name»']«|, reverse=True»)
    return [$p['name'] for $p in $chosen]
"""),
    ("list[tuple[str, int]]", """
def $f($pairs):
    $totals = {}
    for $name, $amount in $pairs:
        $totals.setdefault($name, 0)
        $totals[$name] += $amount
    return «$totals|sorted($totals.items())|list($totals.values())»
"""),
    ("list[tuple[int, int]]", """
def $f($intervals):
    if not $intervals:
        return []
    $intervals = sorted(tuple(sorted($p)) for $p in $intervals)
    $merged = [list($intervals[0])]
    for $start, $end in $intervals[1:]:
        if $start <= $merged[-1][1]:
            $merged[-1][1] = max($merged[-1][1], $end)
        else:
            $merged.append([$start, $end])
    return $merged
"""),
    ("list[tuple[int, int]]", """
def $f($pairs):
    return sorted($pairs, key=lambda p: «p[1]|-p[0]|p[0] + p[1]|(p[1], p[0])|abs(p[0] - p[1])|p[0] * p[1]»)
"""),
    ("list[int]; list[int]", """
def $f($a, $b):
    $result = []
    for $x, $y in zip($a, $b):
        $result.append($x «+|-|*» $y)
    return $result
"""),
    ("list[int]; list[int]", """
def $f($a, $b):
    return «sorted(set($a) & set($b))|list(set($a).union($b))|[$x for $x in $a if $x in $b]|[$x for $x in $a if $x not in $b]|sum(x * y for x, y in zip($a, $b))|sorted(set($a) ^ set($b))|set($a).issubset($b)»
"""),
    ("list[int]", """
def $f($xs):
    for $i in range(len($xs) - 1):
        if $xs[$i] «>|>=|<» $xs[$i + 1]:
            return False
    return True
"""),
    ("list[int]", """
def $f($xs):
    return «all($xs[$i] <= $xs[$i + 1] for $i in range(len($xs) - 1))|any($x > 5 for $x in $xs)|all($x > 0 for $x in $xs)|any($x == $y for $x, $y in zip($xs, $xs[1:]))|sum(1 for $x in $xs if $x % 2)»
"""),
    ("list[int]", """
def $f($xs):
    $ordered = sorted($xs)
    $n = len($ordered)
    if $n == 0:
        return 0
    $mid = $n // 2
    if $n % 2:
        return $ordered[$mid]
    return ($ordered[$mid - 1] + $ordered[$mid]) / 2
"""),
    ("list[int]", """
def $f($xs):
    $evens, $odds = [], []
    for $x in $xs:
        if $x % 2 == 0:
            $evens.append($x)
        else:
            $odds.append($x)
    return «$evens, $odds|$evens + $odds|{'even': $evens, 'odd': $odds}|len($evens) - len($odds)»
"""),
    ("list[int]", """
from functools import reduce

def $f($xs):
    return reduce(lambda a, b: «a * b|a + b|a - b|max(a, b)|a * 10 + b», $xs, «0|1|2»)
"""),
    ("list[int]", """
def $f($xs):
    return list(«map(lambda x: x «* 2|+ 3|** 2|- 1», $xs)|filter(lambda x: x «> 2|% 2 == 0|!= 3», $xs)|map(str, $xs)|map(lambda x, y: x + y, $xs, $xs[1:])»)
"""),
    ("list[int]; int 1 3", """
import heapq

def $f($xs, $k):
    return heapq.«nlargest($k, $xs)|nsmallest($k, $xs)»
"""),
    ("list[int]", """
import heapq

def $f($xs):
    $heap = []
    for $x in $xs:
        heapq.heappush($heap, «$x|-$x»)
    $result = []
    while $heap:
        $result.append(heapq.heappop($heap))
    return $result
"""),
    ("list[int]", """
from itertools import «combinations|permutations»

def $f($xs):
    $count = 0
    for $a, $b in «combinations»($xs[:4], 2):
        if ($a + $b) % «2|3» == 0:
            $count += 1
    return $count
""".replace("«combinations|permutations»", "combinations").replace("«combinations»", "combinations")),
    ("list[str]", """
def $f($words):
    return «sorted($words, key=len)|sorted($words, key=lambda w: (len(w), w))|sorted($words, key=str.lower)|max($words, key=len, default='')|[w.upper() for w in $words]|{w: len(w) for w in $words}|[w for w in $words if len(w) > 3]|''.join(w[0] for w in $words)|list(map(len, $words))|sorted($words, key=lambda w: w[-1])»
"""),
    ("list[str]", """
def $f($words):
    $index = {}
    for $pos, $word in enumerate($words):
        $index.setdefault($word[«0|-1|:1»], []).append($pos)
    return $index
"""),
    ("list[str]; = «', '|'-'|' and '»", """
def $f($items, $sep=', '):
    if not $items:
        return 'nothing'
    if len($items) == 1:
        return $items[0]
    return $sep.join($items[:-1]) + ' and ' + $items[-1]
"""),
    ("list[int]", """
def $f($xs):
    $stack = []
    for $x in $xs:
        while $stack and $stack[-1] «<|>» $x:
            $stack.pop()
        $stack.append($x)
    return $stack
"""),
    ("list[int]", """
from collections import deque

def $f($xs):
    $queue = deque($xs)
    $order = []
    while $queue:
        $order.append($queue.popleft())
        if $queue:
            $queue.append($queue.popleft())
    return $order
"""),
    ("= {'A': ['B', 'C'], 'B': ['D'], 'C': ['D'], 'D': []}; = «'A'|'B'|'C'»", """
def $f($graph, $start):
    $visited = []
    $queue = [$start]
    while $queue:
        $node = $queue.pop(«0|»)
        if $node in $visited:
            continue
        $visited.append($node)
        $queue.extend($graph[$node])
    return $visited
"""),
    ("= {1: [2, 3], 2: [4], 3: [], 4: [1]}; = «1|2|3»", """
def $f($graph, $node, $seen=None):
    if $seen is None:
        $seen = set()
    if $node in $seen:
        return $seen
    $seen.add($node)
    for $nxt in $graph.get($node, []):
        $f($graph, $nxt, $seen)
    return $seen
"""),
    ("list[int]", """
def $f($xs):
    $result = []
    for $x in $xs:
        if $x < 0:
            break
        $result.append($x)
    else:
        $result.append(«None|-1|'end'|0»)
    return $result
"""),
    ("list[int]; int 0 8", """
def $f($xs, $index):
    try:
        $value = $xs[$index]
    except IndexError:
        $value = «None|-1|0|'missing'»
    return $value
"""),
    ("= {'apple': «#0-9», 'cat': «#0-9»}; = «'apple'|'cat'|'x'»", """
def $f($table, $key):
    try:
        return $table[$key]
    except KeyError as $err:
        raise «ValueError|LookupError|RuntimeError»(f'no entry for {$key}') from $err
"""),
    ("= {'apple': «#2-6», 'cat': «#1-6»}; = «'apple'|'cat'|'x'»; int 1 6", """
def $f($stock, $item, $amount):
    if $item not in $stock:
        raise KeyError($item)
    if $stock[$item] < $amount:
        return False
    $stock[$item] -= $amount
    if $stock[$item] == 0:
        del $stock[$item]
    return True
"""),
    ("list[int]", """
def $f_chunk($xs, $n):
    for $i in range(0, len($xs), $n):
        yield $xs[$i:$i + $n]


def $f($xs):
    $sums = []
    for $part in $f_chunk($xs, «2|3»):
        $sums.append(sum($part))
    return $sums
"""),
    ("int 1 5", """
def $f_gen($n):
    $i = 0
    while $i < $n:
        yield $i «* 2|** 2|+ 1»
        $i += 1


def $f($n):
    return «list($f_gen($n))|sum($f_gen($n))|[x for x in $f_gen($n) if x % 2]|max($f_gen($n))»
"""),
    ("int 1 5; list[int]", """
def $f_make($step):
    def $f_inner($x):
        return $x «+|*|-» $step
    return $f_inner


def $f($n, $xs):
    $func = $f_make($n)
    return [$func($x) for $x in $xs]
"""),
    ("int 1 4", """
def $f_counter():
    $count = 0

    def $f_step(by=1):
        nonlocal $count
        $count += by
        return $count

    return $f_step


def $f($times):
    $tick = $f_counter()
    $values = []
    for _ in range($times):
        $values.append($tick(«|2|3»))
    return $values
"""),
    ("list[int]", """
def $f_scale($xs, $factor=«2|3»):
    return [$x * $factor for $x in $xs]


def $f_clip($xs, $top):
    return [min($x, $top) for $x in $xs]


def $f($xs):
    $scaled = $f_scale($xs)
    $clipped = $f_clip($scaled, «#5-20»)
    return sum($clipped)
"""),
    ("list[int]", """
def $f($xs):
    $first, *$rest = $xs
    $total = $first
    for $x in $rest:
        $total = $total «- $x|* 2 + $x|+ $x»
    return $total
"""),
    ("= (1, 2, 3); list[int]", """
def $f(*$args, **$opts):
    $result = []
    for $arg in $args:
        $result.append(($arg, type($arg).__name__))
    return $result, len($opts)
"""),
    ("set[int]; set[int]", """
def $f($a, $b):
    $common = $a & $b
    $only = $a - $b
    $both = $a.union($b)
    return «len($common), len($only), len($both)|sorted($both)|$common|$only|sorted($a ^ $b)|$a <= $b, $b <= $a»
"""),
    ("list[int]; int 0 6", """
def $f($xs, $limit):
    $n = 0
    while $xs and $xs[-1] > $limit:
        $xs.pop()
        $n += 1
    return $n, $xs
"""),
    ("list[int]", """
def $f($xs):
    $i = 0
    while $i < len($xs):
        if $xs[$i] % 2 == «0|1»:
            del $xs[$i]
        else:
            $i += 1
    return $xs
"""),
    ("int 2 6; int 2 6", """
def $f($rows, $cols):
    $board = [['.' for _ in range($cols)] for _ in range($rows)]
    $board[$rows - 1][0] = '#'
    $board[0][$cols - 1] = 'X'
    return «[''.join($row) for $row in $board]|'\\n'.join(''.join($row) for $row in $board)|$board»
"""),
    ("= «[1, 2, 3]|[1, 2]|['a', 'b']|[0]»", """
def $f($items):
    if not $items:
        return [[]]
    $rest = $f($items[1:])
    return $rest + [[$items[0]] + $subset for $subset in $rest]
"""),
    ("= «[1, 2, 5]|[2, 3]|[1, 5]»; int 1 7", """
def $f($coins, $amount):
    $ways = [1] + [0] * $amount
    for $coin in $coins:
        for $value in range($coin, $amount + 1):
            $ways[$value] += $ways[$value - $coin]
    return $ways[$amount]
"""),
    ("list[int]", """
def $f($prices):
    $lowest = float('inf')
    $profit = 0
    for $price in $prices:
        if $price < $lowest:
            $lowest = $price
        elif $price - $lowest > $profit:
            $profit = $price - $lowest
    return $profit
"""),
    ("list[int]", """
def $f($xs):
    return {
        'count': len($xs),
        'total': sum($xs),
        'max': max($xs) if $xs else None,
        'min': min($xs, default=None),
    }
"""),
)  # fmt: skip
