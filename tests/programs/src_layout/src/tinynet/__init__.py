from tinynet.model import initialize, loss_and_gradients
from tinynet import optim
