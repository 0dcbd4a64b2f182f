# ruff: noqa: E501
"""Idioms about stacks, queues, linked lists, trees, heaps and small classes."""

from __future__ import annotations

STRUCTURES: tuple[tuple[str, str], ...] = (
    ("some push push pop peek", """
def $f($commands):
    $stack = []
    $log = []
    for $n, $cmd in enumerate($commands):
        if $cmd == 'push':
            $stack.append($n)
        elif not $stack:
            $log.append('empty')
        elif $cmd == 'pop':
            $log.append($stack.pop())
        else:
            $log.append($stack[-1])
    return «$log|$stack|($stack, $log)|len($stack)»
"""),
    ("str ()x", """
def $f($s):
    $stack = []
    $pairs = []
    for $i, $c in enumerate($s):
        if $c == '(':
            $stack.append($i)
        elif $c == ')':
            if not $stack:
                return «$i|"unbalanced"|None»
            $pairs.append(($stack.pop(), $i))
    return «$pairs|len($stack)|$pairs if not $stack else False»
"""),
    ("str <>[]", """
def $f($text):
    $match = {'>': '<', ']': '['}
    $open = []
    for $ch in $text:
        if $ch in $match.values():
            $open.append($ch)
        elif $open and $open[-1] == $match[$ch]:
            $open.pop()
        else:
            return 'NO'
    return 'YES' if not $open else 'NO'
"""),
    ("ints 1 9", """
def $f($temps):
    $answer = [0] * len($temps)
    $stack = []
    for $i, $t in enumerate($temps):
        while $stack and $temps[$stack[-1]] < $t:
            $j = $stack.pop()
            $answer[$j] = $i - $j
        $stack.append($i)
    return $answer
"""),
    ("ints 1 9 5", """
def $f($nums):
    $result = []
    for $i in range(len($nums)):
        $nxt = -1
        for $j in range($i + 1, len($nums)):
            if $nums[$j] > $nums[$i]:
                $nxt = $nums[$j]
                break
        $result.append($nxt)
    return $result
"""),
    ("= '«/a/b/../c|/x/./y|/../q|/a/../../b|/»'", """
def $f($path):
    $parts = []
    for $p in $path.split('/'):
        if $p in ('', '.'):
            continue
        if $p == '..':
            if $parts:
                $parts.pop()
        else:
            $parts.append($p)
    return '/' + '/'.join($parts)
"""),
    ("= «['5', '2', 'C', 'D']|['3', 'D', '+']|['4', '1', '+', 'C']|['2']»", """
def $f($ops):
    $scores = []
    for $op in $ops:
        if $op == '+':
            $scores.append($scores[-1] + $scores[-2])
        elif $op == 'D':
            $scores.append($scores[-1] * 2)
        elif $op == 'C':
            $scores.pop()
        else:
            $scores.append(int($op))
    return sum($scores)
"""),
    ("int 2 6; int 2 3", """
from collections import deque

def $f($n, $k):
    $circle = deque(range(1, $n + 1))
    $out = []
    while len($circle) > 1:
        for _ in range($k - 1):
            $circle.append($circle.popleft())
        $out.append($circle.popleft())
    return «$circle[0]|$out|$out + list($circle)»
"""),
    ("int 2 7; int 2 3", """
def $f($n, $k):
    $people = list(range(1, $n + 1))
    $i = 0
    while len($people) > 1:
        $i = ($i + $k - 1) % len($people)
        del $people[$i]
    return $people[0]
"""),
    ("ints 1 9; int 1 3", """
from collections import deque

def $f($stream, $size):
    $window = deque(maxlen=$size)
    $averages = []
    for $x in $stream:
        $window.append($x)
        if len($window) == $size:
            $averages.append(sum($window) // $size)
    return $averages
"""),
    ("ints 1 9; int 1 4", """
import heapq

def $f($nums, $k):
    $heap = []
    for $n in $nums:
        heapq.heappush($heap, $n)
        if len($heap) > $k:
            heapq.heappop($heap)
    return «$heap[0]|sorted($heap)|$heap[0] if len($heap) == $k else None»
"""),
    ("ints 1 9 5", """
import heapq

def $f($ropes):
    heapq.heapify($ropes)
    $cost = 0
    while len($ropes) > 1:
        $pair = heapq.heappop($ropes) + heapq.heappop($ropes)
        $cost += $pair
        heapq.heappush($ropes, $pair)
    return $cost
"""),
    ("ints 1 9 4; int 1 9", """
class $C_Node:
    def __init__(self, $value, $next=None):
        self.value = $value
        self.next = $next


def $f($items, $x):
    $head = None
    for $item in reversed($items):
        $head = $C_Node($item, $head)
    $pos = 0
    $node = $head
    while $node is not None:
        if $node.value == $x:
            return $pos
        $node = $node.next
        $pos += 1
    return -1
"""),
    ("ints 1 9 4", """
def $f($values):
    $head = None
    for $v in $values:
        $head = {'value': $v, 'next': $head}
    $out = []
    while $head:
        if $head['value'] % 2 == «0|1»:
            $out.append($head['value'])
        $head = $head['next']
    return $out
"""),
    ("ints 1 9 4; int 1 9", """
class $C_Tree:
    def __init__(self, $key):
        self.key = $key
        self.left = None
        self.right = None

    def insert(self, $key):
        if $key < self.key:
            if self.left is None:
                self.left = $C_Tree($key)
            else:
                self.left.insert($key)
        elif self.right is None:
            self.right = $C_Tree($key)
        else:
            self.right.insert($key)


def $f($keys, $wanted):
    $root = $C_Tree($keys[0])
    for $k in $keys[1:]:
        $root.insert($k)
    $node = $root
    $depth = 0
    while $node and $node.key != $wanted:
        $node = $node.left if $wanted < $node.key else $node.right
        $depth += 1
    return $depth if $node else None
"""),
    ("= «(1, (2, None, None), (3, None, None))|(4, (2, (1, None, None), None), None)|None|(5, None, (6, None, None))»", """
def $f($tree):
    if $tree is None:
        return 0
    $value, $left, $right = $tree
    return «1 + max($f($left), $f($right))|$value + $f($left) + $f($right)|1 + $f($left) + $f($right)|$f($left) + $f($right) or 1|($value if $value % 2 == 0 else 0) + $f($left) + $f($right)»
"""),
    ("= «(2, (1, None, None), (3, None, None))|(4, (5, None, None), None)|(3, None, (6, None, None))»", """
def $f($node, $low=0, $high=«5|9»):
    if not $node:
        return True
    $key, $left, $right = $node
    if not $low < $key < $high:
        return False
    return $f($left, $low, $key) and $f($right, $key, $high)
"""),
    ("= «(2, (1, None, None), (3, None, None))|(4, (5, None, None), None)|(3, None, (6, None, None))»", """
def $f($root):
    $levels = []
    $row = [$root]
    while $row:
        $levels.append([$n[0] for $n in $row])
        $below = []
        for $n in $row:
            if $n[1]:
                $below.append($n[1])
            if $n[2]:
                $below.append($n[2])
        $row = $below
    return «$levels|len($levels)|[max($l) for $l in $levels]|$levels[-1]»
"""),
    ("int 0 50; ints -30 30 4", """
class $C_Account:
    def __init__(self, $balance=0):
        self.balance = $balance
        self.failed = 0

    def apply(self, $amount):
        if $amount < 0 and -$amount > self.balance:
            self.failed += 1
            return False
        self.balance += $amount
        return True


def $f($start, $moves):
    $acc = $C_Account($start)
    for $m in $moves:
        if not $acc.apply($m) and $acc.failed > 1:
            break
    return «$acc.balance|$acc.failed|($acc.balance, $acc.failed)»
"""),
    ("some a b c a; int 1 2", """
class $C_Cache:
    def __init__(self, $size):
        self.size = $size
        self.keys = []

    def get(self, $key):
        $hit = $key in self.keys
        if $hit:
            self.keys.remove($key)
        elif len(self.keys) == self.size:
            self.keys.pop(0)
        self.keys.append($key)
        return $hit


def $f($keys, $size):
    $cache = $C_Cache($size)
    $hits = 0
    for $k in $keys:
        if $cache.get($k):
            $hits += 1
    return «$hits|$cache.keys|($hits, $cache.keys)»
"""),
    ("int 1 6; int 1 6; = «'+'|'-'|'<'|'=='»", """
class $C_Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __eq__(self, other):
        return self.x == other.x and self.y == other.y

    def __add__(self, other):
        return $C_Point(self.x + other.x, self.y + other.y)


def $f($a, $b, $op):
    $p = $C_Point($a, $b)
    $q = $C_Point($b, $a)
    if $op == '==':
        return $p == $q
    if $op == '+':
        $r = $p + $q
        return ($r.x, $r.y)
    return $p.x < $q.x if $op == '<' else None
"""),
    ("some inc inc dec reset; int 0 3", """
class $C_Counter:
    «limit = 3|limit = 2»

    def __init__(self, $start):
        self.count = $start

    def step(self, $word):
        if $word == 'inc' and self.count < self.limit:
            self.count += 1
        elif $word == 'dec' and self.count > 0:
            self.count -= 1
        elif $word == 'reset':
            self.count = 0


def $f($words, $start):
    $c = $C_Counter($start)
    $history = []
    for $w in $words:
        $c.step($w)
        $history.append($c.count)
    return «$history|$c.count|max($history, default=$start)»
"""),
    ("some coin push push coin", """
def $f($events):
    $state = 'locked'
    $coins = 0
    for $e in $events:
        if $state == 'locked' and $e == 'coin':
            $state = 'open'
            $coins += 1
        elif $state == 'open' and $e == 'push':
            $state = 'locked'
        elif $e == 'coin':
            $coins += 1
    return «$state|($state, $coins)|$coins»
"""),
    ("= [(1, 2), (3, 4), «(2, 3)|(1, 4)|(1, 2)»]; = «1|2»; = «3|4»", """
def $f_root($parent, $x):
    while $parent.get($x, $x) != $x:
        $x = $parent[$x]
    return $x


def $f($edges, $a, $b):
    $parent = {}
    for $u, $v in $edges:
        $ru, $rv = $f_root($parent, $u), $f_root($parent, $v)
        if $ru != $rv:
            $parent[$ru] = $rv
    return $f_root($parent, $a) == $f_root($parent, $b)
"""),
    ("= {'a': ['b', 'c'], 'b': ['d'], 'c': [], 'd': [«'c'|»]}; = «'a'|'b'|'c'»; = «'d'|'c'|'a'»", """
from collections import deque

def $f($graph, $start, $goal):
    $dist = {$start: 0}
    $queue = deque([$start])
    while $queue:
        $node = $queue.popleft()
        if $node == $goal:
            return $dist[$node]
        for $n in $graph[$node]:
            if $n not in $dist:
                $dist[$n] = $dist[$node] + 1
                $queue.append($n)
    return -1
"""),
    ("= {'top': [«'mid'|'end'»], 'mid': ['end'], 'end': [«|'top'»]}", """
def $f($needs):
    $order = []
    $left = dict($needs)
    while $left:
        $ready = [$n for $n in $left if all($d in $order for $d in $left[$n])]
        if not $ready:
            return «None|'cycle'|sorted($left)»
        for $n in $ready:
            $order.append($n)
            del $left[$n]
    return $order
"""),
)  # fmt: skip
