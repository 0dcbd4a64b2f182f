# ruff: noqa: E501
"""Idioms about numbers."""

from __future__ import annotations

NUMBERS: tuple[tuple[str, str], ...] = (
    ("int 1 30", """
def $f($n):
    if $n < 2:
        return False
    for $i in range(2, int($n ** 0.5) + 1):
        if $n % $i == 0:
            return False
    return True
"""),
    ("int 2 60", """
def $f($n):
    $factors = []
    $d = 2
    while $d * $d <= $n:
        while $n % $d == 0:
            $factors.append($d)
            $n //= $d
        $d += 1
    if $n > 1:
        $factors.append($n)
    return $factors
"""),
    ("int 0 12", """
def $f($n):
    $a, $b = 0, 1
    for _ in range($n):
        $a, $b = $b, $a + $b
    return $a
"""),
    ("int 0 6", """
def $f($n):
    if $n «<= 1|< 2|== 0»:
        return «1|$n + 1»
    return $n * $f($n - 1)
"""),
    ("int 1 60; int 1 60", """
def $f($a, $b):
    while $b:
        $a, $b = $b, $a % $b
    return $a
"""),
    ("int 1 40; int 1 40", """
def $f_gcd($a, $b):
    if $b == 0:
        return $a
    return $f_gcd($b, $a % $b)


def $f($a, $b):
    return $a * $b // $f_gcd($a, $b)
"""),
    ("int 1 9999", """
def $f($number):
    $total = 0
    for $digit in str($number):
        $total += int($digit) «|** 2|* 2»
    return $total
"""),
    ("int 1 9999", """
def $f($number):
    $total = 0
    while $number > 0:
        $total += $number % 10
        $number //= 10
    return $total
"""),
    ("int 1 40", """
def $f($n):
    $steps = 0
    while $n != 1 and $steps < «#6-20»:
        if $n % 2 == 0:
            $n = $n // 2
        else:
            $n = 3 * $n + 1
        $steps += 1
    return $steps
"""),
    ("int 1 30", """
def $f($n):
    if $n % 15 == 0:
        return «"FizzBuzz"|'Both'»
    elif $n % 3 == 0:
        return «"Fizz"|'Three'»
    elif $n % 5 == 0:
        return «"Buzz"|'Five'»
    return str($n)
"""),
    ("int 3 9", """
def $f($limit):
    $result = []
    for $i in range(1, $limit + 1):
        if $i % «2|3» == 0 and $i % «3|2|5» == 0:
            $result.append(«word»)
        elif $i % «2|3» == 0:
            $result.append(«word»)
        else:
            $result.append(«$i|str($i)»)
    return $result
"""),
    ("int 0 255", """
def $f($n):
    if $n == 0:
        return '0'
    $bits = ''
    while $n:
        $bits = str($n % 2) + $bits
        $n //= 2
    return $bits
"""),
    ("int 1 40", """
def $f($n):
    return [$d for $d in range(1, $n + 1) if $n % $d == 0]
"""),
    ("int 1 30", """
def $f($n):
    $total = sum($i for $i in range(1, $n) if $n % $i == 0)
    return $total == $n
"""),
    ("int 0 1000", """
def $f($score):
    if $score >= «#80-95»:
        $grade = 'A'
    elif $score >= «#60-79»:
        $grade = 'B'
    elif $score >= «#40-59»:
        $grade = 'C'
    else:
        $grade = 'F'
    return $grade
"""),
    ("float; float", """
def $f($price, $rate):
    $discount = $price * $rate / 100
    $final = $price - $discount
    if $final < 0:
        $final = 0
    return round($final, 2)
"""),
    ("int 1 9; int 0 5", """
def $f($base, $exp):
    $result = 1
    while $exp > 0:
        if $exp % 2 == 1:
            $result *= $base
        $base *= $base
        $exp //= 2
    return $result
"""),
    ("int 1 5; int 0 3", """
def $f($base, $exponent):
    if $exponent == 0:
        return 1
    $half = $f($base, $exponent // 2)
    if $exponent % 2 == 0:
        return $half * $half
    return $half * $half * $base
"""),
    ("float", """
def $f($celsius):
    \"\"\"Convert.\"\"\"
    return $celsius * 9 / 5 + 32
"""),
    ("int; int; int", """
def $f($a, $b, $c):
    if $a > $b:
        $a, $b = $b, $a
    if $b > $c:
        $b, $c = $c, $b
    if $a > $b:
        $a, $b = $b, $a
    return «$b|($a, $b, $c)|[$a, $b, $c]|$a»
"""),
    ("int 0 5000", """
def $f($seconds):
    $hours, $rest = divmod($seconds, 3600)
    $minutes, $secs = divmod($rest, 60)
    return «f"{$hours:02d}:{$minutes:02d}:{$secs:02d}"|($hours, $minutes, $secs)|f'{$hours}h {$minutes}m {$secs}s'»
"""),
    ("int 1 30", """
def $f($num):
    $roman = ''
    for $value, $symbol in [(10, 'X'), (9, 'IX'), (5, 'V'), (4, 'IV'), (1, 'I')]:
        while $num >= $value:
            $roman += $symbol
            $num -= $value
    return $roman
"""),
    ("int 1 99", """
def $f($amount, $coins=(25, 10, 5, 1)):
    $counts = {}
    for $coin in $coins:
        $used, $amount = divmod($amount, $coin)
        if $used:
            $counts[$coin] = $used
    return $counts
"""),
    ("int 2 5", """
def $f($n):
    $rows = []
    for $i in range(1, $n + 1):
        $rows.append(«'*' * $i|' ' * ($n - $i) + '*' * $i|str($i) * $i|'#' * ($n - $i + 1)»)
    return «$rows|'\\n'.join($rows)»
"""),
    ("int 1 4", """
def $f($n):
    $triangle = [[1]]
    for _ in range($n):
        $row = $triangle[-1]
        $triangle.append([1] + [$row[$i] + $row[$i + 1] for $i in range(len($row) - 1)] + [1])
    return $triangle«|[-1]»
"""),
    ("int 1 3; = 'A'; = 'C'; = 'B'", """
def $f($n, $source, $target, $spare):
    if $n == 0:
        return 0
    $moves = $f($n - 1, $source, $spare, $target)
    $moves += 1
    return $moves + $f($n - 1, $spare, $target, $source)
"""),
    ("int 1 5; int 1 5", """
def $f($m, $n):
    $grid = [[1] * $n for _ in range($m)]
    for $i in range(1, $m):
        for $j in range(1, $n):
            $grid[$i][$j] = $grid[$i - 1][$j] + $grid[$i][$j - 1]
    return $grid[-1][-1]
"""),
    ("int 2 25", """
def $f($limit):
    $sieve = [True] * ($limit + 1)
    $primes = []
    for $p in range(2, $limit + 1):
        if $sieve[$p]:
            $primes.append($p)
            for $multiple in range($p * $p, $limit + 1, $p):
                $sieve[$multiple] = False
    return $primes
"""),
    ("int; int", """
def $f($a, $b):
    try:
        return $a «//|/|%» $b
    except ZeroDivisionError:
        return «None|0|-1|'undefined'»
"""),
    ("int 0 9; int 0 3", """
def $f($x, $y):
    try:
        $result = $x // $y
    except ZeroDivisionError as $error:
        $result = str($error)
    else:
        $result += «#1-9»
    finally:
        $x = 0
    return $result
"""),
    ("int -5 20", """
def $f($age):
    if $age < 0:
        raise ValueError(«"age must not be negative"|f"bad age: {$age}"|'negative'»)
    if $age < «#10-18»:
        return «'child'|"minor"|False»
    return «'adult'|"grown"|True»
"""),
    ("int 0 20; int 0 20", """
def $f($low, $high):
    $total = 0
    for $i in range($low, $high):
        if $i % «2|3|4» == 0:
            continue
        if $total > «#20-60»:
            break
        $total += $i
    else:
        $total = -$total
    return $total
"""),
    ("int 1 20", """
def $f($n):
    $count = 0
    $i = 1
    while $i <= $n:
        if $n % $i == 0:
            $count += 1
        $i += 1
    return $count «|== 2|% 2 == 1»
"""),
    ("int 1 7", """
def $f($n, $memo=None):
    if $memo is None:
        $memo = {}
    if $n in $memo:
        return $memo[$n]
    if $n <= 2:
        return 1
    $memo[$n] = $f($n - 1, $memo) + $f($n - 2, $memo)
    return $memo[$n]
"""),
    ("float; float; float", """
import math

def $f($a, $b, $c):
    $d = $b ** 2 - 4 * $a * $c
    if $d < 0:
        return None
    $root = math.sqrt($d)
    return round($root, 3)
"""),
    ("int 0 9; int 0 9; int 0 9; int 0 9", """
import math

def $f($x1, $y1, $x2, $y2):
    $dx = $x2 - $x1
    $dy = $y2 - $y1
    return «math.sqrt($dx ** 2 + $dy ** 2)|abs($dx) + abs($dy)|math.hypot($dx, $dy)|max(abs($dx), abs($dy))|round(math.dist(($x1, $y1), ($x2, $y2)), 2)»
"""),
    ("int 1900 2100", """
def $f($year):
    if $year % 400 == 0:
        return True
    if $year % 100 == 0:
        return False
    return $year % 4 == 0
"""),
    ("int 1 12; int 1 3000", """
def $f($month, $year):
    $days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    $leap = $year % 4 == 0 and ($year % 100 != 0 or $year % 400 == 0)
    if $month == 2 and $leap:
        return 29
    return $days[$month - 1]
"""),
    ("int 0 100", """
def $f_is_even($n):
    return $n % 2 == 0


def $f($n):
    $evens = 0
    while $n > 0:
        if $f_is_even($n % 10):
            $evens += 1
        $n //= 10
    return $evens
"""),
    ("int 1 999", """
def $f($n: int) -> bool:
    $digits = [int($d) for $d in str($n)]
    return sum($d ** len($digits) for $d in $digits) == $n
"""),
    ("int 1 5; int 1 5", """
def $f($n, $k):
    if $k == 0 or $k == $n:
        return 1
    if $k > $n:
        return 0
    return $f($n - 1, $k - 1) + $f($n - 1, $k)
"""),
    ("int; int; = «'+'|'-'|'*'|'/'|'add'»", """
def $f($x, $y, $op):
    if $op == '+':
        return $x + $y
    elif $op == '-':
        return $x - $y
    elif $op == '*':
        return $x * $y
    elif $op == '/':
        if $y == 0:
            return None
        return $x / $y
    else:
        raise ValueError(f'unknown operator: {$op}')
"""),
    ("int 1 9; = «'+'|'-'|'*'»; int 1 9", """
$OPSs = {
    '+': lambda a, b: a + b,
    '-': lambda a, b: a - b,
    '*': lambda a, b: a * b,
}

def $f($left, $op, $right):
    $func = $OPSs[$op]
    $value = $func($left, $right)
    return $value
"""),
    ("int 0 40; int 0 10; int 10 30", """
def $f($value, $low, $high):
    \"\"\"Keep the value within bounds.\"\"\"
    «return max($low, min($high, $value))|if $value < $low:
        return $low
    if $value > $high:
        return $high
    return $value»
"""),
)  # fmt: skip
