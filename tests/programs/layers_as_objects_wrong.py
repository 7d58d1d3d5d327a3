# Layers as objects whose backward passes raise, average, use updated weights, forget a sum's axis or a mask's scale.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": [
        "DictDense:gradients['weights']",
        "Updating:dinput_data",
        "CrossEntropy:dinputs",
        "LazyDense:grad_b",
    ],
    "inherited": ["Affine:dparams_0", "CrossEntropy:dy_pred"],  # from the edits, whose lines are named
    "checked": ["Dense:dW", "Affine:dx", "Updating:dweights"],
    "codes": {"Dense:None": "GC651", "DictDense:gradients['weights']": "GC301"},
}


class Dense:
    def __init__(self, n_inputs, n_neurons):
        self.W = 0.01 * np.random.randn(n_inputs, n_neurons)
        self.b = np.zeros(n_neurons)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW = self.x.T @ dy
        self.db = dy.sum(axis=0)
        return dy @ self.W


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
        self.grads[0][...] = 2 * self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dx


class DictDense:
    def __init__(self, in_features, out_features):
        self.parameters = {"weights": np.random.randn(in_features, out_features), "bias": np.zeros(out_features)}
        self.gradients = {}

    def forward(self, X):
        self.cache = X
        return X.dot(self.parameters["weights"]) + self.parameters["bias"]

    def backward(self, grad_output):
        self.gradients["weights"] = self.cache.T.dot(grad_output) / len(self.cache)
        self.gradients["bias"] = grad_output.sum(axis=0)
        return grad_output.dot(self.parameters["weights"].T)


class Updating:
    def __init__(self, input_size, output_size):
        self.weights = np.random.rand(input_size, output_size) - 0.5
        self.bias = np.random.rand(1, output_size) - 0.5

    def forward_propagation(self, input_data):
        self.input = input_data
        self.output = np.dot(self.input, self.weights) + self.bias
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        weights_error = np.dot(self.input.T, output_error)
        self.weights -= learning_rate * weights_error
        input_error = np.dot(output_error, self.weights.T)
        self.bias -= learning_rate * output_error.sum(axis=0, keepdims=True)
        return input_error


class CrossEntropy:
    def forward(self, y_pred, y_true):
        samples = len(y_pred)
        y_pred_clipped = np.clip(y_pred, 1e-7, 1 - 1e-7)
        correct = np.sum(y_pred_clipped * y_true, axis=1)
        return -np.log(correct)

    def backward(self, dvalues, y_true):
        samples = len(dvalues)
        self.dinputs = -y_true / dvalues
        self.dinputs = self.dinputs * samples


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
        self.grad_b = grad.sum()
        return grad @ self.w.T
