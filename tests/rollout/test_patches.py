from nivesh.rollout.patches import canary_name, merge_predictors


def test_a_version_as_a_name_in_kubernetes():
    names = [canary_name(version) for version in ("1.2.0", "v1.2.0", "2.0.0-RC1", "7")]
    assert names == ["v1-2-0", "v1-2-0", "v2-0-0-rc1", "v7"]
    assert canary_name("1.2.0", in_use="v1-2-0") == "v1-2-0-again"


def test_a_canary_overrides_fields_and_replaces_lists():
    stable = {"a": {"x": 1, "y": 2}, "list": [1, 2], "kept": True}
    expected = {"a": {"x": 1, "y": 3}, "list": [9], "kept": True}
    assert merge_predictors(stable, {"a": {"y": 3}, "list": [9]}) == expected
