# A variational autoencoder: noise in the forward, a loss of two terms, a floor too small to show in every gradient.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dWmu", "dlogvar", "dz", "dW1", "db4"],
}

rng = np.random.default_rng(4)
X = (rng.random((60, 9)) > 0.5) * 1.0
W1, Wmu, Wv = (0.3 * rng.normal(size=n) for n in [(9, 6), (6, 3), (6, 3)])
W4, b4 = 0.3 * rng.normal(size=(3, 9)), np.zeros(9)

for epoch in range(30):
    for i in range(0, len(X), 12):
        x = X[i : i + 12]
        m = x.shape[0]
        h = np.tanh(x @ W1)
        mu = h @ Wmu
        logvar = h @ Wv
        noise = rng.normal(size=mu.shape)
        z = mu + np.exp(logvar / 2) * noise
        out = 1 / (1 + np.exp(-(z @ W4 + b4)))
        entropy = -np.sum(x * np.log(out + 1e-9) + (1 - x) * np.log(1 - out + 1e-9)) / m
        divergence = -np.sum(1 + logvar - mu**2 - np.exp(logvar)) / (2 * m)
        loss = entropy + divergence

        dout = (out - x) / m
        dW4 = z.T @ dout
        db4 = dout.sum(axis=0)
        dz = dout @ W4.T
        dmu = dz + mu / m
        dlogvar = dz * noise * np.exp(logvar / 2) / 2 + (np.exp(logvar) - 1) / (2 * m)
        dWmu = h.T @ dmu
        dWv = h.T @ dlogvar
        dh = dmu @ Wmu.T + dlogvar @ Wv.T
        dW1 = x.T @ (dh * (1 - h**2))
        for weights, gradient in ((W1, dW1), (Wmu, dWmu), (Wv, dWv), (W4, dW4), (b4, db4)):
            weights -= 0.1 * gradient
    print(epoch, loss)
