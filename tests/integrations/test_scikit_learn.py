"""scikit-learn, which calls joblib, on lightwork's threads."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

joblib = pytest.importorskip("joblib")
pytest.importorskip("sklearn")

from sklearn.datasets import make_classification  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402

from lightwork.integrations.joblib import register  # noqa: E402


@pytest.fixture
def data() -> tuple[Any, Any]:
    """Points of two kinds."""
    points, kinds = make_classification(n_samples=120, n_features=8, random_state=0)
    return points, kinds


@pytest.fixture(params=[2, -1])
def n_jobs(request: pytest.FixtureRequest) -> Iterator[int]:
    """As many jobs, on lightwork's backend."""
    register()
    with joblib.parallel_config(backend="lightwork"):
        yield request.param


def scores(search: Any) -> Any:
    """Return all that a search has measured but times."""
    return np.array([search.cv_results_[name] for name in sorted(search.cv_results_) if name.startswith("split")])


def test_a_grid_is_searched(data: tuple[Any, Any], n_jobs: int) -> None:
    """With the scores, the choice and the predictions of a search that does one after the other."""
    grid = {"C": [0.01, 0.1, 1.0], "fit_intercept": [True, False]}
    alone = GridSearchCV(LogisticRegression(), grid, cv=3, n_jobs=1).fit(*data)
    shared = GridSearchCV(LogisticRegression(), grid, cv=3, n_jobs=n_jobs).fit(*data)
    assert np.array_equal(scores(shared), scores(alone))
    assert shared.best_params_ == alone.best_params_
    assert np.array_equal(shared.predict(data[0]), alone.predict(data[0]))


def test_a_grid_of_forests_is_searched(data: tuple[Any, Any], n_jobs: int) -> None:
    """Forests grow their trees in calls of joblib of their own."""
    grid = {"max_depth": [2, 4]}

    def search(outer: int, inner: int) -> Any:
        forest = RandomForestClassifier(n_estimators=10, random_state=0, n_jobs=inner)
        return GridSearchCV(forest, grid, cv=2, n_jobs=outer).fit(*data)

    assert np.array_equal(scores(search(n_jobs, 2)), scores(search(1, 1)))


def test_a_failing_fit_is_raised(data: tuple[Any, Any], n_jobs: int) -> None:
    """Where a search is to stop at the first."""
    search = GridSearchCV(LogisticRegression(), {"C": [1.0, -1.0]}, cv=2, n_jobs=n_jobs, error_score="raise")
    with pytest.raises(ValueError, match="'C' parameter"):
        search.fit(*data)
