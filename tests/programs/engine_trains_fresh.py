# A line through points, fitted with an engine whose parameters are new nodes after each step.
EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dslope", "dintercept"],
    "notes": ["2 numbers in nodes of Var"],
}


class Var:
    def __init__(self, val, made_of=()):
        self.val, self.grad, self.made_of = val, 0.0, made_of

    def __add__(self, other):
        return Var(self.val + other.val, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Var(self.val * other.val, ((self, other.val), (other, self.val)))

    def backward(self, upstream=1.0):
        self.grad += upstream
        for operand, slope in self.made_of:
            operand.backward(slope * upstream)


points = [(0.5, 2.0), (1.5, 3.5), (2.5, 4.0)]
slope, intercept = Var(0.3), Var(-0.2)
for _ in range(200):
    loss = Var(0.0)
    for x, y in points:
        error = slope * Var(x) + intercept + Var(-y)
        loss = loss + error * error
    loss.backward()
    slope = Var(slope.val - 0.01 * slope.grad)
    intercept = Var(intercept.val - 0.01 * intercept.grad)
