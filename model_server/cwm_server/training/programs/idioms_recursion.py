"""Idioms of recursion, backtracking and tables of dynamic programming."""

from __future__ import annotations

RECURSION: tuple[tuple[str, str], ...] = (
    ("ints 0 9 4", """
def $f($xs):
    if not $xs:
        return 0
    if $xs[0] «% 2 == 0|> 4|% 3 == 1»:
        return $xs[0] + $f($xs[1:])
    return $f($xs[1:])
"""),
    ("ints 0 9 5", """
def $f($nums):
    if len($nums) == 1:
        return $nums[0]
    $rest = $f($nums[1:])
    return $nums[0] if $nums[0] «>|<» $rest else $rest
"""),
    ("ints 0 5 5; int 0 5", """
def $f($lst, $x, $i=0):
    if $i >= len($lst):
        return -1
    if $lst[$i] == $x:
        return $i
    return $f($lst, $x, $i + 1)
"""),
    ("int 0 9999", """
def $f($n):
    if $n < 10:
        return $n
    return $n % 10 «+|*» $f($n // 10)
"""),
    ("str aba", """
def $f($s):
    if len($s) < 2:
        return True
    if $s[0] != $s[-1]:
        return False
    return $f($s[1:-1])
"""),
    ("str abx", """
def $f($s):
    if $s == '':
        return ''
    if $s[0] == 'x':
        return «'y'|''|'--'» + $f($s[1:])
    return $s[0] + $f($s[1:])
"""),
    ("sorted ints 0 9; int 0 9", """
def $f($a, $x, $lo=0, $hi=None):
    if $hi is None:
        $hi = len($a)
    if $lo >= $hi:
        return False
    $mid = ($lo + $hi) // 2
    if $a[$mid] == $x:
        return True
    if $a[$mid] > $x:
        return $f($a, $x, $lo, $mid)
    return $f($a, $x, $mid + 1, $hi)
"""),
    ("int 0 30; int 1 12", """
def $f($a, $b):
    if $a == $b or $b == 0:
        return $a
    if $a < $b:
        return $f($b, $a)
    return $f($a - $b, $b)
"""),
    ("int 0 3; int 0 3", """
def $f($m, $n):
    if $m == 0:
        return $n + 1
    if $n == 0 or $m > 1:
        return $f($m - 1, 1)
    return $f($m - 1, $f($m, $n - 1))
"""),
    ("int 1 5", """
def $f($n, $steps=(1, 2)):
    if $n == 0:
        return 1
    $ways = 0
    for $s in $steps:
        if $s <= $n:
            $ways += $f($n - $s, $steps)
    return $ways
"""),
    ("int 0 9", """
def $f($n):
    $table = [1, 1«|, 2»]
    for $i in range(len($table), $n + 1):
        $table.append($table[$i - 1] + $table[$i - 2]«| * 2| - 1»)
    return $table[$n]
"""),
    ("int 1 3", """
def $f($n, $open=0, $close=0, $s=''):
    if len($s) == 2 * $n:
        return [$s]
    $found = []
    if $open < $n:
        $found += $f($n, $open + 1, $close, $s + '(')
    if $close < $open:
        $found += $f($n, $open, $close + 1, $s + ')')
    return $found
"""),
    ("= «'abc'|'ab'|'aa'|'x'|'no'»", """
def $f($s):
    if len($s) <= 1:
        return [$s]
    $out = []
    for $i, $c in enumerate($s):
        for $p in $f($s[:$i] + $s[$i + 1:]):
            if $c + $p not in $out:
                $out.append($c + $p)
    return $out
"""),
    ("ints 1 6 4; int 2 12", """
def $f($nums, $goal):
    if $goal == 0:
        return True
    if not $nums or $goal < 0:
        return False
    return $f($nums[1:], $goal - $nums[0]) or $f($nums[1:], $goal)
"""),
    ("= «[2, 3]|[1, 4]|[3, 5]|[2, 4]»; int 3 7", """
def $f($coins, $amount, $used=()):
    if $amount == 0:
        return list($used)
    for $c in sorted($coins, reverse=True):
        if $c <= $amount:
            $answer = $f($coins, $amount - $c, $used + ($c,))
            if $answer is not None:
                return $answer
    return None
"""),
    ("= «[2, 3]|[1, 4]|[3, 5]|[2, 4]»; int 1 8", """
def $f($coins, $amount):
    $dp = [0] + [None] * $amount
    for $a in range(1, $amount + 1):
        for $c in $coins:
            if $c <= $a and $dp[$a - $c] is not None:
                if $dp[$a] is None or $dp[$a - $c] + 1 < $dp[$a]:
                    $dp[$a] = $dp[$a - $c] + 1
    return -1 if $dp[$amount] is None else $dp[$amount]
"""),
    ("= '«abc|ace|cab|bbc»'; = '«abe|ac|cb|bac»'", """
def $f($a, $b):
    $m, $n = len($a), len($b)
    $dp = [[0] * ($n + 1) for _ in range($m + 1)]
    for $i in range(1, $m + 1):
        for $j in range(1, $n + 1):
            if $a[$i - 1] == $b[$j - 1]:
                $dp[$i][$j] = $dp[$i - 1][$j - 1] + 1
            else:
                $dp[$i][$j] = max($dp[$i - 1][$j], $dp[$i][$j - 1])
    return $dp[$m][$n]
"""),
    ("= '«cat|car|at|cast»'; = '«cut|ca|cart|hat»'", """
def $f($s, $t):
    $prev = list(range(len($t) + 1))
    for $i in range(1, len($s) + 1):
        $curr = [$i]
        for $j in range(1, len($t) + 1):
            if $s[$i - 1] == $t[$j - 1]:
                $curr.append($prev[$j - 1])
            else:
                $curr.append(1 + min($prev[$j], $curr[-1], $prev[$j - 1]))
        $prev = $curr
    return $prev[-1]
"""),
    ("ints 1 9", """
def $f($nums):
    $take, $skip = 0, 0
    for $n in $nums:
        $take, $skip = $skip + $n, max($take, $skip)
    return max($take, $skip)
"""),
    ("ints 1 9 5", """
def $f($nums):
    $best = [1] * len($nums)
    for $i in range(1, len($nums)):
        for $j in range($i):
            if $nums[$j] < $nums[$i] and $best[$j] + 1 > $best[$i]:
                $best[$i] = $best[$j] + 1
    return «max($best)|$best»
"""),
    ("= [(«1|2», «#2-9»), (2, «#2-9»), (3, «#4-12»)]; int 2 5", """
def $f($items, $room):
    if not $items or $room == 0:
        return 0
    $weight, $value = $items[0]
    $without = $f($items[1:], $room)
    if $weight > $room:
        return $without
    return max($without, $value + $f($items[1:], $room - $weight))
"""),
    ("= [(1, «#2-9»), («2|3», «#2-9»)]; int 2 5", """
def $f($items, $cap):
    $dp = [0] * ($cap + 1)
    for $w, $v in $items:
        for $c in range($cap, $w - 1, -1):
            if $dp[$c - $w] + $v > $dp[$c]:
                $dp[$c] = $dp[$c - $w] + $v
    return «$dp[-1]|$dp»
"""),
    ("ints 0 3 5", """
def $f($jumps):
    $reach = 0
    for $i, $j in enumerate($jumps):
        if $i > $reach:
            return False
        $reach = max($reach, $i + $j)
        if $reach >= len($jumps) - 1:
            break
    return True
"""),
    ("int 1 9", """
def $f($n, $memo={0: 0, 1: 1}):
    if $n not in $memo:
        if $n % 2 == 0:
            $memo[$n] = $f($n // 2)
        else:
            $memo[$n] = $f($n // 2) + $f($n // 2 + 1)
    return $memo[$n]
"""),
    ("int 1 7", """
from functools import lru_cache

@lru_cache(maxsize=None)
def $f_count($n):
    if $n < 3:
        return $n
    return $f_count($n - 1) + $f_count($n - «2|3»)


def $f($limit):
    return [$f_count($i) for $i in range($limit)]
"""),
    ("= «[1, [2, [3]]]|[[], [1]]|[4, 5]|[[[]]]|[]»", """
def $f($x):
    if not isinstance($x, list):
        return 0
    if not $x:
        return 1
    return 1 + max($f($y) for $y in $x)
"""),
    ("= «[1, [2, [3]]]|[[6], 1]|[4, 5]|[[[2], 3], 4]»", """
def $f($x, $depth=1):
    $total = 0
    for $item in $x:
        if isinstance($item, list):
            $total += $f($item, $depth + 1)
        elif $item % 2 == 0:
            $total += $item * $depth
        else:
            $total -= $item
    return $total
"""),
    ("int 1 3", """
def $f_safe($cols, $c):
    $r = len($cols)
    for $i, $q in enumerate($cols):
        if $q == $c or abs($q - $c) == $r - $i:
            return False
    return True


def $f($n, $cols=()):
    if len($cols) == $n:
        return list($cols)
    for $c in range($n):
        if $f_safe($cols, $c):
            $done = $f($n, $cols + ($c,))
            if $done:
                return $done
    return []
"""),
    ("int 0 9", """
def $f_even($n):
    return True if $n == 0 else $f_odd($n - 1)


def $f_odd($n):
    return False if $n == 0 else $f_even($n - 1)


def $f($n):
    if $f_even($n):
        return «'even'|$n // 2»
    return «'odd'|$n * 3 + 1»
"""),
    ("int 0 20; int 2 8", """
def $f($n, $base):
    $digits = '0123456789'
    if $n < $base:
        return $digits[$n]
    return $f($n // $base, $base) + $digits[$n % $base]
"""),
)  # fmt: skip
