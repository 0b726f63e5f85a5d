"""The values for Kubernetes against the chart's published schema, key by key."""

import copy
import os
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from tests.classroom.hub.machine import REPOSITORY

VALUES = yaml.safe_load((REPOSITORY / "classroom" / "zero-to-jupyterhub.yaml").read_text())
CHART = os.environ.get("CHART")  # the folder jupyterhub/ of jupyterhub/zero-to-jupyterhub-k8s


def keys(values, before=()):
    """The path of every value that is no dictionary."""
    for key, value in values.items():
        path = (*before, key)
        yield from keys(value, path) if isinstance(value, dict) else [path]


def merged(default, values):
    """The chart's default values with these in their places, as Helm merges them."""
    if not isinstance(default, dict) or not isinstance(values, dict):
        return values
    return default | {key: merged(default.get(key), value) for key, value in values.items()}


@pytest.fixture(scope="module")
def errors():
    """A function that gives the chart's objections to values, as messages."""
    if not CHART:
        pytest.skip("the chart is not given: set CHART to the folder with its values.yaml and values.schema.yaml.")
    schema, default = (yaml.safe_load((Path(CHART) / f"values{end}.yaml").read_text()) for end in (".schema", ""))
    return lambda values: [error.message for error in Draft7Validator(schema).iter_errors(merged(default, values))]


def test_the_chart_accepts_the_values(errors):
    assert errors(VALUES) == []


# The chart passes these on as they are: what stands in them is JupyterHub's and the environment's, not the chart's.
PASSED_ON = [("hub", "config"), ("singleuser", "extraEnv")]


@pytest.mark.parametrize("path", [path for path in keys(VALUES) if path[:2] not in PASSED_ON], ids=".".join)
def test_the_chart_knows_the_key_and_would_refuse_another(errors, path):
    values = copy.deepcopy(VALUES)
    place = values
    for key in path[:-1]:
        place = place[key]
    place[f"{path[-1]}X"] = place.pop(path[-1])
    assert any(f"'{path[-1]}X'" in message for message in errors(values))


def test_nobody_gets_in_until_a_login_is_chosen():
    assert VALUES["hub"]["config"]["JupyterHub"]["authenticator_class"] == "null"


def test_threads_fit_the_processor_limit():
    assert int(VALUES["singleuser"]["extraEnv"]["OMP_NUM_THREADS"]) == max(1, int(VALUES["singleuser"]["cpu"]["limit"]))
