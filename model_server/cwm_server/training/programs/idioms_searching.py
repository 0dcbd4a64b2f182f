"""Idioms about finding, counting and moving elements of a list."""

from __future__ import annotations

SEARCHING: tuple[tuple[str, str], ...] = (
    ("ints 0 6; int 0 6", """
def $f($nums, $target):
    $i = 0
    while $i < len($nums) and $nums[$i] != $target:
        $i += 1
    if $i == len($nums):
        return «-1|"Not found"|None»
    return «$i|f"found at {$i}"|$i + 1»
"""),
    ("ints 0 5; int 0 5", """
def $f($arr, $x):
    $last = -1
    for $i in range(len($arr)):
        if $arr[$i] == $x:
            $last = $i
    return $last
"""),
    ("ints 0 5; int 0 5", """
def $f($values, $wanted):
    $first = $last = None
    for $pos, $v in enumerate($values):
        if $v == $wanted:
            if $first is None:
                $first = $pos
            $last = $pos
    return ($first, $last)
"""),
    ("ints 1 9", """
def $f($nums):
    if len($nums) < 2:
        return «-1|None|"too short"»
    $first = $second = float('-inf')
    for $n in $nums:
        if $n > $first:
            $second = $first
            $first = $n
        elif $n > $second and $n != $first:
            $second = $n
    return $second if $second != float('-inf') else None
"""),
    ("ints 1 9", """
def $f($lst):
    $unique = sorted(set($lst))
    if len($unique) < 2:
        return "No second «largest|smallest»"
    return $unique[«-2|1»]
"""),
    ("ints -4 4", """
def $f($nums):
    $pos = $neg = $zero = 0
    for $n in $nums:
        if $n > 0:
            $pos += 1
        elif $n < 0:
            $neg += 1
        else:
            $zero += 1
    return «[$pos, $neg, $zero]|$pos > $neg|{'pos': $pos, 'neg': $neg, 'zero': $zero}|max($pos, $neg, $zero)»
"""),
    ("ints 0 3", """
def $f($nums):
    $write = 0
    for $read in range(len($nums)):
        if $nums[$read] != 0:
            $nums[$write], $nums[$read] = $nums[$read], $nums[$write]
            $write += 1
    return $nums
"""),
    ("ints 0 3; int 0 3", """
def $f($arr, $val):
    $k = 0
    for $x in $arr:
        if $x == $val:
            continue
        $arr[$k] = $x
        $k += 1
    del $arr[$k:]
    return $arr
"""),
    ("sorted ints 0 4", """
def $f($nums):
    if not $nums:
        return 0
    $k = 1
    for $i in range(1, len($nums)):
        if $nums[$i] != $nums[$i - 1]:
            $nums[$k] = $nums[$i]
            $k += 1
    return «$k|$nums[:$k]»
"""),
    ("sorted ints 0 9; int 4 14", """
def $f($arr, $goal):
    $lo, $hi = 0, len($arr) - 1
    while $lo < $hi:
        $s = $arr[$lo] + $arr[$hi]
        if $s == $goal:
            return ($arr[$lo], $arr[$hi])
        if $s < $goal:
            $lo += 1
        else:
            $hi -= 1
    return «None|()|False»
"""),
    ("ints 0 2", """
def $f($colors):
    $low, $mid, $high = 0, 0, len($colors) - 1
    while $mid <= $high:
        if $colors[$mid] == 0:
            $colors[$low], $colors[$mid] = $colors[$mid], $colors[$low]
            $low += 1
            $mid += 1
        elif $colors[$mid] == 1:
            $mid += 1
        else:
            $colors[$mid], $colors[$high] = $colors[$high], $colors[$mid]
            $high -= 1
    return $colors
"""),
    ("ints 1 9", """
def $f($xs):
    $left, $right = 0, len($xs) - 1
    while $left < $right:
        $xs[$left], $xs[$right] = $xs[$right], $xs[$left]
        $left += 1
        $right -= 1
    return $xs
"""),
    ("ints 0 9", """
def $f($nums):
    $i, $j = 0, len($nums) - 1
    while $i < $j:
        if $nums[$i] % 2 == 0:
            $i += 1
        elif $nums[$j] % 2 == 1:
            $j -= 1
        else:
            $nums[$i], $nums[$j] = $nums[$j], $nums[$i]
    return $nums
"""),
    ("ints 1 9; ints 1 9", """
def $f($a, $b):
    $i = $j = 0
    $out = []
    $a.sort()
    $b.sort()
    while $i < len($a) and $j < len($b):
        if $a[$i] == $b[$j]:
            $out.append($a[$i])
            $i += 1
            $j += 1
        elif $a[$i] < $b[$j]:
            $i += 1
        else:
            $j += 1
    return $out
"""),
    ("ints 0 9", """
def $f_isPeak($arr, $i):
    if $i > 0 and $arr[$i - 1] >= $arr[$i]:
        return False
    if $i < len($arr) - 1 and $arr[$i + 1] >= $arr[$i]:
        return False
    return True


def $f($arr):
    for $i in range(len($arr)):
        if $f_isPeak($arr, $i):
            return «$i|$arr[$i]|($i, $arr[$i])»
    return -1
"""),
    ("ints 1 6", """
def $f($nums):
    $total = sum($nums)
    $left = 0
    for $i, $n in enumerate($nums):
        if $left == $total - $left - $n:
            return $i
        $left += $n
    return -1
"""),
    ("ints 1 3", """
def $f($votes):
    $candidate = None
    $count = 0
    for $v in $votes:
        if $count == 0:
            $candidate = $v
        $count += 1 if $v == $candidate else -1
    if $votes.count($candidate) > len($votes) // 2:
        return $candidate
    return «None|-1|"no majority"»
"""),
    ("ints 0 1", """
def $f($bits):
    $best = $run = 0
    for $b in $bits:
        if $b == «1|0»:
            $run += 1
            if $run > $best:
                $best = $run
        else:
            $run = 0
    return $best
"""),
    ("ints 0 9", """
def $f($nums):
    $longest = $length = 1
    for $i in range(1, len($nums)):
        if $nums[$i] «>|>=|<|==» $nums[$i - 1]:
            $length += 1
        else:
            $length = 1
        $longest = max($longest, $length)
    return $longest
"""),
    ("ints 0 7", """
def $f($nums):
    $seen = set($nums)
    $n = 0
    while $n in $seen:
        $n += 1
    return $n
"""),
    ("= «[1, 2, 4, 5]|[2, 3, 1]|[1, 3]|[4, 1, 2]|[2]»", """
def $f($nums):
    $n = len($nums) + 1
    $missing = $n * ($n + 1) // 2 - sum($nums)
    if $missing < 1 or $missing > $n:
        return None
    return $missing
"""),
    ("ints 1 8; int 1 10", """
def $f($arr, $k):
    $count = 0
    for $i, $a in enumerate($arr):
        for $b in $arr[$i + 1:]:
            if «abs($a - $b) == $k|$a + $b > $k|($a + $b) % $k == 0|$a * $b <= $k»:
                $count += 1
    return $count
"""),
    ("ints 1 6; int 3 12", """
def $f($nums, $limit):
    $start = $total = $best = 0
    for $end in range(len($nums)):
        $total += $nums[$end]
        while $total > $limit:
            $total -= $nums[$start]
            $start += 1
        $best = max($best, $end - $start + 1)
    return $best
"""),
    ("sorted ints 0 9; int 0 9", """
def $f($arr, $x):
    $low, $high = 0, len($arr)
    while $low < $high:
        $mid = ($low + $high) // 2
        if $arr[$mid] «<|<=» $x:
            $low = $mid + 1
        else:
            $high = $mid
    return $low
"""),
    ("sorted ints 0 9; int 0 9", """
def $f($items, $item):
    for $i in range(len($items)):
        if $items[$i] >= $item:
            $items.insert($i, $item)
            break
    else:
        $items.append($item)
    return $items
"""),
    ("ints 0 9; int 0 9", """
def $f($nums, $n):
    $closest = $nums[0]
    for $x in $nums:
        if abs($x - $n) < abs($closest - $n) or abs($x - $n) == abs($closest - $n) and $x < $closest:
            $closest = $x
    return $closest
"""),
    ("ints 0 12 5", """
def $f($heights):
    $water = 0
    for $i in range(1, len($heights) - 1):
        $left = max($heights[:$i])
        $right = max($heights[$i + 1:])
        $level = min($left, $right)
        if $level > $heights[$i]:
            $water += $level - $heights[$i]
    return $water
"""),
    ("ints 1 9", """
def $f($arr):
    $leaders = []
    $best = 0
    for $x in reversed($arr):
        if $x > $best:
            $leaders.append($x)
            $best = $x
    return $leaders«|[::-1]|[0]»
"""),
    ("ints 1 9", """
def $f($nums):
    for $i in range(0, len($nums) - 1, 2):
        $nums[$i], $nums[$i + 1] = $nums[$i + 1], $nums[$i]
    return $nums
"""),
    ("ints 1 5; ints 1 5", """
def $f($a, $b):
    if len($a) != len($b):
        return False
    for $x in $a:
        if $a.count($x) != $b.count($x):
            return False
    return True
"""),
    ("ints 1 4; ints 1 4 3", """
def $f($big, $small):
    $n, $m = len($big), len($small)
    for $i in range($n - $m + 1):
        if $big[$i:$i + $m] == $small:
            return «True|$i»
    return «False|-1»
"""),
    ("ints 1 9; ints 1 9 3", """
def $f($main, $sub):
    $pos = 0
    for $x in $main:
        if $pos < len($sub) and $x == $sub[$pos]:
            $pos += 1
    return $pos == len($sub)
"""),
)  # fmt: skip
