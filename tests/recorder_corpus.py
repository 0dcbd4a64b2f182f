"""Small programs with a `main`, a function or a coroutine function: one for each thing a recorder may get wrong."""

from __future__ import annotations

import sys
import textwrap

_PROGRAMS = {
    "lines that run nobody's code between lines that do": """
        class Sly:
            def __init__(self, box):
                self.box = box

            def __bool__(self):
                self.box.append("bool")
                return False

            def __contains__(self, item):
                self.box.append("in")
                return False

            def __repr__(self):
                return f"Sly({len(self.box)})"

        def pick(box, key, sly):
            if key is None:
                box.append(key)
            elif key is True:
                box.append(2)
            elif sly:
                box.append(3)
            elif key in sly:
                box.append(4)
            elif key is sly:
                box = None
            try:
                if box is not None:
                    box.append(5)
                else:
                    sly.box.append(6)
            finally:
                key = None
            while key is not None:
                key = box.pop()
            return box

        def main():
            box = []
            sly = Sly(box)
            for key in (None, True, sly, 3, (1, "x"), (1, [])):
                pick(box, key, sly)
                pick(box, key, sly)
            return box
    """,
    "generator protocol": """
        def echo(start):
            received = start
            try:
                while True:
                    try:
                        received = yield received
                    except KeyError as error:
                        received = str(error)
            except GeneratorExit:
                received = "closing"
                raise
            finally:
                start = None

        def outer(n):
            got = yield from echo(n)
            return got

        def returning():
            yield 1
            return "value"

        def delegating():
            got = yield from returning()
            yield got

        def main():
            g = outer(1)
            a = next(g)
            b = g.send("x")
            c = g.throw(KeyError("k"))
            g.close()
            d = list(delegating())
            try:
                next(g)
            except StopIteration as stop:
                e = stop.value
            return a, b, c, d, e
    """,
    "cells that are emptied and filled by others": """
        def maker():
            a, b, c = 1, 2, 3
            def emptying():
                nonlocal a, c
                del a
                c = 4
            def filling():
                nonlocal a, b
                a = 5
                del b
                return c
            def reading(x):
                try:
                    return x, a, c
                except NameError:
                    return x, c
            return emptying, filling, reading

        def main():
            one, two = maker()[:2], maker()
            emptying, filling, reading = two
            first = reading(0)
            emptying()
            second = reading(1)
            filling()
            third = reading(2)
            a = 1
            def swap():
                nonlocal a, b
                del a
                b = 2
            swap()
            third = None
            b = 0
            return first, second, b
    """,
    "variables that are bound where others were": """
        def main():
            for n in range(3):
                a = n; b = [n]
                c = 1
                del c; d = 2
                del d; c = 3
                del a, b; e = n; d = [n]
                a = d; del d
                del a; b = e
                try:
                    raise KeyError(n)
                except KeyError as error: f = error.args
                del f; g = n
            return g
    """,
    "generator closed without a try": """
        def plain():
            yield 1
            yield 2

        def main():
            g = plain()
            next(g)
            g.close()
            h = plain()
            h.close()
            x = next(plain())
            return x
    """,
    "generator that ignores its exit": """
        def stubborn():
            while True:
                try:
                    yield 1
                except GeneratorExit:
                    yield 2

        def main():
            g = stubborn()
            next(g)
            try:
                g.close()
            except RuntimeError as error:
                message = str(error)
            return message
    """,
    "generators interleaved": """
        def count(n):
            i = 0
            while i < n:
                yield i
                i += 1

        def main():
            a, b = count(2), count(3)
            pairs = [(x, y) for x, y in zip(a, b)]
            nested = (y for x in pairs for y in x)
            return pairs, list(nested), sum(x * x for x in count(3))
    """,
    "stop iteration raised": """
        class Ends:
            def __init__(self):
                self.left = 2

            def __iter__(self):
                return self

            def __next__(self):
                if not self.left:
                    raise StopIteration
                self.left -= 1
                return self.left

        def leaks():
            yield 1
            next(iter([]))

        def main():
            got = [x for x in Ends()]
            for x in Ends():
                last = x
            try:
                list(leaks())
            except RuntimeError as error:
                why = repr(error.__cause__)
            return got, last, why
    """,
    "coroutines": """
        import asyncio

        class Manager:
            async def __aenter__(self):
                await asyncio.sleep(0)
                return 1

            async def __aexit__(self, *error):
                await asyncio.sleep(0)
                return error[0] is ValueError

        async def numbers(n):
            for i in range(n):
                await asyncio.sleep(0)
                yield i

        async def work(n):
            await asyncio.sleep(0)
            if n == 2:
                raise KeyError(n)
            return n

        async def forever():
            try:
                await asyncio.sleep(60)
            finally:
                done = True

        async def main():
            async with Manager() as one:
                x = one
            async with Manager():
                raise ValueError
            squares = [i * i async for i in numbers(3)]
            async for i in numbers(2):
                x += i
            both = await asyncio.gather(work(1), work(2), work(3), return_exceptions=True)
            task = asyncio.create_task(forever(), name="forever")
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                cancelled = True
            return x, squares, len(both), cancelled
    """,
    "async generator closed": """
        import asyncio

        async def numbers():
            try:
                yield 1
                yield 2
            finally:
                await asyncio.sleep(0)

        async def main():
            g = numbers()
            first = await g.asend(None)
            await g.aclose()
            h = numbers()
            await h.asend(None)
            try:
                await h.athrow(ValueError("v"))
            except ValueError as error:
                second = str(error)
            return first, second
    """,
    "awaitables": """
        class Once:
            def __await__(self):
                got = yield self
                return got

        class Done:
            def __await__(self):
                return iter(())

        async def inner():
            return await Once()

        async def outer():
            return await inner(), await Done()

        def main():
            c = outer()
            first = c.send(None)
            try:
                c.send("sent")
            except StopIteration as stop:
                second = stop.value
            d = outer()
            d.send(None)
            try:
                d.throw(LookupError("thrown"))
            except LookupError as error:
                third = str(error)
            e = outer()
            e.send(None)
            e.close()
            return type(first).__name__, second, third
    """,
    "context managers": """
        from contextlib import ExitStack, contextmanager, suppress

        class Quiet:
            def __init__(self, name):
                self.name = name

            def __enter__(self):
                return self

            def __exit__(self, kind, error, traceback):
                self.seen = kind
                return kind is ValueError

        @contextmanager
        def opened(name):
            handle = [name]
            try:
                yield handle
            finally:
                handle.append("closed")

        def early():
            with Quiet("r") as q:
                return q.name

        def main():
            with Quiet("a") as a, Quiet("b"):
                raise ValueError(a.name)
            with opened("f") as handle:
                handle.append(1)
            with suppress(KeyError), opened("g") as other:
                {}[0]
            with (
                opened("x") as x,
                opened("y") as y,
            ):
                z = x + y
            with ExitStack() as stack:
                stack.enter_context(opened("s"))
                stack.callback(z.append, 1)
            for n in range(3):
                with Quiet(n):
                    if n == 1:
                        continue
                    if n == 2:
                        break
            return early(), handle, other, z
    """,
    "decorators": """
        import functools

        def logged(prefix):
            def decorate(function):
                @functools.wraps(function)
                def wrapper(*args, **kwargs):
                    result = function(*args, **kwargs)
                    return prefix, result
                return wrapper
            return decorate

        def named(cls):
            cls.label = cls.__name__
            return cls

        @named
        class Thing:
            def __init__(self, x):
                self._x = x

            @property
            def x(self):
                return self._x

            @x.setter
            def x(self, value):
                self._x = value

            @staticmethod
            def make(x):
                return Thing(x)

            @classmethod
            def zero(cls):
                return cls(0)

            @functools.cached_property
            def double(self):
                return self._x * 2

        @logged(
            "outer"
        )
        @logged("inner")
        def add(a, b=1):
            return a + b

        @functools.lru_cache(maxsize=None)
        def fib(n):
            return n if n < 2 else fib(n - 1) + fib(n - 2)

        def main():
            thing = Thing.make(2)
            thing.x += Thing.zero().x
            first = thing.double + thing.double

            @logged("local")
            def helper():
                return first

            return add(1), helper(), fib(5), Thing.label
    """,
    "recursion": """
        def even(n):
            return True if n == 0 else odd(n - 1)

        def odd(n):
            if n == 0:
                return False
            return even(n - 1)

        def depth(tree):
            return 1 + max((depth(child) for child in tree), default=0)

        def fail(n):
            if not n:
                raise ValueError
            try:
                fail(n - 1)
            finally:
                n = -n

        def main():
            try:
                fail(2)
            except ValueError:
                return even(4), depth([[], [[]]])
    """,
    "comprehensions": """
        def main():
            x = "outer"
            a = [x for x in range(2)]
            b = {x: y for x in range(2) for y in "ab" if x}
            c = {x % 2 for x in a + [3]}
            d = [[y for y in range(x)] for x in range(3)]
            e = [
                last := value
                for value in d
                if value
            ]
            f = [lambda: n for n in range(2)]
            try:
                g = [1 // m for m in (1, 0)]
            except ZeroDivisionError:
                g = x
            h = list(n for n in (m for m in range(2)))
            return x, a, b, sorted(c), d, e, [i() for i in f], g, h, last
    """,
    "lambdas and one line functions": """
        def f(x): return x + 1
        def g(): yield 1; yield 2
        class C: y = 1; z = y + 1

        def main():
            key = lambda pair: (pair[1],
                                pair[0])
            pairs = sorted([(1, 2), (0, 3), (2, 1)], key=key)
            if pairs: a = f(1); b = f(2)
            def inner(): return a, b
            return pairs, inner(), list(g()), (lambda: (yield))(), C.z
    """.replace(", (lambda: (yield))()", ""),
    "loops on one line": """
        def main():
            n = 5
            while n: n -= 1
            for i in range(3): n += i
            while n < 9: n += 1; n += 1
            for i in range(4): [n for _ in "ab"]; n += 1
            while True: break
            return n
    """,
    "loops": """
        def main():
            out = []
            for i in range(3):
                if i == 1:
                    continue
                out.append(i)
            else:
                out.append("else")
            while True:
                if len(out) > 4:
                    break
                out.append(len(out))
            for a, (b, *c) in [(1, (2, 3, 4))]:
                pass
            while (n := len(out)) < 7:
                out.append(n)
            for out[0] in "xy":
                pass
            for _ in ():
                never = 1
            return out, a, b, c
    """,
    "class bodies": """
        class Meta(type):
            def __new__(mcls, name, bases, namespace, **options):
                made = super().__new__(mcls, name, bases, dict(namespace))
                made.options = options
                return made

            def __call__(cls, *args):
                return super().__call__(*args)

        def main():
            scale = 2

            class Base(metaclass=Meta, flag=True):
                factor = scale
                items = [factor for _ in range(2)] if False else [1]

                class Inner:
                    deep = scale

                def method(self):
                    return __class__.__name__, self.factor

                def __init_subclass__(cls, **options):
                    cls.made = True

            class Derived(Base):
                def method(self):
                    return super().method()

            return Derived().method(), Base.Inner.deep, Base.options, Derived.made
    """,
    "plain classes": """
        def main():
            class Empty:
                pass

            class Told:
                "Says what it is."

            class Spread(
            ):

                # a comment before what runs first
                count: int = 1
                other: str = "a"
                unset: str
                if count:
                    more = [count, other]
                else:
                    less = 0
                __private = more
                del more
                for each in (1, 2):
                    continue

                def method(self):
                    self.made = __class__
                    return self.made.count

                @property
                def value(self):
                    self.seen = 1
                    return self.__private

                class Inner:
                    deep = 1

            class Late:
                global late
                late = Spread
                early = late

            class One: only = 1

            class Raising:
                first = Empty
                raise KeyError(first)

            return Spread().method()

        late = None
    """,
    "cells": """
        def counter():
            n = 0

            def bump(by=1):
                nonlocal n
                n += by
                return n

            def read():
                return n

            return bump, read

        def main():
            bump, read = counter()
            bump()
            bump(2)
            functions = []
            for i in range(3):
                def show(j=i):
                    return i, j
                functions.append(show)
            late = lambda: unset
            try:
                late()
            except NameError:
                unset = 1
            del i
            try:
                functions[0]()
            except NameError as error:
                problem = str(error)
            return read(), late(), problem
    """,
    "exec and eval": """
        code = compile("total = sum(values)\\nfor v in values:\\n    total += v\\n", "generated", "exec")

        def main():
            space = {"__builtins__": {"sum": sum}, "values": [1, 2]}
            exec(code, space)
            exec("def made(x):\\n    return x + 1", space)
            a = space["made"](1)
            b = eval("[a, a]")
            c = eval("lambda x: x * 2")(4)
            return space["total"], a, b, c
    """,
    "dataclasses": """
        from dataclasses import dataclass, field, replace

        @dataclass
        class Point:
            x: int
            y: int = 0
            tags: list = field(default_factory=list)

            def __post_init__(self):
                self.tags.append("made")

        @dataclass(frozen=True, order=True)
        class Version:
            major: int
            minor: int = 0

            @property
            def next(self):
                return replace(self, minor=self.minor + 1)

        def main():
            p = Point(1)
            p.y = 2
            same = p == Point(1, 2)
            v = Version(1)
            w = v.next
            try:
                v.minor = 3
            except AttributeError as error:
                kind = type(error).__name__
            return p, same, w > v, kind
    """,
    "exceptions": """
        class Custom(Exception):
            def __init__(self, code):
                super().__init__(code)
                self.code = code

        def fail(kind):
            raise kind

        def again():
            try:
                fail(ValueError("first"))
            except ValueError:
                raise

        def chained():
            try:
                fail(KeyError("k"))
            except KeyError as error:
                raise Custom(3) from error

        def hidden():
            try:
                fail(KeyError)
            except KeyError:
                raise Custom(4) from None

        def during():
            try:
                fail(KeyError("k"))
            except KeyError:
                fail(Custom(5))

        def swallowed():
            for n in range(2):
                try:
                    1 / n
                finally:
                    continue

        def replaced():
            try:
                fail(ValueError)
            finally:
                return "replaced"

        def nested():
            try:
                try:
                    fail(ValueError("a"))
                except KeyError:
                    never = 1
                else:
                    never = 2
                finally:
                    done = True
            except (TypeError, ValueError) as error:
                return str(error)

        def main():
            seen = []
            for function in (again, chained, hidden, during):
                try:
                    function()
                except (ValueError, Custom) as error:
                    seen.append(getattr(error, "code", None))
            try:
                raise seen[0]
            except TypeError:
                seen.append("type")
            try:
                assert seen == [], (
                    "message"
                )
            except AssertionError as error:
                seen.append(str(error))
            return seen, replaced(), nested(), swallowed()
    """,
    "an exception that leaves the entry": """
        def inner():
            yield 1
            raise LookupError("from a generator")

        def main():
            try:
                for x in inner():
                    y = x
            finally:
                z = 1
    """,
    "system exit": """
        import sys

        def leave():
            try:
                sys.exit(3)
            finally:
                code = 3

        def main():
            try:
                leave()
            except SystemExit as stop:
                return stop.code
    """,
    "statements over several lines": """
        def f(*args, **kwargs):
            return len(args) + len(kwargs)

        def main():
            a = f(
                1,
                f(
                    2,
                    x=3,
                ),
                *[
                    4,
                ],
            )
            b = (
                a
                if a > 2
                else
                -a
            )
            c = a \\
                + b
            d = f"{a}" \\
                "text"
            if (
                a
                and b
                or c
            ):
                e = {
                    "k": a,
                    **{"l":
                       b},
                }
            text = '''
                some
            ''' + str(
                a
            )
            return (
                a,
                b,
            ), c, d, e, text.strip()
    """,
    "a long literal": """
        def main():
            largest = max([
        LINES
            ])
            return largest
    """.replace("LINES", "\n".join(f"            {n} + len('{n}')," for n in range(800))),
    "a formatted text that runs first": """
        def decorated(function):
            return function

        @decorated
        def plain(name):
            return "<%s>" % (name,)

        @decorated
        def longer(name):
            "Says what it is called."
            return "%s of %s" % (
                name,
                plain(name),
            )

        class Named:
            def __init__(self, name=""):
                self.name = name

            def __repr__(self):
                return "(%s)" % (self.name,)

            def rename(self, name):
                self.name = name
                return self

        def main():
            "%s" % (1,)
            if longer("a") == "b":
                return 1
            assert plain("a")
            named = Named().rename("b")
            return "%s" % (plain(named),)
    """,
    "functions that get another name": """
        import functools

        def wrapped(function):
            def wrapper(*arguments):
                return function(*arguments)
            functools.update_wrapper(wrapper, function)
            return wrapper

        def decorated(function):
            @functools.wraps(function)
            def wrapper(*arguments):
                return function(*arguments)
            return wrapper

        @wrapped
        def first(n):
            return n

        @decorated
        def second(n):
            return first(n) + 1

        def main():
            def inner():
                return second(1)
            again = wrapped(inner)
            inner.__module__ = "elsewhere"
            return again() + wrapped(second)(2)
    """,
    "deletion": """
        class Box:
            pass

        def main():
            a = b = [1, 2, 3]
            del a
            del b[0], b[-1]
            box = Box()
            box.x = 1
            del box.x
            try:
                a
            except UnboundLocalError:
                a = "again"
            for i in range(2):
                del i
            try:
                raise KeyError
            except KeyError as error:
                pass
            return a, b, "error" in dir()
    """,
    "subclasses of builtins and slots": """
        import enum
        from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

        class Loud(list):
            def append(self, x):
                super().append(x)
                return self

            def __contains__(self, x):
                super().append("asked")
                return False

        class Upper(str):
            def __new__(cls, text):
                return super().__new__(cls, text.upper())

        class Missing(dict):
            def __missing__(self, key):
                self[key] = key
                return key

        class Slotted:
            __slots__ = ("a", "b")

            def __init__(self, a):
                self.a = a

            def __repr__(self):
                return f"Slotted({self.a}, {getattr(self, 'b', None)})"

        class Colour(enum.Enum):
            RED = 1
            BLUE = 2

        Pair = namedtuple("Pair", "x y")

        def main():
            loud = Loud([1])
            loud.append(2)
            found = 9 in loud
            missing = Missing()
            missing["k"]
            slotted = Slotted(1)
            slotted.b = Upper("b")
            counts = Counter("abca")
            queue = deque([1], maxlen=2)
            queue.extend((2, 3))
            groups = defaultdict(list)
            groups["g"].append(True)
            order = OrderedDict(a=1)
            pair = Pair(1, y=Colour.RED)
            return found, slotted, queue, pair, Colour(2)
    """,
    "values that are equal and not the same": """
        def main():
            x = 1
            x = True
            x = 1.0
            x = 0.0
            x = -0.0
            x = 0
            x = False
            y = [1]
            y[0] = True
            y[0] = 1.0
            z = {1: "a"}
            z[True] = "b"
            t = (0.0,)
            t = (-0.0,)
            t = (0,)
            return x, y, z, t
    """,
    "operators that have effects": """
        class Sneaky:
            def __init__(self):
                self.log = []

            def __eq__(self, other):
                self.log.append("eq")
                return True

            def __hash__(self):
                self.log.append("hash")
                return 1

            def __bool__(self):
                self.log.append("bool")
                return False

            def __getattr__(self, name):
                self.log.append(name)
                return name

            def __iter__(self):
                return iter(self.log)

            def __call__(self, x):
                return x

        def main():
            s = Sneaky()
            a = s == 1
            b = {s: 1}
            c = s or "or"
            d = s.anything
            e = [*s]
            f = s(2)
            return a, len(b), c, d, e, f
    """,
    "callbacks from C": """
        import functools

        def main():
            out = []

            def note(x):
                out.append(x)
                return -x

            a = sorted([2, 1], key=note)
            b = list(map(note, a))
            c = functools.reduce(lambda x, y: x + y, b, 0)
            d = max("ab", "c", key=len)
            e = {**dict.fromkeys(filter(note, a))}
            "".join(str(x) for x in b)
            return a, b, c, d, e, out
    """,
    "matching": """
        def kind(x):
            match x:
                case 0:
                    return "zero"
                case [a, *rest] if rest:
                    return a, rest
                case {"k": v, **more}:
                    return v, more
                case (
                    str()
                    | bytes()
                ) as text:
                    return text
                case _:
                    return None

        def main():
            return [kind(x) for x in (0, [1], [1, 2], {"k": 1, "l": 2}, "s", 3.5)]
    """,
    "finalizers": """
        import weakref

        class Thing:
            def __init__(self, log):
                self.log = log

            def __del__(self):
                self.log.append("dead")

            def __repr__(self):
                return "Thing()"

        def make(log):
            thing = Thing(log)
            count = len(log)
            return count

        def main():
            log = []
            make(log)
            after = len(log)
            thing = Thing(log)
            gone = weakref.ref(thing, lambda _: log.append("gone"))
            del thing
            return after
    """,
    "functions of every kind of argument": """
        def f(a, /, b, *args, c=1, **kwargs):
            b = args
            return a, b, c, kwargs

        def main(x=[1], *, y=(2,)):
            x.append(y)
            return f(1, 2, 3, c=4, d=5), f(1, b=2), x
    """,
    "locals read by the program": """
        def main():
            a = 1
            b = dict(locals())
            c = sorted(locals())
            d = vars().get("a")
            e = "{a} {d}".format(**locals())
            return b, c, d, e
    """,
    "globals and attributes": """
        total = 0

        class Node:
            count = 0

            def __init__(self, value, next=None):
                Node.count += 1
                self.value, self.next = value, next

            def __iter__(self):
                node = self
                while node is not None:
                    yield node.value
                    node = node.next

            def __repr__(self):
                return f"Node({self.value})"

        def main():
            global total
            chain = Node(1, Node(2))
            for total in chain:
                pass
            chain.next = None
            return total, Node.count, [*chain]
    """,
}

