"""Festivals and national holidays of India, from the ``holidays`` package, under names that are the same each year."""

import re
from collections.abc import Iterable

import holidays
import pandas as pd

from nivesh.errors import SettingsError

# Subdivisions whose regional festivals change spending in the whole country.
REGIONAL = ("MH", "TN", "WB")

# The package names a day differently by tradition; a festival needs one name in all years.
SHORT_NAMES = {
    "Basant Panchami": "Vasant Panchami",
    "Basant Panchami / Shri Panchami": "Vasant Panchami",
    "Chaitra Sukladi": "Gudi Padwa",
    "Diwali (Bali Pratipada)": "Bali Pratipada",
    "Dussehra (Mahanavami)": "Maha Navami",
    "Dussehra (Mahashtami)": "Durga Ashtami",
    "Dussehra (Saptami)": "Durga Saptami",
    "Vijayadashami": "Dussehra",
    "Ganesh Chaturthi / Vinayak Chaturthi": "Ganesh Chaturthi",
    "Janmashtami (Vaishnava)": "Janmashtami",
    "Karaka Chaturthi (Karwa Chouth)": "Karwa Chauth",
    "Mahatma Gandhi's Birthday": "Gandhi Jayanti",
    "Mahanavami": "Maha Navami",
    "Mahashtami": "Durga Ashtami",
    "Mahasaptami": "Durga Saptami",
    "Meshadi (Tamil New Year's Day)": "Tamil New Year",
    "Naraka Chaturdashi": "Naraka Chaturdashi",
    "Pratihar Shashthi or Surya Shashthi (Chhath Puja)": "Chhath Puja",
    "Shri Panchami": "Vasant Panchami",
    "Vinayak Chaturthi": "Ganesh Chaturthi",
}

# Other names of a festival that the list already has, on that day or the day before.
DUPLICATES = (
    "Chhatrapati Shivaji Maharaj's Birthday",
    "Diwali (South India)",
    "Janmashtami (Smarta)",
    "Parsi New Year (Shahenshahi)",
    "Rabindranath Tagore's Birthday",
)

# The package has the moving festivals of these years only.
FIRST_YEAR, LAST_YEAR = 2001, 2035


def festivals(years: Iterable[int]) -> pd.DataFrame:
    """All festivals and national holidays of these years.

    Args:
        years: calendar years from 2001 to 2035.

    Returns:
        One row per date and name, sorted: ``date`` (datetime64[ns], midnight) and ``name``, such as
        Diwali, Holi, Dussehra, Eid al-Fitr, Eid al-Adha, Onam, Pongal, Raksha Bandhan, Christmas.

    Raises:
        SettingsError: a year is outside that range.
    """
    years = sorted({int(year) for year in years})
    if years and (years[0] < FIRST_YEAR or years[-1] > LAST_YEAR):
        raise SettingsError(f"festivals are known from {FIRST_YEAR} to {LAST_YEAR}, not for {years[0]}–{years[-1]}")
    days = _days(years) if years else []
    frame = pd.DataFrame(sorted(set(days)), columns=["date", "name"])
    return frame.astype({"date": "datetime64[ns]", "name": object})


def _days(years: list[int]) -> list[tuple[pd.Timestamp, str]]:
    national = _calendar(years, None)
    # A state may celebrate a national festival a day earlier or later; one date per name is enough.
    known = {name for _, name in national}
    return national + [day for state in REGIONAL for day in _calendar(years, state) if day[1] not in known]


def _calendar(years: list[int], state: str | None) -> list[tuple[pd.Timestamp, str]]:
    calendar = holidays.India(years=years, subdiv=state, categories=("public", "optional"), language="en_US")
    days = [(pd.Timestamp(day), _short(name)) for day in calendar for name in calendar.get_list(day)]
    return [(day, name) for day, name in days if name not in DUPLICATES]


def _short(name: str) -> str:
    name = re.sub(r" \((estimated|observed)[^)]*\)", "", name)
    return SHORT_NAMES.get(name, name)
