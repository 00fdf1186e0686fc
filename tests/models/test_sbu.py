"""Published package costs as first effects."""

from __future__ import annotations

import math

from models.sbu import published_costs


def test_costs_are_log_ratios_to_the_reference_with_their_doubt() -> None:
    one, other = published_costs(100.0), published_costs(200.0)
    mean, doubt = one["package", "gcc-pass1"]
    assert mean > one["package", "binutils-pass1"][0]
    assert math.isclose(mean - other["package", "gcc-pass1"][0], math.log(200.5 / 100.5))
    assert doubt > 0.0


def test_more_jobs_never_make_a_package_dearer() -> None:
    costs = published_costs(180.0)
    for name in [name for family, name in costs if family == "package"]:
        ratios = [costs["package@parallel", f"{name}\x1f{jobs}"][0] for jobs in (1, 2, 4, 8, 16, 64)]
        assert ratios[0] == 0.0
        assert ratios == sorted(ratios, reverse=True)
