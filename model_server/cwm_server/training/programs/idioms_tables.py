# ruff: noqa: E501
"""Idioms about tables: nested lists, matrices, boards, rows of records."""

from __future__ import annotations

TABLES: tuple[tuple[str, str], ...] = (
    ("square 0 9", """
def $f($m):
    $n = len($m)
    $main = $anti = 0
    for $i in range($n):
        $main += $m[$i][$i]
        $anti += $m[$i][$n - 1 - $i]
    return «abs($main - $anti)|($main, $anti)|$main == $anti|$main + $anti»
"""),
    ("square 0 9", """
def $f($grid):
    $n = len($grid)
    for $i in range($n):
        for $j in range($i + 1, $n):
            $grid[$i][$j], $grid[$j][$i] = $grid[$j][$i], $grid[$i][$j]
    for $row in $grid:
        $row.reverse()
    return $grid
"""),
    ("square 0 1", """
def $f($m):
    for $i in range(len($m)):
        for $j in range(len($m)):
            if $m[$i][$j] != $m[$j][$i]:
                return False
    return True
"""),
    ("square 0 1", """
def $f($matrix):
    for $r, $row in enumerate($matrix):
        for $c, $cell in enumerate($row):
            if $r == $c and $cell != 1:
                return "not identity"
            if $r != $c and $cell != 0:
                return "not identity"
    return "identity"
"""),
    ("grid 0 9", """
def $f($m):
    $result = []
    while $m:
        $result += $m.pop(0)
        if $m and $m[0]:
            for $row in $m:
                $result.append($row.pop())
        if $m:
            $result += $m.pop()[::-1]
        if $m and $m[0]:
            for $row in $m[::-1]:
                $result.append($row.pop(0))
    return $result
"""),
    ("grid 0 9; int 0 9", """
def $f($table, $value):
    for $r in range(len($table)):
        for $c in range(len($table[$r])):
            if $table[$r][$c] == $value:
                return ($r, $c)
    return «None|(-1, -1)|False»
"""),
    ("= [[1, 3, 5], [«6|7», 8, 9], [11, 14, 20]]; int 1 21", """
def $f($m, $target):
    $row, $col = 0, len($m[0]) - 1
    while $row < len($m) and $col >= 0:
        if $m[$row][$col] == $target:
            return [$row, $col]
        elif $m[$row][$col] > $target:
            $col -= 1
        else:
            $row += 1
    return []
"""),
    ("grid 0 9", """
def $f($rows):
    $best, $where = None, None
    for $i, $row in enumerate($rows):
        $s = sum($row)
        if $best is None or $s «>|<|>=» $best:
            $best = $s
            $where = $i
    return «$where|($where, $best)|$rows[$where]»
"""),
    ("grid 0 9", """
def $f($rows):
    $totals = [0] * len($rows[0])
    for $row in $rows:
        for $j, $x in enumerate($row):
            $totals[$j] += $x
    return «$totals|max($totals)|$totals.index(min($totals))|[$t % 2 == 0 for $t in $totals]»
"""),
    ("grid 0 3", """
def $f($m):
    $zero_rows = [$i for $i, $row in enumerate($m) if 0 in $row]
    for $i in $zero_rows:
        $m[$i] = [0] * len($m[$i])
    return «$m|$zero_rows|len($zero_rows) == len($m)»
"""),
    ("= «[['X', 'X', 'X'], ['O', 'O', ' '], [' ', ' ', ' ']]|[['O', 'X', 'X'], ['X', 'O', 'O'], ['X', 'O', 'O']]|[['X', 'O', 'X'], ['O', 'X', 'O'], ['O', 'X', 'O']]|[['O', 'X', ' '], ['O', 'X', ' '], [' ', 'X', 'O']]»", """
def $f($board):
    for $i in range(3):
        if $board[$i][0] == $board[$i][1] == $board[$i][2] != ' ':
            return $board[$i][0]
        if $board[0][$i] == $board[1][$i] == $board[2][$i] != ' ':
            return $board[0][$i]
    $mid = $board[1][1]
    if $mid != ' ' and ($board[0][0] == $mid == $board[2][2] or $board[0][2] == $mid == $board[2][0]):
        return $mid
    return 'Draw'
"""),
    ("rows .#; int 0 1; int 0 1", """
def $f($grid, $r, $c):
    $count = 0
    for $dr in (-1, 0, 1):
        for $dc in (-1, 0, 1):
            $y, $x = $r + $dr, $c + $dc
            if ($dr or $dc) and 0 <= $y < len($grid) and 0 <= $x < len($grid[0]):
                if $grid[$y][$x] == '#':
                    $count += 1
    return $count
"""),
    ("rows .#", """
def $f($lines):
    $marks = 0
    for $line in $lines:
        if $line == '#' * len($line):
            return 'full row'
        $marks += $line.count('#')
    return $marks if $marks else 'empty'
"""),
    ("= «[[0, 1], [1, 1]]|[[1, 0, 1], [0, 0, 1]]|[[1], [0], [1]]|[[0, 0]]»", """
def $f_fill($grid, $r, $c):
    if $r < 0 or $c < 0 or $r >= len($grid) or $c >= len($grid[0]):
        return 0
    if $grid[$r][$c] != 1:
        return 0
    $grid[$r][$c] = 2
    return 1 + $f_fill($grid, $r + 1, $c) + $f_fill($grid, $r, $c + 1) + $f_fill($grid, $r - 1, $c) + $f_fill($grid, $r, $c - 1)


def $f($grid):
    $sizes = []
    for $r in range(len($grid)):
        for $c in range(len($grid[0])):
            if $grid[$r][$c] == 1:
                $sizes.append($f_fill($grid, $r, $c))
    return «$sizes|len($sizes)|max($sizes, default=0)»
"""),
    ("grid 1 9", """
def $f($cost):
    $rows, $cols = len($cost), len($cost[0])
    for $i in range($rows):
        for $j in range($cols):
            if $i == 0 and $j == 0:
                continue
            if $i == 0:
                $cost[$i][$j] += $cost[$i][$j - 1]
            elif $j == 0:
                $cost[$i][$j] += $cost[$i - 1][$j]
            else:
                $cost[$i][$j] += min($cost[$i - 1][$j], $cost[$i][$j - 1])
    return $cost[-1][-1]
"""),
    ("grid 0 1", """
def $f($m):
    $best = 0
    for $i in range(len($m)):
        for $j in range(len($m[0])):
            if $m[$i][$j] and $i and $j:
                $m[$i][$j] = 1 + min($m[$i - 1][$j], $m[$i][$j - 1], $m[$i - 1][$j - 1])
            if $m[$i][$j] > $best:
                $best = $m[$i][$j]
    return «$best|$best * $best|$m»
"""),
    ("= «[[3], [1, 2], [4, 5, 1]]|[[2], [5, 4]]|[[1], [6, 2], [9, 1, 3]]»", """
def $f($triangle):
    $row = $triangle[-1]
    for $i in range(len($triangle) - 2, -1, -1):
        $row = [$x + «min|max»($row[$j], $row[$j + 1]) for $j, $x in enumerate($triangle[$i])]
    return $row[0]
"""),
    ("int 2 4", """
def $f($n):
    $table = []
    for $i in range(1, $n + 1):
        $line = []
        for $j in range(1, $n + 1):
            $line.append(«$i * $j|$i if $i > $j else 0|($i + $j) % 2|'#' if $i == $j else '.'|max($i, $j)|$i - $j»)
        $table.append($line)
    return $table
"""),
    ("int 1 4; int 1 4", """
def $f($n, $m):
    return [[«$i * $m + $j|'*' if ($i + $j) % 2 else '-'|1 if $i == $j else 0|$i ^ $j|$i if $j > $i else $j» for $j in range($m)] for $i in range($n)]
"""),
    ("= «[[1, 2], [3], [], [4, 5, 6]]|[[7], [8, 9]]|[[], []]|[[2, 4], [6]]»", """
def $f($nested):
    return «[len($x) for $x in $nested if $x]|[$y for $x in $nested for $y in $x if $y % 2 == 0]|sum(sum($x) for $x in $nested if len($x) > 1)|max($nested, key=len)|[$x[-1] if $x else None for $x in $nested]|sorted($nested, key=lambda $p: (len($p), -sum($p)))|[$x for $x in $nested if $x and $x[0] % 2]»
"""),
    ("grid 0 5; grid 0 5", """
def $f($a, $b):
    if len($a) != len($b) or len($a[0]) != len($b[0]):
        return «None|"shape mismatch"|[]»
    $out = []
    for $r in range(len($a)):
        $out.append([$a[$r][$c] «+|-|*» $b[$r][$c] for $c in range(len($a[0]))])
    return $out
"""),
    ("square 0 4", """
def $f($m):
    $upper = $lower = True
    for $i in range(len($m)):
        for $j in range(len($m)):
            if $i > $j and $m[$i][$j] «!= 0|> 2»:
                $upper = False
            if $i < $j and $m[$i][$j] «!= 0|> 2»:
                $lower = False
    return «$upper, $lower|$upper or $lower|"upper" if $upper else "lower" if $lower else "neither"»
"""),
    ("grid 1 9", """
def $f($m):
    $found = []
    for $i, $row in enumerate($m):
        $small = min($row)
        $j = $row.index($small)
        if $small == max($m[$k][$j] for $k in range(len($m))):
            $found.append(($i, $j))
    return $found
"""),
    ("= [['«Name»', «#10-60»], ['«Name»', «#10-60»], ['«Name»', «#10-60»]]; int 15 50".replace("'«Name»'", "«Name»"), """
def $f($rows, $cutoff):
    $passed = []
    for $name, $score in $rows:
        if $score >= $cutoff:
            $passed.append($name)
        elif $score + 5 >= $cutoff:
            $passed.append($name + '*')
    return «$passed|len($passed)|', '.join($passed) or 'nobody'|sorted($passed)»
"""),
    ("rows ab", """
def $f($words):
    $height = len($words[0])
    $columns = ['' for _ in range($height)]
    for $word in $words:
        for $i in range($height):
            $columns[$i] = «$columns[$i] + $word[$i]|$word[$i] + $columns[$i]»
    return $columns
"""),
    ("ints 1 9; int 1 3", """
def $f($items, $width):
    $rows = [[]]
    for $item in $items:
        if len($rows[-1]) == $width:
            $rows.append([])
        $rows[-1].append($item)
    while len($rows[-1]) < $width:
        $rows[-1].append(«0|None»)
    return $rows
"""),
    ("int 0 7; int 0 7; int 0 7; int 0 7", """
def $f($r1, $c1, $r2, $c2):
    if ($r1, $c1) == ($r2, $c2):
        return False
    «if $r1 == $r2 or $c1 == $c2|if abs($r1 - $r2) == abs($c1 - $c2)|if {abs($r1 - $r2), abs($c1 - $c2)} == {1, 2}|if max(abs($r1 - $r2), abs($c1 - $c2)) == 1»:
        return True
    return False
"""),
)  # fmt: skip
