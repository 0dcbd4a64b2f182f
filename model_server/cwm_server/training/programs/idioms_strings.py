# ruff: noqa: E501
"""Idioms about strings."""

from __future__ import annotations

STRINGS: tuple[tuple[str, str], ...] = (
    ("str", """
def $f($text):
    $count = 0
    for $ch in $text:
        if $ch «in 'aeiou'|in "aeiouAEIOU"|.isupper()|.isdigit()|== 'a'|!= ' '|.lower() in 'aeiou'»:
            $count += 1
    return $count
""".replace("$ch .", "$ch.")),
    ("str", """
def $f($s):
    $counts = {}
    for $c in $s:
        if $c in $counts:
            $counts[$c] += 1
        else:
            $counts[$c] = 1
    return $counts
"""),
    ("str", """
def $f($s):
    $counts = {}
    for $c in $s:
        $counts[$c] = $counts.get($c, 0) + 1
    return «max($counts, key=$counts.get) if $counts else None|sorted($counts.items())|[$c for $c in $counts if $counts[$c] == 1]|$counts»
"""),
    ("str", """
from collections import Counter

def $f($text):
    $counter = Counter($text)
    return «$counter.most_common(1)|$counter.most_common(2)|dict($counter)|sorted($counter)|len($counter)|max($counter.values(), default=0)»
"""),
    ("str", """
def $f($word):
    $left, $right = 0, len($word) - 1
    while $left < $right:
        if $word[$left] != $word[$right]:
            return False
        $left += 1
        $right -= 1
    return True
"""),
    ("str", """
def $f($text):
    $cleaned = ''.join($c for $c in $text.lower() if $c.isalnum())
    return $cleaned == $cleaned[::-1]
"""),
    ("str", """
def $f($text):
    $result = ''
    for $c in $text:
        $result = $c + $result
    return $result
"""),
    ("str", """
def $f($s):
    if len($s) <= 1:
        return $s
    return $f($s[1:]) + $s[0]
"""),
    ("str abcxyzABC ; int 1 5", """
def $f($text, $shift):
    $result = []
    for $char in $text:
        if $char.isalpha():
            $base = ord('a') if $char.islower() else ord('A')
            $result.append(chr((ord($char) - $base + $shift) % 26 + $base))
        else:
            $result.append($char)
    return ''.join($result)
"""),
    ("str", """
def $f($sentence):
    $words = $sentence.split()
    $result = []
    for $word in $words:
        $result.append($word«.capitalize()|[::-1]|.upper()|[0]|[:2]|.strip('.,!')|.replace('a', '@')»)
    return «' '.join($result)|$result|'_'.join($result)|''.join($result)»
"""),
    ("str", """
def $f($sentence):
    $longest = ''
    for $word in $sentence.split():
        if len($word) > len($longest):
            $longest = $word
    return «$longest|len($longest)|($longest, len($longest))»
"""),
    ("str", """
def $f($text):
    return ' '.join($word«[::-1]|.title()|[0].upper() + $word[1:]|.lower()» for $word in $text.split())
"""),
    ("str aabbbc", """
def $f($s):
    if not $s:
        return ''
    $result = ''
    $count = 1
    for $i in range(1, len($s)):
        if $s[$i] == $s[$i - 1]:
            $count += 1
        else:
            $result += $s[$i - 1] + str($count)
            $count = 1
    $result += $s[-1] + str($count)
    return $result
"""),
    ("str aabbbc", """
from itertools import groupby

def $f($text):
    $runs = []
    for $key, $group in groupby($text):
        $runs.append(«($key, len(list($group)))|$key + str(len(list($group)))|''.join($group)»)
    return $runs
"""),
    ("str ()[]{}", """
def $f($expr):
    $stack = []
    $pairs = {')': '(', ']': '[', '}': '{'}
    for $ch in $expr:
        if $ch in '([{':
            $stack.append($ch)
        elif $ch in $pairs:
            if not $stack or $stack.pop() != $pairs[$ch]:
                return False
    return not $stack
"""),
    ("str ()", """
def $f($s):
    $depth = 0
    $deepest = 0
    for $c in $s:
        if $c == '(':
            $depth += 1
            $deepest = max($deepest, $depth)
        elif $c == ')':
            $depth -= 1
            if $depth < 0:
                return -1
    return $deepest
"""),
    ("str; str", """
def $f($a, $b):
    return sorted($a.lower()) == sorted($b.lower())
"""),
    ("str abc; str abc", """
def $f($first, $second):
    $common = []
    for $ch in $first:
        if $ch in $second and $ch not in $common:
            $common.append($ch)
    return «$common|''.join($common)|len($common)|sorted($common)»
"""),
    ("str abcab; str abcab", """
def $f($a, $b):
    $diffs = 0
    for $x, $y in zip($a, $b):
        if $x != $y:
            $diffs += 1
    return $diffs + abs(len($a) - len($b))
"""),
    ("list[str]", """
def $f($words):
    if not $words:
        return ''
    $prefix = $words[0]
    for $word in $words[1:]:
        while not $word.startswith($prefix):
            $prefix = $prefix[:-1]
    return $prefix
"""),
    ("str", """
def $f($name):
    $result = ''
    for $i, $ch in enumerate($name):
        if $ch.isupper() and $i > 0:
            $result += '_'
        $result += $ch.lower()
    return $result
"""),
    ("= 'snake_case_name'", """
def $f($name):
    $first, *$rest = $name.split('_')
    return $first + ''.join($part.title() for $part in $rest)
"""),
    ("= «'a=1,b=2'|'x=10;y=20'|'name=Ada,age=36'|'k=v'|'a=1,b'|''»; = «','|';'»", """
def $f($text, $sep):
    $result = {}
    for $item in $text.split($sep):
        if '=' not in $item:
            continue
        $key, $value = $item.split('=', 1)
        $result[$key.strip()] = int($value) if $value.isdigit() else $value
    return $result
"""),
    ("= «'12'|'abc'|'-7'|'3.5'|''|' 42 '|'0x1f'|'1e3'»", """
def $f($raw):
    try:
        return «int|float»($raw)
    except ValueError:
        return «None|0|-1|'not a number'»
"""),
    ("= «'3 4 +'|'5 1 2 + 4 * + 3 -'|'2 3 * 4 +'|'7 2 -'»", """
def $f($expression):
    $stack = []
    for $token in $expression.split():
        if $token in ('+', '-', '*'):
            $b = $stack.pop()
            $a = $stack.pop()
            if $token == '+':
                $stack.append($a + $b)
            elif $token == '-':
                $stack.append($a - $b)
            else:
                $stack.append($a * $b)
        else:
            $stack.append(int($token))
    return $stack.pop()
"""),
    ("str; int 3 12", """
def $f($text, $width):
    if len($text) > $width:
        return $text[:$width - 3] + '...'
    return $text«|.ljust($width)|.center($width, '-')|.rjust($width, '.')»
"""),
    ("= «'the cat sat on the mat'|'a b a c b a'|'one fish two fish'|'to be or not to be'»", """
def $f($text):
    $freq = {}
    for $word in $text.split():
        $freq[$word] = $freq.get($word, 0) + 1
    return «sorted($freq, key=lambda w: (-$freq[w], w))|{w: c for w, c in $freq.items() if c > 1}|max($freq.values())|$freq|sorted($freq.items(), key=lambda p: p[1], reverse=True)»
"""),
    ("str", """
import re

def $f($text):
    return re.«sub(r'[aeiou]', '', $text)|findall(r'[a-z]+', $text)|findall(r'\\\\d+', $text)|sub(r'\\\\s+', ' ', $text)|split(r'[ ,-]', $text)|sub(r'[^a-z]', '', $text)»
""".replace("\\\\", "\\")),
    ("str", """
import re

def $f($text):
    $match = re.search(r'«[a-z]+|[0-9]+|[A-Z]|a.*b|o+|^[a-z]»', $text)
    if $match:
        return $match.group()
    return «None|'no match'|''»
"""),
    ("str ab; str ab", """
def $f($text, $pattern):
    $positions = []
    $start = 0
    while True:
        $start = $text.find($pattern, $start)
        if $start == -1:
            break
        $positions.append($start)
        $start += 1
    return $positions
"""),
    ("str", """
def $f($s):
    $upper = $lower = $other = 0
    for $c in $s:
        if $c.isupper():
            $upper += 1
        elif $c.islower():
            $lower += 1
        else:
            $other += 1
    return «($upper, $lower, $other)|{'upper': $upper, 'lower': $lower}|[$upper, $lower, $other]»
"""),
    ("str abcdef", """
def $f($s):
    $evens = $s[::2]
    $odds = $s[1::2]
    return «$evens + $odds|$odds + $evens|($evens, $odds)|$evens.upper() + $odds»
"""),
    ("str abcab", """
def $f($s):
    $seen = set()
    $out = []
    for $c in $s:
        if $c not in $seen:
            $seen.add($c)
            $out.append($c)
    return ''.join($out)
"""),
    ("str abcabc", """
def $f($s):
    $seen = {}
    $best = $start = 0
    for $i, $ch in enumerate($s):
        if $ch in $seen and $seen[$ch] >= $start:
            $start = $seen[$ch] + 1
        $seen[$ch] = $i
        $best = max($best, $i - $start + 1)
    return $best
"""),
    ("str abc; int 1 3", """
def $f($text, $size):
    $chunks = []
    for $i in range(0, len($text), $size):
        $chunks.append($text[$i:$i + $size])
    return $chunks
"""),
    ("list[str]", """
def $f($words):
    $groups = {}
    for $word in $words:
        $key = «$word[0]|len($word)|$word[-1]|''.join(sorted($word))»
        if $key not in $groups:
            $groups[$key] = []
        $groups[$key].append($word)
    return $groups
"""),
    ("= «'10101'|'1100'|'11'|'0'|'1000'»", """
def $f($binary):
    $value = 0
    for $bit in $binary:
        $value = $value * 2 + «int($bit)|($bit == '1')|(1 if $bit == '1' else 0)»
    return $value
"""),
    ("= «'192.168.0.1'|'256.1.1.1'|'1.2.3'|'10.0.0.255'|'a.b.c.d'»", """
def $f($address):
    $parts = $address.split('.')
    if len($parts) != 4:
        return False
    for $part in $parts:
        if not $part.isdigit():
            return False
        if int($part) > 255:
            return False
    return True
"""),
    ("= «'secret1A'|'short'|'LONGENOUGH1'|'nodigitsHERE'|'Passw0rd'»", """
def $f($candidate):
    $errors = []
    if len($candidate) < 8:
        $errors.append(«'too short'|"length"»)
    if not any($c.isdigit() for $c in $candidate):
        $errors.append('no digit')
    if $candidate.lower() == $candidate:
        $errors.append('no upper case')
    return «$errors|not $errors|len($errors) == 0, $errors»
"""),
    ("str; = «'a'|'o'|'e'|' '»; = «'-'|'_'|''|'zz'»", """
def $f($text, $old, $new):
    $result = ''
    for $ch in $text:
        if $ch == $old:
            $result += $new
        else:
            $result += $ch
    return $result
"""),
    ("str", """
def $f($s):
    $result = []
    for $i, $c in enumerate($s):
        if $i % 2 == 0:
            $result.append($c.upper())
        else:
            $result.append($c.lower())
    return "".join($result)
"""),
    ("= «'Ada'|'bob'|''»; int 1 50; = «True|False»", """
def $f($name, $age, $formal=False):
    if not $name:
        return «'nobody'|"?"»
    $title = «'Dr. '|'Mx '» if $formal else ''
    return f"{$title}{$name«.title()|.upper()|»} ({$age})"
"""),
)  # fmt: skip
