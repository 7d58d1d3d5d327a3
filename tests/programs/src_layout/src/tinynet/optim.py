class SGD:
    def __init__(self, rate):
        self.rate = rate

    def step(self, params, gradients):
        for name in params:
            params[name] -= self.rate * gradients[name]
