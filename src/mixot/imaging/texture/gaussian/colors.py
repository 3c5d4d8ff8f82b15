"""The colors of one picture given to another, exactly."""

from __future__ import annotations

import numpy as np

from mixot._shapes import Float


def with_colors_of(
    exemplar: Float[np.ndarray, "h w c"], picture: Float[np.ndarray, "y x c"]
) -> Float[np.ndarray, "y x c"]:
    """Return a picture whose colors have, along each principal axis of the exemplar's, exactly the exemplar's law.

    Along an axis the i-th smallest of the N values becomes the quantile of the exemplar at ``(i + 1/2) / N``: the
    optimal map on the line. Averages over patches lose contrast, which comes back here.
    """
    channels = picture.shape[2]
    colors = exemplar.reshape(-1, channels)
    mean = colors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(np.cov((colors - mean).T.astype(np.float64)).reshape(channels, channels))
    known = np.sort((colors - mean) @ axes, axis=0)
    own = (picture.reshape(-1, channels) - mean) @ axes
    places = ((np.arange(len(own)) + 0.5) * (len(known) / len(own))).astype(np.intp)
    for axis in range(channels):
        own[np.argsort(own[:, axis], kind="stable"), axis] = known[places, axis]
    return (own @ axes.T + mean).astype(np.float32).reshape(picture.shape)
