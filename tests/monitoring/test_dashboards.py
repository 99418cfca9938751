"""The dashboards: their JSON is that of the code, and each panel can be read and compared.

tests/monitoring/test_exported_series.py asks their queries of a real Prometheus.
"""

import json
import re
import sys
from pathlib import Path

import pytest

from nivesh.errors import SettingsError
from nivesh.monitoring import dashboards

FOLDER = Path(__file__).parents[2] / "manifests/monitoring/dashboards"
FILES = sorted(FOLDER.glob("*.json"))
ALL = {path.stem: json.loads(path.read_text()) for path in FILES}
TITLED = {
    f"{name}-{panel['title']}": panel
    for name, content in ALL.items()
    for panel in content["panels"]
    if panel["type"] != "row"
}
PANELS = [pytest.param(panel, id=title) for title, panel in TITLED.items()]
OVER_TIME = [pytest.param(panel, id=title) for title, panel in TITLED.items() if panel["type"] == "timeseries"]


def test_the_four_dashboards_are_there():
    assert {content["title"] for content in ALL.values()} == {
        "Model Performance Overview", "Prediction Latency & Throughput", "Data Drift Monitoring", "Error Rates & Types",
    }  # fmt: skip
    assert len({content["uid"] for content in ALL.values()}) == 4


def test_the_files_are_those_of_the_code(tmp_path):
    written = dashboards.write(tmp_path)
    assert sorted(path.name for path in written) == [path.name for path in FILES]
    for path in written:
        assert path.read_text() == (FOLDER / path.name).read_text(), "run: make golden"


def test_without_the_sdk_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "grafana_foundation_sdk", None)
    monkeypatch.setitem(sys.modules, "grafana_foundation_sdk.cog.encoder", None)
    with pytest.raises(SettingsError, match=r"pip install 'nivesh\[monitoring\]'"):
        dashboards.render("drift")


@pytest.mark.parametrize("name", ALL)
def test_a_dashboard_takes_its_source_models_and_versions_from_variables(name):
    variables = {one["name"]: one for one in ALL[name]["templating"]["list"]}
    assert list(variables) == ["datasource", "model", "version"]
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    for one in ("model", "version"):
        assert variables[one]["multi"] and variables[one]["includeAll"] and variables[one]["allValue"] == ".+"
    ids = [panel["id"] for panel in ALL[name]["panels"]]
    assert ids == list(range(1, len(ids) + 1))


@pytest.mark.parametrize("name", ALL)
def test_panels_do_not_overlap_and_fit_the_grid(name):
    taken = set()
    for panel in ALL[name]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_has_title_description_unit_and_a_variable_source(panel):
    assert panel["title"] and len(panel["description"]) > 20 and panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert [target["refId"] for target in panel["targets"]] == list("ABCDEF"[: len(panel["targets"])])
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("panel", PANELS)
def test_rates_use_grafanas_interval_and_metrics_of_models_are_selected(panel):
    for target in panel["targets"]:
        windows = set(re.findall(r"\[([^\]]+)\]", target["expr"]))
        assert windows <= {"$__rate_interval", "$__range", "5m", "1h", "30m", "6h", "1d", "2h"}
        for metric, labels in re.findall(r"\b((?:ml|nivesh)_\w+)(\{[^}]*\})?", target["expr"]):
            if not metric.startswith(("nivesh_features", "nivesh_prediction_log", "ml_active_models")):
                assert 'model_name=~"$model"' in labels, (metric, target["expr"])


@pytest.mark.parametrize("panel", OVER_TIME)
def test_a_canary_is_beside_the_stable_version(panel):
    for target in panel["targets"]:
        if re.search(r"by \([^)]*\bversion\b", target["expr"]):
            assert "{{model_name}} {{version}}" in target["legendFormat"]
