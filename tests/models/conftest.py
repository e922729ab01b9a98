"""What the tests of the shapes share: one reproducible source of random numbers."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)
