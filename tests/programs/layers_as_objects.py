# Layers as objects, each with another habit: outputs kept, lists, an update within, a loss with a floor.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": [
        "Keeping:dweights",
        "Keeping:dinputs",
        "Affine:dparams_0",
        "Updating:dweights",
        "Updating:dinput_data",
        "SoftmaxWithLoss:dx",
        "BatchNorm:dgamma",
        "BatchNorm:dx",
        "LazyDense:grad_b",
        "TwoLayer:grads['W1']",
    ],
    "notes": [
        "layer = Keeping(n_inputs=4, n_neurons=3)",
        "paired dparams_0 with layer.params[0], dparams_1 with layer.params[1], by their names",
        "driven with x (5, 4), t (5, 4) one-hot: found by trying",
    ],
}


class Keeping:
    def __init__(self, n_inputs, n_neurons):
        self.weights = 0.01 * np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros((1, n_neurons))

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dinputs = np.dot(dvalues, self.weights.T)


class Affine:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        W, b = self.params
        self.x = x
        return x @ W + b

    def backward(self, dout):
        W, b = self.params
        dx = dout @ W.T
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dx


class Updating:
    def __init__(self, input_size, output_size):
        self.weights = np.random.rand(input_size, output_size) - 0.5
        self.bias = np.random.rand(1, output_size) - 0.5

    def forward_propagation(self, input_data):
        self.input = input_data
        self.output = np.dot(self.input, self.weights) + self.bias
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        weights_error = np.dot(self.input.T, output_error)
        self.weights -= learning_rate * weights_error
        self.bias -= learning_rate * output_error.sum(axis=0, keepdims=True)
        return input_error


class SoftmaxWithLoss:
    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        self.t = t
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        self.loss = -np.sum(t * np.log(self.y + 1e-7)) / len(x)
        return self.loss

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


class BatchNorm:
    def __init__(self, num_features, eps=1e-5, momentum=0.9):
        self.gamma = np.ones(num_features)
        self.beta = np.zeros(num_features)
        self.eps, self.momentum = eps, momentum
        self.running_mean = np.zeros(num_features)
        self.running_var = np.ones(num_features)
        self.training = True

    def forward(self, x):
        if self.training:
            mu, var = x.mean(axis=0), x.var(axis=0)
            self.running_mean = self.momentum * self.running_mean + (1 - self.momentum) * mu
            self.running_var = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            mu, var = self.running_mean, self.running_var
        self.inv = 1 / np.sqrt(var + self.eps)
        self.xhat = (x - mu) * self.inv
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        self.dgamma = (dout * self.xhat).sum(axis=0)
        self.dbeta = dout.sum(axis=0)
        g = dout * self.gamma
        return self.inv * (g - g.mean(axis=0) - self.xhat * (g * self.xhat).mean(axis=0))


class LazyDense:
    def __init__(self, units):
        self.units = units
        self.w = None

    def forward(self, x):
        if self.w is None:
            self.w = np.random.randn(x.shape[1], self.units)
            self.b = np.zeros(self.units)
        self.x = x
        return x @ self.w + self.b

    def backward(self, grad):
        self.grad_w = self.x.T @ grad
        self.grad_b = grad.sum(0)
        return grad @ self.w.T


class TwoLayer:
    def __init__(self, input_size, hidden_size, output_size):
        self.params = {}
        self.params["W1"] = 0.01 * np.random.randn(input_size, hidden_size)
        self.params["b1"] = np.zeros(hidden_size)
        self.params["W2"] = 0.01 * np.random.randn(hidden_size, output_size)
        self.params["b2"] = np.zeros(output_size)
        self.grads = {}

    def forward(self, X):
        self.X = X
        self.H = np.tanh(X @ self.params["W1"] + self.params["b1"])
        self.out = self.H @ self.params["W2"] + self.params["b2"]
        e = np.exp(self.out - self.out.max(axis=1, keepdims=True))
        self.P = e / e.sum(axis=1, keepdims=True)
        return self.P

    def backward(self, y):
        dout = (self.P - y) / len(y)
        self.grads["W2"] = self.H.T @ dout
        self.grads["b2"] = dout.sum(axis=0)
        dh = (dout @ self.params["W2"].T) * (1 - self.H**2)
        self.grads["W1"] = self.X.T @ dh
        self.grads["b1"] = dh.sum(axis=0)
