"""Suites around a class."""

from __future__ import annotations

CLASSES: tuple[str, ...] = (
    """
class $C_stack:
    def __init__(self):
        self.$items = []

    def push(self, $item):
        self.$items.append($item)

    def pop(self):
        if not self.$items:
            raise IndexError(«'pop from empty stack'|"empty"»)
        return self.$items.pop()

    def peek(self):
        return self.$items[-1] if self.$items else None

    def __len__(self):
        return len(self.$items)


def test_$f_stack():
    $stack = $C_stack()
    $stack.push(«#0-9|word»)
    ?: $stack.push(«int»)
    assert $stack.pop() == ???
    ?: assert len($stack) == ???
    ?: assert $stack.peek() == ???
""",
    """
class $C_account:
    def __init__(self, owner, balance=0):
        self.owner = owner
        self.$balance = balance

    def deposit(self, $amount):
        if $amount <= 0:
            raise ValueError('«deposit must be positive|bad amount|amount»')
        self.$balance += $amount
        return self.$balance

    def withdraw(self, $amount):
        if $amount > self.$balance:
            raise ValueError("«insufficient funds|not enough»")
        self.$balance -= $amount
        return self.$balance


def test_$f_account():
    $account = $C_account(«Name», «#0-200»)
    $account.deposit(«#1-100»)
    ?: assert $account.$balance == ???
    try:
        $account.withdraw(«#1-300»)
    except ValueError as $error:
        assert str($error) == ???
    ?: assert $account.owner == ???
    assert $account.$balance == ???
""",
    """
import pytest


class $C_account:
    def __init__(self, $balance):
        self.$balance = $balance

    def take(self, $amount):
        if $amount > self.$balance:
            raise ValueError(f"only {self.$balance} left")
        self.$balance -= $amount


def test_$f_overdraw():
    $account = $C_account(«#1-50»)
    ?: $account.take(«#0-1»)
    with pytest.raises(ValueError):
        $account.take(«#60-99»)
    ?: assert $account.$balance == ???
""",
    """
import pytest


def $f_parse($text):
    if not $text.isdigit():
        raise ValueError(f'not a number: {$text!r}')
    return int($text)


def test_$f_parse():
    assert $f_parse('«#0-999»') == ???
    with pytest.raises(ValueError«|, match='not a number'») as $info:
        $f_parse(«'abc'|'-1'|'x7'|''»)
    ?: assert str($info.value) == ???
""",
    """
from dataclasses import dataclass, field


@dataclass
class $C_item:
    $name: str
    $price: float
    $count: int = 1

    def total(self):
        return self.$price * self.$count


def test_$f_item():
    $item = $C_item(«word», «#1-30», «#1-5»)
    assert $item.total() == ???
    ?: $item.$count += «#1-4»
    ?: assert $item.total() == ???
    ?: assert $item == $C_item($item.$name, $item.$price, $item.$count)
""",
    """
from dataclasses import dataclass, field


@dataclass
class $C_line:
    $label: str
    $amount: int


@dataclass
class $C_order:
    $customer: str
    $lines: list = field(default_factory=list)

    def add(self, $label, $amount):
        self.$lines.append($C_line($label, $amount))
        return self

    def total(self):
        return sum($line.$amount for $line in self.$lines)


def test_$f_order():
    $order = $C_order(«Name»)
    $order.add(«word», «#1-50»)
    ?: $order.add(«word», «#1-50»).add(«word», «#1-9»)
    assert $order.total() == ???
    ?: assert len($order.$lines) == ???
    ?: assert $order.$lines[0].$label == ???
""",
    """
class $C_shape:
    def area(self):
        raise NotImplementedError

    def describe(self):
        return f"{type(self).__name__} with area {self.area()}"


class $C_rect($C_shape):
    def __init__(self, $width, $height):
        self.$width = $width
        self.$height = $height

    def area(self):
        return self.$width * self.$height


class $C_square($C_rect):
    def __init__(self, $side):
        super().__init__($side, $side)


def test_$f_shapes():
    $shapes = [$C_rect(«#1-9», «#1-9»), $C_square(«#1-9»)]
    $areas = [$shape.area() for $shape in $shapes]
    assert $areas == ???
    ?: assert $shapes[«0|1|-1»].describe() == ???
""",
    """
class $C_point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return $C_point(self.x + other.x, self.y + other.y)

    def __eq__(self, other):
        return self.x == other.x and self.y == other.y

    def __repr__(self):
        return f"«$C_point|P»({self.x}, {self.y})"


def test_$f_add():
    $a = $C_point(«#0-9», «#-5-9»)
    $b = $C_point(«#0-9», «#0-9»)
    $c = $a + $b
    assert $c == $C_point($a.x + $b.x, $a.y + $b.y)
    ?: assert repr($c) == ???
    ?: assert ($c.x, $c.y) == ???
""",
    """
class $C_inventory:
    def __init__(self):
        self._$stocks = {}

    def add(self, $name, $qty=1):
        self._$stocks[$name] = self._$stocks.get($name, 0) + $qty

    def remove(self, $name, $qty=1):
        if self._$stocks.get($name, 0) < $qty:
            return False
        self._$stocks[$name] -= $qty
        if self._$stocks[$name] == 0:
            del self._$stocks[$name]
        return True

    def names(self):
        return sorted(self._$stocks)


def test_$f_inventory():
    $inv = $C_inventory()
    $inv.add('«noun»', «#1-6»)
    ?: $inv.add('«noun»')
    $inv.add('«noun»', «#2-4»)
    $ok = $inv.remove($inv.names()[0], «#1-5»)
    assert $ok is «True|False»
    assert $inv.names() == ???
""",
    """
class $C_counter:
    $total = 0

    def __init__(self, $start=0, $step=1):
        self.$value = $start
        self.$step = $step
        $C_counter.$total += 1

    def next(self):
        self.$value += self.$step
        return self.$value

    @property
    def doubled(self):
        return self.$value * 2

    @classmethod
    def from_text(cls, $text):
        $start, $step = $text.split(',')
        return cls(int($start), int($step))

    @staticmethod
    def is_even($number):
        return $number % 2 == 0


def test_$f_counter():
    $counter = $C_counter«(«#0-9», «#1-5»)|.from_text('«#0-9»,«#1-4»')»
    $counter.next()
    ?: $counter.next()
    assert $counter.$value == ???
    ?: assert $counter.doubled == ???
    ?: assert $C_counter.is_even($counter.$value) == ???
    ?: assert $C_counter.$total == 1
""",
    """
class $C_node:
    def __init__(self, $value, $next=None):
        self.$value = $value
        self.$next = $next


class $C_linked:
    def __init__(self, $values=()):
        self.$head = None
        for $value in reversed($values):
            self.$head = $C_node($value, self.$head)

    def __iter__(self):
        $node = self.$head
        while $node is not None:
            yield $node.$value
            $node = $node.$next

    def reverse(self):
        $prev = None
        $node = self.$head
        while $node:
            $node.$next, $prev, $node = $prev, $node, $node.$next
        self.$head = $prev


def test_$f_linked():
    $chain = $C_linked([«#0-9», «#0-9»])
    ?: assert list($chain) == ???
    $chain.reverse()
    assert list($chain) == ???
""",
    """
class $C_tree:
    def __init__(self, $value):
        self.$value = $value
        self.left = None
        self.right = None

    def insert(self, $value):
        if $value < self.$value:
            if self.left is None:
                self.left = $C_tree($value)
            else:
                self.left.insert($value)
        elif self.right is None:
            self.right = $C_tree($value)
        else:
            self.right.insert($value)

    def values(self):
        $result = []
        if self.left:
            $result += self.left.values()
        $result.append(self.$value)
        if self.right:
            $result += self.right.values()
        return $result


def test_$f_tree():
    $root = $C_tree(«#3-7»)
    for $value in («#0-9», «#0-9»):
        $root.insert($value)
    assert $root.values() == ???
    ?: assert $root.left is None
""",
    """
class $C_cache:
    def __init__(self, $size):
        self.$size = $size
        self.$datas = {}
        self.hits = 0

    def get(self, $key, $compute):
        if $key in self.$datas:
            self.hits += 1
            return self.$datas[$key]
        $value = $compute($key)
        if len(self.$datas) >= self.$size:
            $oldest = next(iter(self.$datas))
            del self.$datas[$oldest]
        self.$datas[$key] = $value
        return $value


def test_$f_cache():
    $cache = $C_cache(«1|2»)
    $results = [$cache.get(n, lambda x: x «* 2|+ 1|** 2») for n in («#1-3», «#1-3», «#1-3»)]
    assert $results == ???
    assert $cache.hits == ???
    ?: assert $cache.$datas == ???
""",
    """
class $C_error(Exception):
    def __init__(self, $field, $reason):
        super().__init__(f"{$field}: {$reason}")
        self.$field = $field


class $C_form:
    $required = ("name", "age")

    def __init__(self, **$values):
        self.$values = $values

    def check(self):
        for $field in self.$required:
            if $field not in self.$values:
                raise $C_error($field, "missing")
        if self.$values["age"] < 0:
            raise $C_error("age", "negative")
        return True


def test_$f_form():
    $form = $C_form(name=«Name»«, age=«#-3-40»|»)
    try:
        $valid = $form.check()
    except $C_error as $exc:
        $valid = False
        assert str($exc) == ???
    assert $valid == ???
""",
    """
class $C_timer:
    def __init__(self, $logs):
        self.$logs = $logs

    def __enter__(self):
        self.$logs.append('enter')
        return self

    def __exit__(self, kind, value, tb):
        self.$logs.append(«'exit'|kind.__name__ if kind else 'ok'»)
        return «True|kind is ValueError|False»


def test_$f_context():
    $logs = []
    with $C_timer($logs):
        $logs.append(«word»)
        ?: $x = int(«'7'|'x'|'12'»)
    ?: $logs.append('after')
    assert $logs == ???
""",
    """
class $C_matrix:
    def __init__(self, $rows):
        self.$rows = $rows

    def __getitem__(self, $index):
        $i, $j = $index
        return self.$rows[$i][$j]

    def __mul__(self, $k):
        return $C_matrix([[$v * $k for $v in $row] for $row in self.$rows])

    def transpose(self):
        return $C_matrix([list($col) for $col in zip(*self.$rows)])


def test_$f_matrix():
    $m = $C_matrix([[«#0-9», «#0-9»], [«#0-9», «#0-9»]])
    assert $m[«0|1», «0|1»] == ???
    ?: assert ($m * «2|3»).$rows == ???
    ?: assert $m.transpose().$rows == ???
""",
    """
from enum import Enum


class $C_color(Enum):
    RED = 1
    GREEN = 2
    BLUE = 3


def $f_next($color):
    $members = list($C_color)
    $index = $members.index($color)
    return $members[($index + «1|2») % len($members)]


def test_$f_next():
    $color = $f_next($C_color.«RED|GREEN|BLUE»)
    assert $color.name == ???
    ?: assert $color.value == ???
""",
    """
class $C_queue:
    def __init__(self, $limit):
        self.$limit = $limit
        self.$jobs = []
        self.dropped = 0

    def put(self, $job, $priority=0):
        if len(self.$jobs) == self.$limit:
            self.dropped += 1
            return False
        self.$jobs.append(($priority, $job))
        self.$jobs.sort()
        return True

    def get(self):
        return self.$jobs.pop(0)[1]


def test_$f_queue():
    $queue = $C_queue(«1|2»)
    for $n, $name in enumerate([«word», «word»]):
        $queue.put($name, «-$n|$n|5 - $n»)
    assert $queue.get() == ???
    assert $queue.dropped == ???
""",
    """
class $C_animal:
    sound = «'...'|"?"»

    def __init__(self, $name):
        self.$name = $name

    def speak(self):
        return f'{self.$name} says {self.sound}'


class $C_dog($C_animal):
    sound = «'Woof'|word»

    def speak(self):
        $base = super().speak()
        return $base + «'!'|"!!"|'.'»


def main():
    $animals = [$C_animal(«Name»), $C_dog(«Name»)]
    $lines = []
    for $animal in $animals:
        $lines.append($animal.speak())
    return $lines
""",
)
