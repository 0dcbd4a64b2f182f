"""Suites around a few functions."""

from __future__ import annotations

MODULES: tuple[str, ...] = (
    """
TAX = «0.1|0.2|0.25|0.07»


def $f_subtotal($lines):
    return sum($qty * $price for $qty, $price in $lines)


def $f_total($lines, $discount=0):
    $amount = $f_subtotal($lines)
    $amount -= $discount
    return round($amount * (1 + TAX), 2)


def test_$f_total():
    $lines = [(«#1-5», «#1-20»), («#1-3», «#1-9»)]
    assert $f_subtotal($lines) == ???
    assert $f_total($lines«|, $discount=«#1-5»|, «#1-9»») == ???
""".replace("$discount=«", "«"),
    """
def $f_tokens($text):
    for $word in $text.split():
        $word = $word.strip('.,!?').lower()
        if $word:
            yield $word


def $f_count($text):
    $counts = {}
    for $word in $f_tokens($text):
        $counts[$word] = $counts.get($word, 0) + 1
    return $counts


def test_$f_count():
    $counts = $f_count(«'The cat, the dog.'|"A b a!"|'one, two, one'|'hello'|'Yes! Yes? no'»)
    assert $counts == ???
    ?: assert max($counts.values()) == ???
""",
    """
def $f_validate($record):
    $errors = []
    if not $record.get('name'):
        $errors.append('name is required')
    $age = $record.get('age')
    if $age is not None and not 0 <= $age < 150:
        $errors.append(f'age out of range: {$age}')
    return $errors


def test_$f_validate():
    assert $f_validate({'name': «Name», 'age': «#1-99»}) == []
    assert $f_validate({«'age': «#-9-200»|'name': ''|'name': «Name»») == ???
""".replace(
        "«'age': «#-9-200»|'name': ''|'name': «Name»»", "«'age': 200|'name': ''|'age': -1|'name': '', 'age': 7»})"
    ).replace("})) ==", "}) =="),
    """
def $f_slug($title):
    $result = []
    for $ch in $title.lower():
        if $ch.isalnum():
            $result.append($ch)
        elif $result and $result[-1] != '-':
            $result.append('-')
    return ''.join($result).strip('-')


def test_$f_slug():
    assert $f_slug(«'Hi, You!'|'A  B'|'--x--'|'Top 10'|'word'») == ???
    ?: assert $f_slug('') == ''
""",
    """
def $f_read($lines):
    $rows = []
    for $number, $line in enumerate($lines, start=1):
        $line = $line.strip()
        if not $line or $line.startswith('#'):
            continue
        $fields = $line.split(',')
        if len($fields) != 2:
            raise ValueError(f'line {$number}: expected 2 fields, got {len($fields)}')
        $rows.append(($fields[0], int($fields[1])))
    return $rows


def test_$f_read():
    $rows = $f_read(['# header', '«noun»,«#1-99»', '', '«noun»,«#1-9»'])
    assert $rows == ???
    ?: assert dict($rows)[$rows[0][0]] == ???
""",
    """
import pytest


def $f_read($line):
    $key, $sep, $value = $line.partition('=')
    if not $sep:
        raise ValueError('no = in ' + repr($line))
    return $key.strip(), $value.strip()


@pytest.mark.parametrize("line", ["a=1"])
def test_$f_read(line='«noun»  = «#1-9»'):
    assert $f_read(line) == ???
    with pytest.raises(ValueError):
        $f_read('«noun»')
""".replace('@pytest.mark.parametrize("line", ["a=1"])\n', ""),
    """
def $f_retry($func, $times):
    $last = None
    for $attempt in range($times):
        try:
            return $func($attempt)
        except «ValueError|RuntimeError» as $exc:
            $last = $exc
    raise RuntimeError('gave up') from $last


def $f_flaky($n):
    if $n < «0|1|2|5»:
        raise «ValueError|RuntimeError»(f'attempt {$n}')
    return $n * 10


def test_$f_retry():
    $result = $f_retry($f_flaky, «2|3»)
    assert $result == ???
""",
    """
def $f_apply($funcs, $value):
    for $func in $funcs:
        $value = $func($value)
    return $value


def $f_inc($x):
    return $x + «1|2|10»


def $f_double($x):
    return $x * «2|3»


def test_$f_apply():
    $value = $f_apply([«$f_inc, $f_double|$f_double, $f_inc|$f_inc, $f_inc|$f_inc, str»], «#0-9»)
    assert $value == ???
""",
    """
import functools


def $f_logged($func):
    $calls = []

    @functools.wraps($func)
    def $f_wrapper(*args):
        $calls.append(args)
        return $func(*args)

    $f_wrapper.calls = $calls
    return $f_wrapper


@$f_logged
def $f_add($a, $b):
    return $a «+|*|-» $b


def test_$f_logged():
    assert $f_add(«#0-9», «#0-9») == ???
    ?: $f_add(«word», «word»)
    assert $f_add.calls == ???
""".replace("    ?: $f_add(«word», «word»)\n", "    ?: $f_add(«#0-9», 1)\n"),
    """
class $C_fake:
    def __init__(self, $replies):
        self.$replies = list($replies)
        self.$asked = []

    def ask(self, $question):
        self.$asked.append($question)
        return self.$replies.pop(0)


def $f_survey($client, $questions):
    return {$q: $client.ask($q) for $q in $questions}


def test_$f_survey():
    $client = $C_fake([«word», «#0-9»])
    $answers = $f_survey($client, ['«noun»', '«noun»x'])
    assert $answers == ???
    ?: assert $client.$asked == ???
""",
    """
def $f_paginate($items, $page, $size=«2|3»):
    if $page < 1:
        raise ValueError("page starts at 1")
    $start = ($page - 1) * $size
    return {
        "items": $items[$start:$start + $size],
        "page": $page,
        "pages": -(-len($items) // $size),
    }


def test_$f_paginate():
    $result = $f_paginate(«list[int]|list[str]», «1|2|1|3»)
    assert $result["items"] == ???
    ?: assert $result["pages"] == ???
    ?: assert sorted($result) == ["items", "page", "pages"]
""",
    """
def $f_evaluate($expr):
    $op, *$args = $expr
    $values = [$f_evaluate($a) if isinstance($a, tuple) else $a for $a in $args]
    if $op == 'add':
        return sum($values)
    if $op == 'mul':
        $product = 1
        for $v in $values:
            $product *= $v
        return $product
    raise ValueError(f'unknown op {$op!r}')


def test_$f_evaluate():
    assert $f_evaluate((«'add'|'mul'», «#0-9», («'add'|'mul'», «#0-9», «#1-5»))) == ???
""",
    """
def $f_merge($base, $override):
    $result = dict($base)
    for $key, $value in $override.items():
        if isinstance($value, dict) and isinstance($result.get($key), dict):
            $result[$key] = $f_merge($result[$key], $value)
        else:
            $result[$key] = $value
    return $result


def test_$f_merge():
    $base = {'«noun»': {'x': «#0-9», 'y': «#0-9»}, 'z': «#0-9»}
    $override = {«'z': 0|'w': {'q': 1}|'z': {'x': 2}»}
    assert $f_merge($base, $override) == ???
""",
    """
def $f_setup():
    return {«word»: «#1-9», «word»: «#1-9», «word»: «#0-9»}


def $f_best($scores):
    $winner = None
    for $name in $scores:
        if $winner is None or $scores[$name] > $scores[$winner]:
            $winner = $name
    return $winner


def test_$f_best():
    $scores = $f_setup()
    $winner = $f_best($scores)
    assert $winner in $scores
    assert $scores[$winner] == ???
    ?: assert $winner == ???
""",
    """
def $f_numbers():
    yield «#0-9»
    $x = yield «#0-9»
    ?: yield $x
    return «#0-9»


def test_$f_numbers():
    $gen = $f_numbers()
    assert next($gen) == ???
    ?: assert $gen.send(None) == ???
    assert list($gen) == ???
""",
    """
def $f_fields($record, *$names, $default=None):
    return tuple($record.get($name, $default) for $name in $names)


def test_$f_fields():
    $record = {'id': «#1-99», 'name': «Name»}
    assert $f_fields($record, 'id', 'name') == ???
    ?: assert $f_fields($record, 'age', $default=«0|-1|''») == ???
    ?: assert $f_fields($record) == ()
""",
    """
def $f_inner($n):
    if $n «> 3|% 2|== 0»:
        raise «KeyError|ValueError|TypeError»($n)
    return $n


def $f_outer($n):
    $logs = []
    try:
        $logs.append($f_inner($n))
    except KeyError:
        $logs.append('key')
    except (ValueError, TypeError) as $e:
        $logs.append(type($e).__name__)
    else:
        $logs.append('fine')
    finally:
        $logs.append('done')
    return $logs


def test_$f_outer():
    assert $f_outer(«#0-9») == ???
""",
    """
def $f_walk($state, $commands):
    $x, $y = $state
    for $cmd in $commands:
        if $cmd == 'N':
            $y += 1
        elif $cmd == 'S':
            $y -= 1
        elif $cmd == 'E':
            $x += 1
        elif $cmd == 'W':
            $x -= 1
        else:
            continue
    return $x, $y


def test_$f_walk():
    assert $f_walk((«#0-5», «#0-5»), «'NNE'|'SW'|'EEXN'|'WNES'|''|'NNNN'») == ???
    ?: assert $f_walk((0, 0), '«N|S|E|W»') == ???
""",
    """
def $f_life($cells):
    $result = []
    for $i, $cell in enumerate($cells):
        $left = $cells[$i - 1] if $i > 0 else 0
        $right = $cells[$i + 1] if $i < len($cells) - 1 else 0
        $result.append(«1 if $left != $right else 0|$left ^ $right|int($left + $cell + $right == 2)»)
    return $result


def test_$f_life():
    $cells = [«0|1», «0|1», «0|1», «0|1»]
    assert $f_life($cells) == ???
    ?: assert len($f_life($cells)) == len($cells)
""",
    """
$LIMIT = «2|3|10»
$events = []


def $f_emit($name, **$datas):
    if len($events) >= $LIMIT:
        $events.pop(0)
    $events.append(($name, $datas))
    return len($events)


def test_$f_emit():
    assert $f_emit('«noun»', x=«#0-9») == ???
    $f_emit('«noun»')
    ?: $f_emit('«noun»', a=«word», b=None)
    assert [$n for $n, _ in $events] == ???
    ?: assert $events[-1][1] == ???
""",
)
