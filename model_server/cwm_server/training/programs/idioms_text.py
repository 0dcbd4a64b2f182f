"""Idioms about text: parsing, checking, formatting, encoding."""

from __future__ import annotations

TEXT: tuple[tuple[str, str], ...] = (
    ("phrase the cat a Dog ran", """
def $f($sentence):
    $vowels = $consonants = $others = 0
    for $ch in $sentence.lower():
        if $ch in 'aeiou':
            $vowels += 1
        elif 'a' <= $ch <= 'z':
            $consonants += 1
        else:
            $others += 1
    return «($vowels, $consonants)|$vowels > $consonants|$others|{'v': $vowels, 'c': $consonants}»
"""),
    ("= '«|_|a|Zip|7»«#0-9»«|x|-| y»'", """
def $f($name):
    if not $name:
        return "empty"
    if $name[0].isdigit():
        return "Not Valid"
    for $c in $name:
        if not ($c.isalnum() or $c == '_'):
            return "Not Valid"
    return "Valid"
"""),
    ("= '«ann|bob.k|»«@|@|@|@@|-»«mail|x»«.com|.org|»'", """
def $f($email):
    if $email.count('@') != 1:
        return False
    $user, $domain = $email.split('@')
    if not $user or not $domain:
        return False
    if '.' not in $domain or $domain.endswith('.'):
        return False
    return «True|$user|len($domain)|($user, $domain)»
"""),
    ("= '«+|-||x»«#0-99»«||.5|k»'", """
def $f($s):
    $i = 0
    if $s and $s[0] in '+-':
        $i = 1
    if $i == len($s):
        return False
    $dots = 0
    while $i < len($s):
        if $s[$i] == '.':
            $dots += 1
        elif not $s[$i].isdigit():
            return False
        $i += 1
    return $dots <= 1
"""),
    ("= '«-||+»«#0-999»«|abc|x»'", """
def $f($s):
    $sign, $value, $pos = 1, 0, 0
    if $s[0] == '-':
        $sign, $pos = -1, 1
    elif $s[0] == '+':
        $pos = 1
    while $pos < len($s) and '0' <= $s[$pos] <= '9':
        $value = $value * 10 + (ord($s[$pos]) - ord('0'))
        $pos += 1
    return $sign * $value
"""),
    ("str abcAB", """
def $f($s):
    $out = ''
    for $c in $s:
        if $c.islower():
            $out += $c.upper()
        elif $c in 'AEIOU':
            $out += '*'
        else:
            $out += $c.lower()
    return $out
"""),
    ("= '«a3b2|x1y4|z2|c12|ab3»'", """
def $f($s):
    $result = ''
    $i = 0
    while $i < len($s):
        $ch = $s[$i]
        $num = ''
        $i += 1
        while $i < len($s) and $s[$i].isdigit():
            $num += $s[$i]
            $i += 1
        $result += $ch * (int($num) if $num else 1)
    return $result
"""),
    ("str aab", """
def $f($s):
    $out = ''
    for $c in $s:
        if not $out or $out[-1] != $c:
            $out += $c
    return «$out|len($s) - len($out)|$out == $s»
"""),
    ("str aabb", """
def $f($s):
    $stack = []
    for $ch in $s:
        if $stack and $stack[-1] == $ch:
            $stack.pop()
        else:
            $stack.append($ch)
    return ''.join($stack) or «'empty'|''»
"""),
    ("str abc", """
def $f($text):
    for $i, $ch in enumerate($text):
        if $text.count($ch) == 1:
            return «$ch|$i|($i, $ch)»
    return «None|'_'|-1»
"""),
    ("str abcba; str abcba", """
def $f($s, $t):
    $i = 0
    for $ch in $t:
        if $i < len($s) and $s[$i] == $ch:
            $i += 1
    return $i == len($s)
"""),
    ("str ab; str ab", """
def $f($a, $b):
    if len($a) != len($b):
        return «False|"different length"»
    $k = 0
    while $k < len($a):
        if $a[$k:] + $a[:$k] == $b:
            return «True|$k»
        $k += 1
    return «False|-1»
"""),
    ("str aba", """
def $f($s):
    $best = ''
    for $i in range(len($s)):
        for $j in range($i + 1, min(len($s), $i + 4) + 1):
            $part = $s[$i:$j]
            if $part == $part[::-1] and len($part) > len($best):
                $best = $part
    return $best
"""),
    ("str abab", """
def $f($s):
    $i, $j = 0, len($s) - 1
    $skipped = False
    while $i < $j:
        if $s[$i] == $s[$j]:
            $i, $j = $i + 1, $j - 1
        elif $skipped:
            return False
        else:
            $skipped = True
            $j -= 1
    return True
"""),
    ("phrase apple is red egg go", """
def $f($text):
    $out = []
    for $word in $text.split():
        if $word[0] in 'aeiou':
            $out.append($word + 'way')
        elif len($word) > 2:
            $out.append($word[1:] + $word[0] + 'ay')
        else:
            $out.append($word)
    return ' '.join($out)
"""),
    ("phrase new york city of the", """
def $f($title):
    $small = ('of', 'the', 'and')
    $words = $title.split()
    $done = []
    for $i, $w in enumerate($words):
        if $i > 0 and $w in $small:
            $done.append($w)
        else:
            $done.append($w.capitalize())
    return ' '.join($done)
"""),
    ("phrase ann bob cid dee; int 5 12", """
def $f($text, $width):
    $lines, $line = [], ''
    for $word in $text.split():
        if not $line:
            $line = $word
        elif len($line) + 1 + len($word) <= $width:
            $line += ' ' + $word
        else:
            $lines.append($line)
            $line = $word
    if $line:
        $lines.append($line)
    return $lines
"""),
    ("= '«#0-25»:«#0-70»'", """
def $f($clock):
    $h, $m = [int($p) for $p in $clock.split(':')]
    if not (0 <= $h < 24 and 0 <= $m < 60):
        return «"Not Valid"|None|'??:??'»
    $half = 'am' if $h < 12 else 'pm'
    $h = $h % 12 or 12
    return f'{$h}:{$m:02d} {$half}'
"""),
    ("= '«3+4|12-5|2*8|9/3|7%2|5»'", """
def $f($expr):
    for $op in '+-*':
        if $op in $expr:
            $a, $b = $expr.split($op)
            if $op == '+':
                return int($a) + int($b)
            if $op == '-':
                return int($a) - int($b)
            return int($a) * int($b)
    return «None|'unknown'|$expr»
"""),
    ("= 'x=«#1-9»; y=«#1-9»;«z|w=4»'".replace("; y", ";y"), """
def $f($line):
    $out = {}
    for $part in $line.split(';'):
        $name, $eq, $value = $part.partition('=')
        if $eq:
            $out[$name] = int($value)
        else:
            $out[$name] = «None|True|0»
    return $out
"""),
    ("str abz; int -3 3", """
def $f($s, $k):
    $coded = ''
    for $c in $s:
        $n = ord($c) - 97 + $k
        if $n > 25:
            $n -= 26
        elif $n < 0:
            $n += 26
        $coded += chr($n + 97)
    return $coded
"""),
    ("str abc", """
def $f($s):
    $total = 0
    for $i, $c in enumerate($s, 1):
        $v = ord($c) - ord('a') + 1
        $total += $v * $i if $i % 2 else $v
    return $total «|% 10|% 2 == 0»
"""),
    ("= '«4|5|6»«#100-999»«#0-99»'", """
def $f($digits):
    $total = 0
    for $i, $ch in enumerate(reversed($digits)):
        $d = int($ch)
        if $i % 2 == 1:
            $d *= 2
            if $d > 9:
                $d -= 9
        $total += $d
    return $total % 10 == 0
"""),
    ("= '«MCM|XIV|IX|VI|XL|LX|DC|III»'", """
def $f($roman):
    $values = {'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}
    $total = 0
    for $i in range(len($roman)):
        $v = $values[$roman[$i]]
        if $i + 1 < len($roman) and $v < $values[$roman[$i + 1]]:
            $total -= $v
        else:
            $total += $v
    return $total
"""),
    ("= '«2024-05-17|17/05/2024|2024-5-1|May 3|99-12-31»'", """
import re

def $f($text):
    $m = re.fullmatch(r'(\\d{4})-(\\d{1,2})-(\\d{1,2})', $text)
    if $m is None:
        return «None|"Not matched"»
    $y, $mo, $d = map(int, $m.groups())
    if $mo > 12 or $d > 31:
        return False
    return «($d, $mo, $y)|f'{$d:02d}/{$mo:02d}/{$y}'|$y + $mo + $d»
"""),
    ("= '«a1b22|no digits|7up|x-3-y-40|»'", """
import re

def $f($s):
    $numbers = [int($n) for $n in re.findall(r'\\d+', $s)]
    if not $numbers:
        return 0
    return «sum($numbers)|max($numbers)|[$n for $n in $numbers if $n % 2]|$numbers[-1]»
"""),
    ("str aAb1!", """
import re

def $f($password):
    if len($password) < «#2-5»:
        return 'short'
    $score = 0
    for $pattern in ('[a-z]', '[A-Z]', '[0-9]', '[^a-zA-Z0-9]'):
        if re.search($pattern, $password):
            $score += 1
    return ['bad', 'weak', 'ok', 'good', 'great'][$score]
"""),
    ("int 0 9999999", """
def $f($n):
    $s = str($n)
    $out = ''
    while len($s) > 3:
        $out = ',' + $s[-3:] + $out
        $s = $s[:-3]
    return $s + $out
"""),
    ("int 0 30", """
def $f($n):
    $ones = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
    if $n < 10:
        return $ones[$n]
    if $n < 20:
        return 'teen ' + $ones[$n - 10]
    $word = 'twenty' if $n < 30 else 'thirty'
    if $n % 10:
        $word += '-' + $ones[$n % 10]
    return $word
"""),
    ("some a bb ccc dd e", """
def $f($words):
    $joined = ''
    for $i, $w in enumerate($words):
        if $i == 0:
            $joined = $w
        elif $i == len($words) - 1:
            $joined += ' and ' + $w
        else:
            $joined += ', ' + $w
    return $joined or «'nothing'|None»
"""),
)  # fmt: skip
