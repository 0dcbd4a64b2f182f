# ruff: noqa: E501
"""The same small tasks as a beginner and as an expert writes them."""

from __future__ import annotations

VERSIONS: tuple[tuple[str, str], ...] = (
    ("ints 0 9", """
def $f($myList):
    $newList = []
    for $i in range(0, len($myList)):
        $element = $myList[$i]
        if ($element % 2) == 0:
            $newList = $newList + [$element]
        else:
            pass
    return $newList
"""),
    ("ints 0 9", """
def $f($myList):
    $flag = False
    $i = 0
    while ($flag == False) and ($i < len($myList)):
        if $myList[$i] > «5|6|7»:
            $flag = True
        $i = $i + 1
    if $flag == True:
        return "Yes"
    else:
        return "No"
"""),
    ("int 0 99", """
def $f($num):
    $result = ""
    if $num % 2 == 0:
        $result = $result + "even"
    if $num % 2 != 0:
        $result = $result + "odd"
    if $num > 50:
        $result = $result + " big"
    return $result
"""),
    ("int 0 99", """
def $f($num):
    return ('odd' if $num % 2 else 'even') + (' big' if $num > 50 else '')«|.upper()|[:4]»
"""),
    ("str abcab; = «'a'|'b'|'z'»", """
def $f($txt, $ch):
    $cnt = 0
    $idx = 0
    while True:
        if $idx == len($txt):
            break
        if $txt[$idx] == $ch:
            $cnt = $cnt + 1
        $idx = $idx + 1
    if $cnt == 0:
        return "none"
    return $cnt
"""),
    ("str abcab; = «'a'|'b'|'z'»", """
def $f($txt, $ch):
    return sum($c == $ch for $c in $txt) or «'none'|-1|None»
"""),
    ("ints 1 9 3", """
def $f($a):
    $b = $a[:]
    $b.sort()
    $c = $b[::-1]
    if $a == $b:
        return "ascending"
    elif $a == $c:
        return "descending"
    else:
        return "unsorted"
"""),
    ("= [«#1-5», «#2-5», «#1-5»]", """
def $f($l):
    $x = $l[0]
    $y = $l[1]
    $z = $l[2]
    if $x < $y and $y < $z:
        return 1
    if $x > $y and $y > $z:
        return -1
    return 0
"""),
    ("ints 0 5; ints 0 5", """
def $f($first, $second):
    $result = []
    for $a in $first:
        $present = False
        for $b in $second:
            if $a == $b:
                $present = True
                break
        if not $present:
            $result.append($a)
    return $result
"""),
    ("= '«12|a b|3-4|Hello|7 5|x1y»'", """
def $f($s):
    $s = $s.replace(' ', '')
    $s = $s.lower()
    if $s.isalpha() == True:
        $s = $s.title()
    elif $s.isdigit() == True:
        $s = int($s)
    else:
        $s = sorted($s)
    return $s
"""),
    ("ints 1 9; int 0 3", """
def $f($numbers, $n):
    $temp = $numbers[0]
    $numbers[0] = $numbers[-1]
    $numbers[-1] = $temp
    if $n < len($numbers):
        return $numbers[$n]
    return $numbers
"""),
    ("int 1 9; int 1 9", """
def $f($a, $b):
    $product = 0
    if $a > $b:
        $a, $b = $b, $a
    while $a > 0:
        $product = $product + $b
        $a = $a - 1
    return $product
"""),
    ("ints -5 9", """
def $f($data):
    $smallest = 999
    $largest = -999
    $sum = 0
    for $d in $data:
        $sum += $d
        if $d < $smallest:
            $smallest = $d
        if $d > $largest:
            $largest = $d
    $avg = $sum / len($data)
    return «[$smallest, $largest, round($avg, 1)]|$largest - $smallest if $avg > 3 else $sum|$avg > ($smallest + $largest) / 2»
"""),
    ("phrase one two tree four", """
def $f($sentence):
    $words = []
    $current = ""
    for $letter in $sentence + " ":
        if $letter != " ":
            $current += $letter
        elif $current != "":
            $words.append($current)
            $current = ""
    return «$words|$words[::-1]|len($words)|max($words, key=len)»
"""),
    ("phrase one two tree four", """
def $f($sentence):
    return «' '.join(reversed($sentence.split()))|' '.join($w for $w in $sentence.split() if len($w) > 3)|' '.join(sorted($sentence.split(), key=lambda $w: $w[-1]))|{$w: $sentence.split().count($w) for $w in $sentence.split()}|[$w.upper() if $i % 2 else $w for $i, $w in enumerate($sentence.split())]»
"""),
    ("= [«1|2», '«a|b»', «True|None», 2.5, '«7|x»']", """
def $f($mixed):
    $numbers, $strings = 0, ''
    for $m in $mixed:
        if type($m) == int or type($m) == float:
            $numbers += $m
        elif type($m) == str:
            if $m.isdigit():
                $numbers += int($m)
            else:
                $strings += $m
    return ($numbers, $strings)
"""),
    ("ints 1 9; ints 1 9", """
def $f($a, $b):
    $c = []
    $n = len($a) if len($a) < len($b) else len($b)
    for $i in range($n):
        $c += [$a[$i], $b[$i]]
    if len($a) > $n:
        $c += $a[$n:]
    if len($b) > $n:
        $c += $b[$n:]
    return $c
"""),
    ("ints 1 9; ints 1 9", """
from itertools import zip_longest

def $f($a, $b):
    return [$x for $pair in zip_longest($a, $b) for $x in $pair if $x is not None«| and $x > 3| and $x % 2»]
"""),
    ("int 1 5; int 1 5", """
def $f($w, $h):
    $out = ""
    for $y in range($h):
        for $x in range($w):
            if $y == 0 or $y == $h - 1 or $x == 0 or $x == $w - 1:
                $out = $out + "#"
            else:
                $out = $out + "«.| »"
        if $y != $h - 1:
            $out = $out + "/"
    return $out
"""),
    ("= («#1-9», «#1-9», «#1-9»); int 1 9", """
def $f($tup, $x):
    $as_list = list($tup)
    if $x in $as_list:
        $as_list.remove($x)
    else:
        $as_list.insert(1, $x)
    return tuple($as_list)
"""),
)  # fmt: skip