_FROM_3_11 = {
    "exception groups": """
        def fail():
            raise ExceptionGroup("both", [ValueError(1), KeyError(2)])

        def main():
            seen = []
            try:
                fail()
            except* ValueError as group:
                seen.append(len(group.exceptions))
            except* KeyError:
                seen.append("key")
            try:
                try:
                    fail()
                except* KeyError:
                    pass
            except ExceptionGroup as rest:
                seen.append(str(rest.exceptions[0]))
            return seen
    """,
}

_FROM_3_12 = {
    "type parameters": """
        type Pair[T] = tuple[T, T]

        class Box[T]:
            def __init__(self, held: T):
                self.held = held

            def get[S](self, other: S) -> T | S:
                return self.held or other

        def main():
            def first[T](items: list[T]) -> T:
                return items[0]

            class Local[T](Box[T]):
                pass

            return first([1]), Box(0).get(2), Local(3).get(4)
    """,
}

PROGRAMS: dict[str, str] = {
    name: textwrap.dedent(text).lstrip("\n")
    for programs, since in ((_PROGRAMS, (3, 10)), (_FROM_3_11, (3, 11)), (_FROM_3_12, (3, 12)))
    if sys.version_info >= since
    for name, text in programs.items()
}

# What a trace function changes in a program: before 3.13 the interpreter brings the dict of a frame's variables up to
# date for it, which keeps alive what the program drops.
DISTURBED: frozenset[str] = frozenset({"finalizers"}) if sys.version_info < (3, 13) else frozenset()
