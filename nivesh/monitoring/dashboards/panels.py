"""The kinds of panel that the dashboards are made of, and their variables. Every id is set here, so that diffs are stable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    DataSourceRef,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    ScaleDistribution,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from nivesh.monitoring.queries import Regex

TAG = "nivesh"
RATE = "$__rate_interval"  # at least four scrapes, so that every point has a rate
RANGE = "$__range"
SELECTED = {"model_name": Regex("$model"), "version": Regex("$version")}
MODEL = {"model_name": Regex("$model")}
BY_VERSION = "{{model_name}} {{version}}"
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
ALL = models.VariableOption(selected=True, text=["All"], value=["$__all"])
GREEN, ORANGE, RED = "green", "orange", "red"


Kind = timeseries.Panel | stat.Panel | bargauge.Panel | table.Panel | heatmap.Panel


@dataclass(frozen=True)
class Query:
    """A PromQL expression and the legend of its series."""

    expression: str
    legend: str = BY_VERSION


@dataclass(frozen=True)
class Panel:
    """One panel.

    Attributes:
        title, description: what is shown, and how to read it.
        unit: Grafana's name of the unit, such as reqps, s or percentunit.
        queries: their refIds are A, B, … in this order.
        kind: timeseries, stat, bars, table or heatmap. A table's legends are the names of its columns.
        width, height: in Grafana's grid, which is 24 wide.
        steps: from which value the colour changes; ``base`` is that of all lower values.
        floor, ceiling: ends of the axis.
        stacked, logarithmic: of time series.
    """

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    kind: str = "timeseries"
    width: int = 12
    height: int = 8
    steps: Sequence[tuple[float, str]] = ()
    base: str = GREEN
    floor: float | None = None
    ceiling: float | None = None
    stacked: bool = False
    logarithmic: bool = False


def figure(title: str, description: str, unit: str, query: str, *steps: tuple[float, str], base: str = GREEN) -> Panel:
    """One number with a colour, a quarter of the row wide."""
    return Panel(title, description, unit, [Query(query, "")], "stat", 6, 4, steps, base)


def build(title: str, uid: str, description: str, rows: dict[str, Sequence[Panel]]) -> models.Dashboard:
    """A dashboard of titled rows of panels."""
    built = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .editable()
        .links(
            [
                dashboard.DashboardLink("Nivesh dashboards")
                .type(models.DashboardLinkType.DASHBOARDS)
                .tags([TAG])
                .as_dropdown(True)
                .include_vars(True)
                .keep_time(True)
            ]
        )
        .variables(_variables())
    )
    y = number = 0
    for name, panels in rows.items():
        number += 1
        built.with_row(dashboard.Row(name).id(number).grid_pos(models.GridPos(h=1, w=24, x=0, y=y)))
        y += 1
        x = height = 0
        for panel in panels:
            if x + panel.width > 24:
                x, y, height = 0, y + height, 0
            number += 1
            built.with_panel(_panel(panel, number, models.GridPos(h=panel.height, w=panel.width, x=x, y=y)))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return built.build()


def _variables() -> list[Builder[models.VariableModel]]:
    source = dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    found: list[Builder[models.VariableModel]] = [source]
    for name, label, query in (
        ("model", "Model", "label_values(ml_model_accuracy, model_name)"),
        ("version", "Version", 'label_values(ml_model_accuracy{model_name=~"$model"}, version)'),
    ):
        found.append(
            dashboard.QueryVariable(name)
            .label(label)
            .datasource(SOURCE)
            .query({"query": query, "refId": f"Variable-{name}"})
            .definition(query)
            .multi(True)
            .include_all(True)
            .all_value(".+")
            .current(ALL)
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.ALPHABETICAL_ASC)
        )
    return found


def _panel(panel: Panel, number: int, position: models.GridPos) -> Builder[models.Panel]:
    makers: dict[str, Callable[[Panel], Kind]] = {
        "timeseries": _timeseries, "stat": _stat, "bars": _bars, "table": _table, "heatmap": _heatmap,
    }  # fmt: skip
    return (
        makers[panel.kind](panel)
        .id(number)
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .grid_pos(position)
        .unit(panel.unit)
        .targets([_target(query, number, panel.kind) for number, query in enumerate(panel.queries)])
    )


def _target(query: Query, number: int, kind: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().datasource(SOURCE).expr(query.expression).ref_id(chr(ord("A") + number))
    target = target.legend_format(query.legend)
    # Only time has a history: the other kinds ask for the present value alone.
    target = target.range() if kind in ("timeseries", "heatmap") else target.instant()
    return target.format(
        {"table": PromQueryFormat.TABLE, "heatmap": PromQueryFormat.HEATMAP}.get(kind, PromQueryFormat.TIME_SERIES)
    )


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(None, panel.base), *(models.Threshold(value, color) for value, color in panel.steps)]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _timeseries(panel: Panel) -> timeseries.Panel:
    built = (
        timeseries.Panel()
        .line_width(2)
        .fill_opacity(25 if panel.stacked else 0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if panel.floor is not None:
        built = built.min(panel.floor)
    if panel.ceiling is not None:
        built = built.max(panel.ceiling)
    if panel.steps:
        dashed = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        built = built.thresholds(_thresholds(panel)).thresholds_style(dashed)
    if panel.stacked:
        built = built.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if panel.logarithmic:
        built = built.scale_distribution(common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10))
    return built


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _stat(panel: Panel) -> stat.Panel:
    return (
        stat.Panel()
        .reduce_options(_last())
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .thresholds(_thresholds(panel))
    )


def _bars(panel: Panel) -> bargauge.Panel:
    built = (
        bargauge.Panel()
        .reduce_options(_last())
        .orientation(VizOrientation.HORIZONTAL)
        .thresholds(_thresholds(panel))
        .min(0)
    )
    return built.max(panel.ceiling) if panel.ceiling is not None else built


def _table(panel: Panel) -> table.Panel:
    """One row per set of labels, with a column per query."""
    columns = {f"Value #{chr(ord('A') + number)}": query.legend for number, query in enumerate(panel.queries)}
    return (
        table.Panel()
        .show_header(True)
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize", options={"excludeByName": {"Time": True}, "renameByName": columns, "indexByName": {}}
            )
        )
    )


def _heatmap(panel: Panel) -> heatmap.Panel:
    return (
        heatmap.Panel()
        .calculate(False)
        .y_axis(heatmap.YAxisConfig().unit(panel.unit))
        .cell_values(heatmap.CellValues().unit("reqps"))
        .hide_legend()
    )
