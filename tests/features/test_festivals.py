import pandas as pd
import pytest

from nivesh.errors import SettingsError
from nivesh.features.festivals import festivals


def dates(frame: pd.DataFrame, name: str) -> list[str]:
    return frame.loc[frame["name"] == name, "date"].dt.strftime("%Y-%m-%d").tolist()


def test_known_dates():
    frame = festivals([2024, 2025])
    assert dates(frame, "Diwali") == ["2024-10-31", "2025-10-20"]
    assert dates(frame, "Holi") == ["2024-03-25", "2025-03-14"]
    assert dates(frame, "Eid al-Fitr") == ["2024-04-11", "2025-03-31"]
    assert dates(frame, "Independence Day") == ["2024-08-15", "2025-08-15"]


@pytest.mark.parametrize(
    "name",
    ["Diwali", "Holi", "Dussehra", "Onam", "Pongal", "Christmas", "Raksha Bandhan", "Ganesh Chaturthi", "Janmashtami"],
)
def test_names_are_stable_over_the_years(name):
    assert festivals(range(2005, 2036)).query("name == @name")["date"].dt.year.nunique() == 31


def test_frame_is_sorted_typed_and_without_duplicates():
    frame = festivals((2026, 2025, 2025))
    assert frame["date"].dtype == "datetime64[ns]"
    assert not frame.duplicated().any()
    assert frame["date"].is_monotonic_increasing
    assert set(frame["date"].dt.year) == {2025, 2026}
    assert len(dates(frame, "Holi")) == 2


def test_no_years_and_years_out_of_range():
    assert festivals([]).empty
    with pytest.raises(SettingsError, match="2036"):
        festivals([2030, 2036])
