"""Idioms about numbers: divisors, digits, series, shapes and money."""

from __future__ import annotations

ARITHMETIC: tuple[tuple[str, str], ...] = (
    ("= «6|28|12|18|#1-40»", """
def $f_divisors($n):
    $total = 0
    for $d in range(1, $n // 2 + 1):
        if $n % $d == 0:
            $total += $d
    return $total


def $f($n):
    $s = $f_divisors($n)
    if $s == $n:
        return "perfect"
    if $s > $n:
        return "abundant"
    return "deficient"
"""),
    ("int 10 9999", """
def $f($n):
    $original, $rev = $n, 0
    while $n > 0:
        $rev = $rev * 10 + $n % 10
        $n //= 10
    return «$original == $rev|$rev|"Yes" if $original == $rev else "No"|$rev > $original»
"""),
    ("int 0 99999", """
def $f($n):
    while $n > 9:
        $n = sum(int($d) for $d in str($n))
    return $n
"""),
    ("int 1 9999", """
def $f($num):
    $odd = $even = 0
    for $ch in str($num):
        if int($ch) % 2:
            $odd += int($ch)
        else:
            $even += int($ch)
    return «$odd - $even|($odd, $even)|$odd > $even|abs($odd - $even)»
"""),
    ("int 1 99999", """
def $f($n):
    $biggest, $smallest = 0, 9
    while $n:
        $n, $digit = divmod($n, 10)
        if $digit > $biggest:
            $biggest = $digit
        if $digit < $smallest:
            $smallest = $digit
    return «$biggest - $smallest|[$smallest, $biggest]|$biggest»
"""),
    ("int 1 99", """
def $f_squares($n):
    return sum(int($c) ** 2 for $c in str($n))


def $f($n):
    $seen = []
    while $n != 1 and $n not in $seen and len($seen) < 5:
        $seen.append($n)
        $n = $f_squares($n)
    return «$n == 1|len($seen)|"happy" if $n == 1 else "sad"»
"""),
    ("int 1 200", """
def $f($n):
    if $n < 1:
        return False
    for $p in (2, 3, 5):
        while $n % $p == 0:
            $n //= $p
    return $n == 1
"""),
    ("int 0 130", """
def $f($n):
    $root = 0
    while $root * $root < $n:
        $root += 1
    return «$root * $root == $n|$root|$root if $root * $root == $n else -1»
"""),
    ("= «1|4|8|9|16|27|32|64|12|18|#1-64»; int 2 4", """
def $f($n, $base):
    $power = 0
    while $n > 1 and $n % $base == 0:
        $n //= $base
        $power += 1
    if $n == 1:
        return «True|$power|f"{$base}**{$power}"»
    return «False|-1|"no power"»
"""),
    ("int 1 30; int 1 30", """
def $f($a, $b):
    $x = min($a, $b)
    while $a % $x or $b % $x:
        $x -= 1
    return «$x|$a * $b // $x|($a // $x, $b // $x)|$x == 1»
"""),
    ("int 3 5; int 3 6; int 3 10", """
def $f($a, $b, $c):
    if $a + $b <= $c or $a + $c <= $b or $b + $c <= $a:
        return "Not Valid"
    if $a == $b == $c:
        return "Equilateral"
    elif $a == $b or $b == $c or $a == $c:
        return "Isosceles"
    else:
        return "Scalene"
"""),
    ("= «3|4|6|#2-9»; = «4|8|#2-9»; = «5|10|#3-10»", """
def $f($x, $y, $z):
    $short1, $short2, $long = sorted([$x, $y, $z])
    $left = $short1 ** 2 + $short2 ** 2
    $right = $long ** 2
    if $left == $right:
        return 'right'
    return 'acute' if $left > $right else 'obtuse'
"""),
    ("int -2 2; int -3 3", """
def $f($x, $y):
    if $x == 0 and $y == 0:
        return "origin"
    if $x == 0 or $y == 0:
        return "axis"
    if $x > 0:
        return «1 if $y > 0 else 4|"I" if $y > 0 else "IV"»
    return «2 if $y > 0 else 3|"II" if $y > 0 else "III"»
"""),
    ("int 2 12; int 1 12", """
def $f($length, $width=None):
    if $width is None or $width == $length:
        $kind = 'square'
        $area = $length ** 2
    else:
        $kind = 'rectangle'
        $area = $length * $width
    return $kind, $area
"""),
    ("= «'circle'|'square'|'triangle'|'hexagon'»; int 1 9; int 1 9", """
import math

def $f($shape, $a, $b):
    $shape = $shape.lower()
    if $shape == 'circle':
        return round(math.pi * $a ** 2, 2)
    if $shape == 'square':
        return $a * $a
    if $shape == 'triangle':
        return $a * $b / 2
    return «-1|None|0»
"""),
    ("int 2 5; int 1 5; int 3 7", """
def $f($first, $step, $count):
    $terms = []
    $term = $first
    while len($terms) < $count:
        $terms.append($term)
        $term «+= $step|= $term * 2 - $step|*= $step|= $step - $term»
    return «$terms|sum($terms)|$terms[-1]»
"""),
    ("int 1 9", """
def $f($n):
    $s = 0
    for $k in range(1, $n + 1):
        if $k % 2 == 0:
            $s -= $k
        else:
            $s += $k«| * $k| * 2»
    return $s
"""),
    ("int 1 7", """
def $f($n):
    $total = 0.0
    $sign = 1
    for $i in range($n):
        $total += $sign / (2 * $i + 1)
        $sign = -$sign
    return round($total, «2|3|4»)
"""),
    ("int 2 30; int 2 40", """
def $f_prime($n):
    if $n < 2:
        return False
    $d = 2
    while $d * $d <= $n:
        if $n % $d == 0:
            return False
        $d += 1
    return True


def $f($lo, $hi):
    $found = []
    for $n in range($lo, min($hi, $lo + «#3-6»)):
        if $f_prime($n):
            $found.append($n)
    return «$found|len($found)|sum($found)|$found[-1] if $found else None»
"""),
    ("int 4 20", """
def $f_isPrime($n):
    return $n > 1 and all($n % $d for $d in range(2, int($n ** 0.5) + 1))


def $f($n):
    if $n % 2:
        return None
    for $p in range(2, $n // 2 + 1):
        if $f_isPrime($p) and $f_isPrime($n - $p):
            return $p, $n - $p
    return False
"""),
    ("int 1 30", """
def $f($n):
    $count = 0
    for $a in range(1, $n):
        if $a * $a > $n:
            break
        $b = $n - $a * $a
        $root = int($b ** 0.5)
        if $root >= $a and $root * $root == $b:
            $count += 1
    return $count
"""),
    ("int 0 40", """
def $f($n):
    $a, $b = 0, 1
    while $b < $n:
        $a, $b = $b, $a + $b
    return «$b == $n|$n in (0, $b)|$b - $n < $n - $a|$a»
"""),
    ("int 0 120; int 1 5", """
def $f($units, $tier):
    if $units <= «#20-50»:
        $bill = $units * 2
    elif $units <= «#60-90»:
        $bill = 50 + ($units - 20) * 3
    else:
        $bill = 150 + ($units - 60) * 5
    if $tier > 3:
        $bill -= $bill // 10
    return $bill
"""),
    ("int 500 9000", """
def $f($income):
    $brackets = [(1000, 0), (3000, 10), (6000, 20)]
    $tax, $previous = 0, 0
    for $limit, $rate in $brackets:
        if $income <= $previous:
            break
        $taxable = min($income, $limit) - $previous
        $tax += $taxable * $rate / 100
        $previous = $limit
    if $income > $previous:
        $tax += ($income - $previous) * 0.3
    return «$tax|int($tax)|$income - $tax»
"""),
    ("int 1 60; int 1 3", """
def $f($amount, $smallest):
    $used = []
    for $note in [50, 20, 10, 5, 2, 1]:
        if $note < $smallest:
            continue
        while $amount >= $note:
            $amount -= $note
            $used.append($note)
    return $used if $amount == 0 else None
"""),
    ("int 100 900; int 1 12; int 1 4", """
def $f($principal, $rate, $years):
    $balance = $principal
    for _ in range($years):
        $balance += $balance * $rate / 100
        if $balance > «#600-900»:
            $balance -= 10
    return round($balance, 2)
"""),
    ("int 10 99", """
def $f($n):
    $tens, $ones = $n // 10, $n % 10
    if $tens < $ones:
        $tens, $ones = $ones, $tens
    $diff = ($tens * 10 + $ones) - ($ones * 10 + $tens)
    return $diff «|% 9 == 0|// 9|== 0»
"""),
    ("int 1 500; int 1 500", """
def $f($a, $b):
    $carries = $carry = 0
    while $a > 0 or $b > 0:
        if $a % 10 + $b % 10 + $carry >= 10:
            $carry = 1
            $carries += 1
        else:
            $carry = 0
        $a //= 10
        $b //= 10
    return $carries
"""),
    ("= «#0-2600|#1-500|2024|300|#2000-2300»", """
def $f($year):
    $century = $year // 100
    if $year % 100 != 0:
        $century += 1
    $suffix = 'th'
    if $century % 100 not in (11, 12, 13):
        if $century % 10 == 1:
            $suffix = 'st'
        elif $century % 10 == 2:
            $suffix = 'nd'
        elif $century % 10 == 3:
            $suffix = 'rd'
    return str($century) + $suffix
"""),
    ("int 1 9; int 1 9; int 1 9", """
def $f($a, $b, $c):
    if $a >= $b and $a >= $c:
        $largest = $a
    elif $b >= $a and $b >= $c:
        $largest = $b
    else:
        $largest = $c
    $smallest = $a if $a < $b and $a < $c else $b if $b < $c else $c
    return «$a + $b + $c - $largest - $smallest|$largest - $smallest|($smallest, $largest)|$largest»
"""),
    ("int -20 20", """
def $f($n):
    if $n == 0:
        return "zero"
    $parity = "even" if $n % 2 == 0 else "odd"
    $sign = "positive" if $n > 0 else "negative"
    return «$sign + " " + $parity|f"{$parity}-{$sign}"|($sign, $parity)»
"""),
    ("int 5 60; float", """
def $f($weight, $height):
    $height = abs($height) / 50 + 1
    $bmi = round($weight / ($height * $height), 1)
    if $bmi < 8:
        $label = 'under'
    elif 8 <= $bmi < 14:
        $label = 'normal'
    elif $bmi < 25:
        $label = 'over'
    else:
        $label = 'obese'
    return «$label|($bmi, $label)»
"""),
)  # fmt: skip
