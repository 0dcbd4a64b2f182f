"""Idioms about dates, clocks, units, prices and scores."""

from __future__ import annotations

DATES_UNITS: tuple[tuple[str, str], ...] = (
    ("int 0 30; int 1 13; int 1999 2004", """
def $f($day, $month, $year):
    if $month < 1 or $month > 12 or $day < 1:
        return False
    if $month == 2:
        $last = 29 if $year % 4 == 0 and ($year % 100 or $year % 400 == 0) else 28
    elif $month in (4, 6, 9, 11):
        $last = 30
    else:
        $last = 31
    return $day <= $last
"""),
    ("int 1 28; int 1 7", """
def $f($day, $month):
    $lengths = [31, 28, 31, 30, 31, 30, 31]
    $count = $day
    for $m in range(1, $month):
        $count += $lengths[$m - 1]
    return «$count|$count % 7|365 - $count|$count > 100»
"""),
    ("= «'Mon'|'Wed'|'Sat'|'Sun'|'xyz'»; int 0 15", """
def $f($day, $n):
    $days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
    if $day not in $days:
        return None
    $later = $days[($days.index($day) + $n) % 7]
    return «$later|$later in ('Sat', 'Sun')|'weekend' if $later[0] == 'S' else 'weekday'»
"""),
    ("int 1 12", """
def $f($month):
    if $month in (12, 1, 2):
        $season = 'winter'
    elif 3 <= $month <= 5:
        $season = 'spring'
    elif 6 <= $month <= 8:
        $season = 'summer'
    else:
        $season = 'autumn'
    return «$season|$season.title()|($month - 1) // 3 + 1, $season»
"""),
    ("int 0 2000", """
def $f($minutes):
    $days = $minutes // 1440
    $hours = $minutes % 1440 // 60
    $rest = $minutes % 60
    $parts = []
    if $days:
        $parts.append(f'{$days}d')
    if $hours:
        $parts.append(f'{$hours}h')
    if $rest or not $parts:
        $parts.append(f'{$rest}m')
    return ' '.join($parts)
"""),
    ("int 1 12; int 0 59", """
def $f($hour, $minute):
    $h = ($hour % 12 + $minute / 60) * 30
    $m = $minute * 6
    $angle = abs($h - $m)
    if $angle > 180:
        $angle = 360 - $angle
    return $angle
"""),
    ("= '«0|1»«#0-9»:«#10-59»'; = '«0|1»«#0-9»:«#10-59»'", """
def $f_minutes($t):
    $h, $m = $t.split(':')
    return int($h) * 60 + int($m)


def $f($start, $end):
    $gap = $f_minutes($end) - $f_minutes($start)
    if $gap < 0:
        $gap += 24 * 60
    return «$gap|f'{$gap // 60}:{$gap % 60:02d}'|"long" if $gap > 480 else "short"»
"""),
    ("int -20 45; = «'C'|'F'|'K'»", """
def $f($temp, $unit):
    if $unit == 'F':
        $c = ($temp - 32) * 5 / 9
    elif $unit == 'C':
        $c = $temp
    else:
        return None
    $c = round($c, 1)
    return «$c|'freezing' if $c <= 0 else 'hot' if $c > 30 else 'mild'|f'{$c} C'»
"""),
    ("int 1 3000; = «'m'|'km'|'cm'|'ft'»", """
def $f($value, $unit):
    $factors = {'m': 1, 'km': 1000, 'cm': 0.01}
    if $unit not in $factors:
        return «"bad unit"|-1|None»
    $meters = $value * $factors[$unit]
    return «$meters|f"{$meters / 1000} km" if $meters >= 1000 else f"{$meters} m"|$meters > 100»
"""),
    ("int 0 9000000", """
def $f($size):
    $units = ['B', 'KB', 'MB', 'GB']
    $i = 0
    while $size >= 1024 and $i < len($units) - 1:
        $size /= 1024
        $i += 1
    return f'{$size:.1f} {$units[$i]}'
"""),
    ("int 1 20; = «True|False»; int 1 7", """
def $f($hours, $member, $day):
    $rate = 3 if $day < 6 else 4
    $fee = $rate * min($hours, 8)
    if $hours > 8:
        $fee += ($hours - 8) * 1
    if $member and $fee > 10:
        $fee -= 5
    return $fee
"""),
    ("= «#1-12|#1-90»; = «True|False»", """
def $f($age, $student=False):
    if $age < 4:
        return 0
    if $age < 18 or $age >= 65:
        $price = 6
    elif $student:
        $price = 8
    else:
        $price = 12
    return $price
"""),
    ("int 20 60; int 8 20", """
def $f($hours, $wage):
    $regular = min($hours, 40)
    $overtime = max(0, $hours - 40)
    $pay = $regular * $wage + $overtime * $wage * 1.5
    if not $overtime:
        return int($pay)
    return «$pay|($pay, $overtime)|round($pay)»
"""),
    ("ints 0 10", """
def $f($strokes, $par=«3|4»):
    $names = {-2: 'eagle', -1: 'birdie', 0: 'par', 1: 'bogey'}
    $card = []
    for $s in $strokes:
        if $s == 1:
            $card.append('ace')
        else:
            $card.append($names.get($s - $par, 'other'))
    return $card
"""),
    ("= «[1, 2, 2, 2, 3]|[4, 4, 4, 4, 4]|[1, 1, 6, 6, 6]|[3, 2, 5, 4]|[1, 6, 2, 4]|[5, 5, 1, 5]|[2, 1, 3, 5, 4]»", """
def $f($dice):
    $counts = sorted([$dice.count($d) for $d in set($dice)], reverse=True)
    if $counts[0] == 5:
        return 50
    if $counts[:2] == [3, 2]:
        return 25
    if $counts[0] >= 3:
        return sum($dice)
    if len($dice) > 3 and max($dice) - min($dice) == len($dice) - 1 == len(set($dice)) - 1:
        return 40
    return 0
"""),
    ("some 2 7 K A J; int 0 5", """
def $f($cards, $bonus):
    $total, $aces = $bonus, 0
    for $c in $cards:
        if $c == 'A':
            $total += 11
            $aces += 1
        elif $c in 'JQK':
            $total += 10
        else:
            $total += int($c)
    while $total > 21 and $aces:
        $total -= 10
        $aces -= 1
    return «$total|$total if $total <= 21 else 'bust'|$total == 21»
"""),
    ("some rock paper scissors rock; some paper scissors rock", """
def $f($a, $b):
    $beats = {'rock': 'scissors', 'paper': 'rock', 'scissors': 'paper'}
    $wins = [0, 0]
    for $x, $y in zip($a, $b):
        if $x == $y:
            continue
        if $beats[$x] == $y:
            $wins[0] += 1
        else:
            $wins[1] += 1
    if $wins[0] == $wins[1]:
        return 'tie'
    return «'first' if $wins[0] > $wins[1] else 'second'|$wins»
"""),
    ("ints 1 9; int 1 3", """
def $f($prices, $fee):
    $profit = 0
    $held = None
    for $p in $prices:
        if $held is None or $p < $held:
            $held = $p
        elif $p - $held > $fee:
            $profit += $p - $held - $fee
            $held = $p - $fee
    return $profit
"""),
)  # fmt: skip
