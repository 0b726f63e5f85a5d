"""A GPU is used only if it passes a self-test; the GPUs and their faults are simulated."""

import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest

import d2l_helpers as d2l
from d2l_helpers._internal import devices

small_lstm_step_on_cpu = devices._small_lstm_step


@pytest.fixture
def gpus(monkeypatch):
    """Return a function that simulates one GPU for each argument: None, an error, or a wrong result."""

    def install(*faults):
        def small_lstm_step(ctx):
            fault = faults[ctx.device_id] if ctx.device_type == "gpu" else None
            if isinstance(fault, Exception):
                raise fault
            return small_lstm_step_on_cpu(mx.cpu()) if fault is None else fault

        monkeypatch.setattr(mx.context, "num_gpus", lambda: len(faults))
        monkeypatch.setattr(devices.cuda, "compute_capability", lambda gpu: None)
        monkeypatch.setattr(devices, "_small_lstm_step", small_lstm_step)

    return install


FAULTS = {
    "no binaries": mx.MXNetError("Check failed: CUDA: no kernel image is available for execution"),
    "wrong driver": mx.MXNetError("CUDA: CUDA driver version is insufficient for CUDA runtime version"),
    "out of memory": mx.MXNetError("Traceback:\n  line\ncudaMalloc retry failed: out of memory"),
    "cuDNN missing": mx.MXNetError("Could not load library libcudnn_ops_infer.so.8"),
    "wrong numbers": np.full(49, np.nan),
}


def test_without_a_gpu_the_cpu_is_used_without_a_warning(recwarn):
    assert d2l.try_gpu() == mx.cpu()
    assert d2l.try_all_gpus() == [mx.cpu()]
    assert [warning for warning in recwarn if warning.category is UserWarning] == []


def test_a_gpu_that_works_is_used(gpus, recwarn):
    gpus(None, None)
    assert d2l.try_gpu() == mx.gpu(0)
    assert d2l.try_all_gpus() == [mx.gpu(0), mx.gpu(1)]
    assert [warning for warning in recwarn if warning.category is UserWarning] == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_gpu_that_does_not_work_gives_the_cpu_and_one_warning(fault, gpus):
    gpus(fault, None)
    with pytest.warns(UserWarning) as warnings:
        assert d2l.try_gpu() == mx.cpu()
    (message,) = (str(warning.message) for warning in warnings)
    assert message.startswith("GPU 0 cannot be used (")
    assert (str(fault).splitlines()[-1] if isinstance(fault, Exception) else "wrong numbers") in message
    assert "docs/installation.md" in message and "\n" not in message  # noqa: PT018


def test_every_gpu_is_tested(gpus):
    gpus(None, FAULTS["out of memory"], None, FAULTS["wrong numbers"])
    with pytest.warns(UserWarning) as warnings:
        assert d2l.try_all_gpus() == [mx.gpu(0), mx.gpu(2)]
    assert [str(warning.message)[:5] for warning in warnings] == ["GPU 1", "GPU 3"]


@pytest.mark.parametrize("capability", [(5, 0), (6, 1), (7, 5), (8, 0), (8, 6), (8, 9)])
def test_gpus_from_maxwell_to_ada_are_tested(capability, gpus, monkeypatch, recwarn):
    gpus(None)
    monkeypatch.setattr(devices.cuda, "compute_capability", lambda gpu: capability)
    assert d2l.try_gpu() == mx.gpu(0)
    assert [warning for warning in recwarn if warning.category is UserWarning] == []


@pytest.mark.parametrize("capability", [(3, 7), (9, 0), (10, 0), (12, 0)])
def test_mxnet_starts_nothing_on_older_and_newer_gpus(capability, gpus, monkeypatch):
    gpus(AssertionError("It was started."), None)
    monkeypatch.setattr(devices.cuda, "compute_capability", lambda gpu: [capability, (8, 6)][gpu])
    with pytest.warns(UserWarning) as warnings:
        assert d2l.try_all_gpus() == [mx.gpu(1)]
    (message,) = (str(warning.message) for warning in warnings)
    assert message.startswith(f"GPU 0 cannot be used (its compute capability is {capability[0]}.{capability[1]}, ")
    assert "5.0 to 8.9" in message


def test_a_driver_that_cannot_count_gpus_gives_the_cpu_and_one_warning(monkeypatch):
    def num_gpus():
        raise mx.MXNetError("Traceback (most recent call last):\n  File base.h\n" + str(FAULTS["wrong driver"]))

    monkeypatch.setattr(mx.context, "num_gpus", num_gpus)
    with pytest.warns(UserWarning, match="driver version is insufficient"):
        assert d2l.try_gpu() == mx.cpu()


@pytest.mark.skipif(mx.runtime.Features().is_enabled("CUDA"), reason="this MXNet has CUDA")
def test_mxnets_own_error_is_caught(monkeypatch):
    monkeypatch.setattr(mx.context, "num_gpus", lambda: 1)
    with pytest.warns(UserWarning, match="GPU 0 cannot be used"):
        assert d2l.try_gpu() == mx.cpu()


def test_the_self_test_does_not_compute_constants():
    values = small_lstm_step_on_cpu(mx.cpu())
    assert np.isfinite(values).all()
    assert len(np.unique(values)) > 10


def test_missing_cuda_libraries_raise_one_sentence(tmp_path):
    (tmp_path / "mxnet.py").write_text("raise OSError('libcudart.so.11.0: cannot open shared object file')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import d2l_helpers"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: MXNet's shared library cannot be loaded (libcudart.so.11.0" in process.stderr.splitlines()[-1]
    assert "`make install-gpu`" in process.stderr.splitlines()[-1]
