# ruff: noqa
# fmt: off
"""Where errors are said to come from: every function here raises."""
import traceback


def division(x):
    y = x * 2
    z = (y +
         1) / (x -
               x)
    return z


def in_call(x):
    return max(
        x,
        division(x),
    )


def in_argument(): return abs(undefined_name)


def in_comparison(x):
    if 1.5 < \
       "text":
        pass


def in_chain():
    return 1 < 2 < None


def in_lambda():
    f = lambda v: (v,
                   v / 0)
    return f(1)


def in_comprehension():
    return [1 / v
            for v in (1,
                      0)]


def in_subscript():
    table = {}
    table["a"]["b"] = 1


def in_augmented():
    table = {}
    table["missing"] += 1


def in_attribute():
    x = object()
    x.attribute = 5


def in_unpacking():
    a, b = (1, 2,
            3)


def in_default(a=1):
    def inner(b=a / 0):
        return b


def in_decorator():
    @undefined_decorator
    def inner():
        pass


def in_class_body():
    class Inner:
        x = 1
        y = x / 0


def in_assert():
    assert 1 > 2, "told"


def in_finally():
    try:
        1 / 0
    finally:
        {}["key"]


def chained():
    try:
        {}["key"]
    except KeyError as e:
        raise ValueError("new") from e


def in_generator():
    def g():
        yield 1
        yield [][0]
    return list(g())


def in_with():
    with open("/no/such/file/at/all") as f:
        pass


def in_fstring():
    return f"{1 / 0}"


def in_return_tuple(): return 1, \
    2 / 0


def in_loop():
    for a, b in [(1, 2), 3]:
        pass


def in_method():
    class C:
        def m(self, x):
            self.y = x
            self.z.w = 3
    C().m(1)


def ünïcode():
    größe = "äöü"; x = größe + 1


	# a tab in front of a comment
def tabs():
	if True:
		x = [1,
		     2]; y = x[5]


def wrong_arguments():
    def f(a, *, b): pass
    f(1, 2)


def unbound():
    x += 1


def deleted():
    x = 1
    del x
    return x


def bare():
    try:
        1 / 0
    except:
        raise


RAISING = tuple(k for k, v in list(globals().items()) if callable(v))


def main():
    told = []
    for function in map(globals().get, RAISING):
        takes = function.__code__.co_argcount and not function.__defaults__
        try:
            function(3) if takes else function()
        except Exception as error:
            places = []
            each = error
            while each is not None:
                frames = [f for f in traceback.extract_tb(each.__traceback__)]
                places.append((type(each).__name__, str(each), [(f.name, f.lineno, f.end_lineno, f.colno, f.end_colno, f.line)
                                                                for f in frames]))
                each = each.__cause__ or each.__context__
            told.append((function.__name__, places))
        else:
            told.append((function.__name__, "nothing"))
    return told
