"""Idioms that decide: chains of conditions, loops that end early, simulations of a few steps."""

from __future__ import annotations

DECISIONS: tuple[tuple[str, str], ...] = (
    ("int 0 12; int 0 12", """
def $f($a, $b):
    if $a > $b and not $a % 2:
        return "«first|A»"
    elif $a == $b or $b % 3 == 0:
        return "«second|B»"
    elif $a < $b < 2 * $a:
        return "«third|C»"
    return "«none|D»"
"""),
    ("int 0 9; = «True|False»; = «True|False»", """
def $f($count, $urgent, $paid):
    if not $count:
        return 'nothing'
    if $urgent and $paid:
        $status = 'ship'
    elif $urgent or $count > 5:
        $status = 'call'
    elif not $paid:
        $status = 'wait'
    else:
        $status = 'queue'
    return «$status|$status + str($count)|($status, $count)»
"""),
    ("ints 0 9; int 5 20", """
def $f($weights, $limit):
    $load = 0
    $taken = []
    for $w in $weights:
        if $w == 0:
            continue
        if $load + $w > $limit:
            break
        $load += $w
        $taken.append($w)
    else:
        return «"all"|True|$taken»
    return «$taken|$limit - $load|len($taken)»
"""),
    ("int 1 20; int 1 9", """
def $f($height, $climb):
    $days = $pos = 0
    while $pos < $height and $days < 6:
        $pos += $climb
        $days += 1
        if $pos >= $height:
            break
        $pos -= min($climb // 2, $pos)
    return «$days|($days, $pos)|$days if $pos >= $height else -1»
"""),
    ("str UDLRUR", """
def $f($moves):
    $x = $y = 0
    for $m in $moves:
        if $m == 'U':
            $y += 1
        elif $m == 'D':
            $y -= 1
        elif $m == 'R':
            $x += 1
        else:
            $x -= 1
    return «($x, $y)|abs($x) + abs($y)|$x == 0 and $y == 0|"home" if not $x and not $y else "away"»
"""),
    ("str LRFF", """
def $f($path):
    $dirs = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    $facing, $x, $y = 0, 0, 0
    for $step in $path:
        if $step == 'R':
            $facing = ($facing + 1) % 4
        elif $step == 'L':
            $facing = ($facing - 1) % 4
        else:
            $x += $dirs[$facing][0]
            $y += $dirs[$facing][1]
    return «[$x, $y]|($x, $y, 'NESW'[$facing])»
"""),
    ("ints 1 9; ints 1 9", """
def $f($a, $b):
    $rounds = 0
    while $a and $b and $rounds < 5:
        $x, $y = $a.pop(0), $b.pop(0)
        if $x > $y:
            $a.append($x)
        elif $y > $x:
            $b.append($y)
        $rounds += 1
    return «len($a), len($b)|$a or $b|"A" if len($a) > len($b) else "B" if $b else "?"»
"""),
    ("ints 1 9; int 2 9", """
def $f($queue, $slice):
    $time, $done = 0, []
    $jobs = list(enumerate($queue[:4]))
    while $jobs:
        $id, $left = $jobs.pop(0)
        if $left > $slice:
            $time += $slice
            $jobs.append(($id, $left - $slice))
        else:
            $time += $left
            $done.append(($id, $time))
    return $done
"""),
    ("int 1 9; int 1 9; int 1 9", """
def $f($x, $y, $z):
    $result = $x
    if $y > $result:
        $result = $y
    if $z > $result:
        $result = $z
    if $result == $x == $y or $result == $y == $z:
        $result *= 10
    return $result
"""),
    ("= «None|0|''|'abc'|[]|[1, 2]|7|3.5|{}|{'a': 1}|(1,)|True»", """
def $f($value):
    if $value is None:
        return 'none'
    if isinstance($value, bool):
        return 'flag'
    if not $value:
        return 'empty'
    if isinstance($value, (list, tuple)):
        return 'sequence of ' + str(len($value))
    if isinstance($value, (int, float)):
        return 'number'
    return type($value).__name__
"""),
    ("= ['«a|»', «0|5», «None|2», '«x|»']", """
def $f($values):
    $kept = []
    for $v in $values:
        if $v is None:
            $kept.append('?')
        elif $v or $v == 0:
            $kept.append($v)
    return «$kept|$kept[0] or $kept[-1]|len($kept) < len($values)»
"""),
    ("int 0 5; = «None|0|3|8»; = «''|'x'»", """
def $f($a, $b=None, $c=''):
    $first = $b or $a
    $second = $a and $b
    $third = $c or 'default'
    if not ($first and $second):
        return $third, $first
    return $first + $second
"""),
    ("ints 0 9", """
def $f($nums):
    $state = 'start'
    for $n in $nums:
        if $state == 'start' and $n > 4:
            $state = 'high'
        elif $state == 'high' and $n < 3:
            $state = 'low'
        elif $state == 'low' and $n % 2 == 0:
            $state = 'start'
    return $state
"""),
    ("ints 0 9", """
def $f($readings):
    $alerts = 0
    $previous = None
    for $r in $readings:
        if $previous is not None and abs($r - $previous) > «2|3|4»:
            $alerts += 1
        if $alerts == 2:
            return «'stop'|True|$r»
        $previous = $r
    return «$alerts|False|$previous»
"""),
    ("int 10 80; ints 1 9 5", """
def $f($guess, $hints):
    $low, $high = 0, 100
    for $h in $hints:
        $mid = ($low + $high) // 2
        if $mid == $guess:
            return f'found {$mid}'
        if $mid < $guess:
            $low = $mid + $h % 2
        else:
            $high = $mid
    return «($low, $high)|$high - $low»
"""),
    ("= '«#0-9»«+|-»«#0-9»«+|-»«#0-9»'", """
def $f($expr):
    $total, $sign = 0, 1
    for $c in $expr:
        if $c == '+':
            $sign = 1
        elif $c == '-':
            $sign = -1
        else:
            $total += $sign * int($c)
    return $total
"""),
    ("= [5, «5|10», «5|10|20», «10|20», «5|20»]", """
def $f($bills):
    $fives = $tens = 0
    for $b in $bills:
        if $b <= 5:
            $fives += 1
        elif $b <= 10 and $fives > 0:
            $fives -= 1
            $tens += 1
        elif $b > 10 and $tens and $fives:
            $tens, $fives = $tens - 1, $fives - 1
        else:
            return False
    return «True|$fives, $tens»
"""),
    ("ints 0 1", """
def $f($bed, $n=1):
    $planted = 0
    for $i in range(len($bed)):
        $left = $i == 0 or $bed[$i - 1] == 0
        $right = $i == len($bed) - 1 or $bed[$i + 1] == 0
        if $bed[$i] == 0 and $left and $right:
            $bed[$i] = 1
            $planted += 1
    return «$planted >= $n|$planted|$bed»
"""),
    ("ints 1 3", """
def $f($ratings):
    $sweets = [1] * len($ratings)
    for $i in range(1, len($ratings)):
        if $ratings[$i] > $ratings[$i - 1]:
            $sweets[$i] = $sweets[$i - 1] + 1
    for $i in range(len($ratings) - 2, -1, -1):
        if $ratings[$i] > $ratings[$i + 1] and $sweets[$i] <= $sweets[$i + 1]:
            $sweets[$i] = $sweets[$i + 1] + 1
    return «sum($sweets)|$sweets»
"""),
    ("= [«#1-9|9», «9|#0-9», «9|#0-9»]", """
def $f($digits):
    $i = len($digits) - 1
    while $i >= 0 and $digits[$i] == 9:
        $digits[$i] = 0
        $i -= 1
    if $i < 0:
        return [1] + $digits
    $digits[$i] += 1
    return $digits
"""),
    ("int 1 9; int 1 9; int 1 9; int 1 9", """
def $f($s1, $e1, $s2, $e2):
    if $s1 > $e1:
        $s1, $e1 = $e1, $s1
    if $s2 > $e2:
        $s2, $e2 = $e2, $s2
    if $e1 < $s2 or $e2 < $s1:
        return «None|"no overlap"|0»
    return «(max($s1, $s2), min($e1, $e2))|min($e1, $e2) - max($s1, $s2)»
"""),
    ("ints 1 9; int 0 3", """
def $f($xs, $n):
    if $n == 0 or len($xs) < 2:
        return $xs
    for _ in range($n):
        $last = $xs[-1]
        for $i in range(len($xs) - 1, 0, -1):
            $xs[$i] = $xs[$i - 1]
        $xs[0] = $last
    return $xs
"""),
    ("ints 1 9", """
def $f($xs):
    $swapped = True
    $passes = 0
    while $swapped:
        $swapped = False
        for $i in range(len($xs) - 1):
            if $xs[$i] > $xs[$i + 1]:
                $xs[$i], $xs[$i + 1] = $xs[$i + 1], $xs[$i]
                $swapped = True
        $passes += 1
    return «$xs, $passes|$passes|$xs»
"""),
    ("ints 1 9 5", """
def $f($arr):
    if len($arr) < 3:
        return False
    $i = 0
    while $i + 1 < len($arr) and $arr[$i] < $arr[$i + 1]:
        $i += 1
    if $i == 0 or $i == len($arr) - 1:
        return False
    while $i + 1 < len($arr) and $arr[$i] > $arr[$i + 1]:
        $i += 1
    return $i == len($arr) - 1
"""),
    ("ints 1 9", """
def $f($xs):
    $up = $down = True
    for $i in range(1, len($xs)):
        if $xs[$i] > $xs[$i - 1]:
            $down = False
        if $xs[$i] < $xs[$i - 1]:
            $up = False
    if $up and $down:
        return 'flat'
    return 'up' if $up else 'down' if $down else 'mixed'
"""),
)  # fmt: skip
