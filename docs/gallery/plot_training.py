"""
Training a mixture by gradient descent
======================================

Means, log-covariances and log-weights of a Gaussian mixture in one loop, so that its distance W2 to 200 observed
points falls: the example that sdot's tutorial "Fitting a Gaussian mixture via Wasserstein distance" announces as
"coming soon", in JAX and in PyTorch. The loss is ``cost(points, (weights, means, covs))``, the exact squared W2 between
the points and the density. Its gradient comes from the cells of the points, one of equal mass for each (middle, with
their centers in orange), and needs no random numbers and no regularization.

Covariances are exponentials of symmetric matrices, weights a soft-max, so that no step leaves the mixtures. Between
two mixtures, ``cost((weights, means, covs), (weights, means, covs))`` is MW2, and trains in the same way.
"""

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

import mixot.jax
import mixot.torch
from mixot import Gaussian, Mixture, Samples, plan, plot

STEPS = 60
MEANS = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])  # where the training starts, all with unit covariances


def observed() -> np.ndarray:
    """Points of three Gaussian laws, two of them long and thin."""
    covs = [[[0.9, 0.7], [0.7, 0.7]], [[0.2, 0.0], [0.0, 0.2]], [[0.9, -0.7], [-0.7, 0.7]]]
    law = Mixture([0.3, 0.2, 0.5], Gaussian([[-2.0, 0.0], [0.0, 2.5], [2.0, 0.0]], covs))
    return law.sample(200, rng=5)


def train_in_jax(points: np.ndarray) -> tuple[Mixture, list[float]]:
    """Plain gradient descent: the mixture, and the loss before each step."""
    jax.config.update("jax_enable_x64", True)

    def law(log_weights: jax.Array, means: jax.Array, log_covs: jax.Array) -> tuple[jax.Array, ...]:
        covs = jax.vmap(jax.scipy.linalg.expm)(log_covs)
        return jax.nn.softmax(log_weights), means, covs

    @jax.jit
    def loss(parameters: tuple[jax.Array, ...]) -> jax.Array:
        return mixot.jax.cost(jnp.asarray(points), law(*parameters))

    slope = jax.jit(jax.value_and_grad(loss))
    parameters, costs = (jnp.zeros(3), jnp.asarray(MEANS), jnp.zeros((3, 2, 2))), []
    for _ in range(STEPS):
        value, gradient = slope(parameters)
        parameters = jax.tree.map(lambda x, g: x - 0.2 * g, parameters, gradient)
        costs.append(float(value))
    weights, means, covs = law(*parameters)
    return Mixture(weights, Gaussian(means, covs)), costs


def train_in_torch(points: np.ndarray) -> tuple[Mixture, list[float]]:
    """The same with an optimizer of PyTorch's."""
    target = torch.tensor(points)
    log_weights, log_covs = torch.zeros(3, dtype=torch.float64), torch.zeros(3, 2, 2, dtype=torch.float64)
    parameters = [log_weights, torch.tensor(MEANS), log_covs]
    for parameter in parameters:
        parameter.requires_grad_()
    descent, costs = torch.optim.Adam(parameters, lr=0.1), []

    def law() -> tuple[torch.Tensor, ...]:
        return log_weights.softmax(0), parameters[1], torch.linalg.matrix_exp((log_covs + log_covs.mT) / 2)

    for _ in range(STEPS):
        descent.zero_grad()
        loss = mixot.torch.cost(target, law())
        loss.backward()
        descent.step()
        costs.append(loss.item())
    weights, means, covs = (x.detach().numpy() for x in law())
    return Mixture(weights, Gaussian(means, covs)), costs


def main() -> Figure:
    """Draw the points with the mixture before and after, the cells of the last plan, and both losses."""
    points = observed()
    _, jax_costs = train_in_jax(points)
    trained, torch_costs = train_in_torch(points)
    start = Mixture(np.full(3, 1 / 3), Gaussian(MEANS, np.stack([np.eye(2)] * 3)))

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    left.scatter(*points.T, s=5, color="0.5", linewidths=0)
    plot.ellipses(start, ax=left, color=plot.COLORS[4])
    plot.ellipses(trained, ax=left, color=plot.COLORS[0])
    left.set_title("before (orange), after (blue)")
    best = plan(Samples(points), trained)
    plot.cells(best, ax=middle)
    middle.set_title(f"cells of the points, W2 {best.distance:.3f}")
    right.plot(jax_costs, color=plot.COLORS[0], label="JAX, gradient descent")
    right.plot(torch_costs, color=plot.COLORS[1], linestyle="--", label="PyTorch, Adam")
    right.set(xlabel="step", ylabel="squared W2 to the points", title="loss", ylim=(0, None))
    right.legend(frameon=False)
    right.spines[["top", "right"]].set_visible(False)
    for ax in (left, middle):
        ax.set(xlim=(-4.2, 4.2), ylim=(-3, 4.2), aspect="equal", xlabel="", ylabel="", xticks=[], yticks=[])
    return figure


if __name__ == "__main__":
    main()
    plt.show()
