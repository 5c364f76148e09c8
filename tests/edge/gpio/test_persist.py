"""What the kernel does with an output whose process has died; unknown is "keeps"."""

import pytest

from edge.gpio import keeps_outputs


def _controller(folder, name, text):
    parameters = folder / name / "parameters"
    parameters.mkdir(parents=True)
    (parameters / "persist_gpio_outputs").write_text(text)


@pytest.mark.parametrize(
    ("said", "keeps"), [(["N\n"], False), (["Y\n"], True), (["N\n", "Y\n"], True), ([""], True), ([], True)]
)
def test_only_a_kernel_that_says_n_everywhere_lets_go(tmp_path, said, keeps):
    """findings/hardware 2: Raspberry Pi kernels keep the level by default."""
    for number, text in enumerate(said):
        _controller(tmp_path, f"pinctrl_{number}", text)
    assert keeps_outputs(tmp_path) is keeps


def test_a_parameter_that_cannot_be_read_counts_as_keeps(tmp_path):
    (tmp_path / "pinctrl_rp1" / "parameters" / "persist_gpio_outputs").mkdir(parents=True)
    assert keeps_outputs(tmp_path)
