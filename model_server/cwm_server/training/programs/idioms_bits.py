"""Idioms about bits, masks and number systems."""

from __future__ import annotations

BITS: tuple[tuple[str, str], ...] = (
    ("int 0 63", """
def $f($n):
    $count = 0
    while $n:
        $count += $n & 1
        $n >>= 1
    return «$count|$count % 2|"odd" if $count % 2 else "even"|$count > 2»
"""),
    ("int 0 255", """
def $f($n):
    $steps = 0
    while $n > 0:
        $n &= $n - 1
        $steps += 1
    return $steps
"""),
    ("int 0 40", """
def $f($n):
    if $n > 0 and $n & ($n - 1) == 0:
        return «True|"Yes"|$n.bit_length() - 1»
    return «False|"No"|-1»
"""),
    ("int 0 63; int 0 5", """
def $f($n, $k):
    if $n & (1 << $k):
        return «True|$n ^ (1 << $k)|$n & ~(1 << $k)|"set"»
    return «False|$n | 1|$n|"unset"»
""".replace("$n | 1|", "")),
    ("int 0 31; int 0 31", """
def $f($a, $b):
    $x = $a ^ $b
    $different = 0
    while $x:
        if $x % 2 == 1:
            $different += 1
        $x //= 2
    return «$different|$different <= 1|($a ^ $b, $different)»
"""),
    ("= «[3, 1, 3]|[4, 4, 2, 2, 7]|[5]|[6, 1, 6, 1]|[2, 9, 2, 9, 9]»", """
def $f($nums):
    $single = 0
    for $n in $nums:
        $single ^= $n
    return «$single|$single if $single else None|$single in $nums»
"""),
    ("int 1 60", """
def $f($n):
    $best = $gap = 0
    while $n % 2 == 0:
        $n //= 2
    while $n:
        if $n & 1:
            $best = max($best, $gap)
            $gap = 0
        else:
            $gap += 1
        $n >>= 1
    return $best
"""),
    ("int 0 30", """
def $f($n):
    $prev = $n & 1
    $n >>= 1
    while $n:
        if $n & 1 == $prev:
            return False
        $prev = $n & 1
        $n >>= 1
    return True
"""),
    ("int 0 15; int 3 5", """
def $f($n, $width):
    $bits = ''
    for $i in range($width - 1, -1, -1):
        $bits += '1' if $n >> $i & 1 else '0'
    return «$bits|$bits[::-1]|int($bits[::-1], 2)|$bits.count('1') > $width // 2»
"""),
    ("= «['a', 'b']|[1, 2]|['x', 'y', 'z']|[4]»", """
def $f($items):
    $subsets = []
    for $mask in range(1 << len($items)):
        $subset = []
        for $i in range(len($items)):
            if $mask >> $i & 1:
                $subset.append($items[$i])
        if len($subset) «!= 1|> 1|% 2 == 0»:
            $subsets.append($subset)
    return $subsets
"""),
    ("= '«101|11|1|110|0»'; = '«11|1|10|111»'", """
def $f($a, $b):
    $i, $j, $carry = len($a) - 1, len($b) - 1, 0
    $out = ''
    while $i >= 0 or $j >= 0 or $carry:
        $s = $carry
        if $i >= 0:
            $s += int($a[$i])
            $i -= 1
        if $j >= 0:
            $s += int($b[$j])
            $j -= 1
        $out = str($s % 2) + $out
        $carry = $s // 2
    return $out
"""),
    ("= '«ff|1a|20|7|c0»'", """
def $f($hexa):
    $value = 0
    for $ch in $hexa:
        if $ch.isdigit():
            $d = int($ch)
        else:
            $d = ord($ch) - ord('a') + 10
        $value = $value * 16 + $d
    return $value
"""),
    ("int 1 300; int 2 16", """
def $f($n, $base):
    $symbols = '0123456789ABCDEF'
    $out = ''
    while $n > 0:
        $n, $r = divmod($n, $base)
        $out = $symbols[$r] + $out
    return «$out|$out == $out[::-1]|len($out)»
"""),
    ("int 0 7", """
def $f($mode):
    $flags = []
    for $bit, $name in ((4, 'r'), (2, 'w'), (1, 'x')):
        $flags.append($name if $mode & $bit else '-')
    $text = ''.join($flags)
    return «$text|$text if $mode else 'none'|('w' in $text, $text)»
"""),
    ("int 0 12; int 0 12", """
def $f($a, $b):
    $product = 0
    while $b > 0:
        if $b & 1:
            $product += $a
        $a <<= 1
        $b >>= 1
    return $product
"""),
    ("= '«101|1102|0011|2|1000|»'", """
def $f($s):
    if not $s or set($s) - {'0', '1'}:
        return «"Not binary"|None|-1»
    $total, $power = 0, 1
    for $c in reversed($s):
        if $c == '1':
            $total += $power
        $power *= 2
    return $total
"""),
)  # fmt: skip
