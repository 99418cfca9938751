"""Write the renders that test_chart.py compares with: python -m tests.helm.golden."""

from tests.helm.chart import template
from tests.helm.test_chart import GOLDEN, HERE, comparable

if __name__ == "__main__":
    (HERE / "golden").mkdir(exist_ok=True)
    for name, values in GOLDEN.items():
        (HERE / "golden" / f"{name}.yaml").write_text(comparable(template(values)))
