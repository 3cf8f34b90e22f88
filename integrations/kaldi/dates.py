"""What `date` prints, in the forms that are met in job logs.

The form follows the locale of the machine that ran the job, and the time zone is a name or an offset. Names are not
unique (IST, CST), so only those with one meaning among places that run Kaldi are turned into an offset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan januar janvier enero ene gen januari",
            "feb februar février févr fév febrero februari",
            "mar mär märz mars mrz marzo mrt maart maret",
            "apr april avril avr abril abr apr",
            "may mai mayo mei maj mag",
            "jun juni juin junio giu",
            "jul juli juillet juil julio lug",
            "aug august août aoû agosto ago augustus agu",
            "sep sept september septembre septiembre set",
            "oct okt oktober octobre octubre ott",
            "nov november novembre noviembre",
            "dec dez dezember déc décembre dic diciembre des december",
        ),
        start=1,
    )
    for name in names.split()
}

ZONES: dict[str, float] = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "WET": 0,
    "CET": 1,
    "MEZ": 1,
    "CEST": 2,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "EDT": -4,
    "EST": -5,
    "CDT": -5,
    "MDT": -6,
    "MST": -7,
    "PDT": -7,
    "PST": -8,
    "WIB": 7,
    "WITA": 8,
    "WIT": 9,
    "HKT": 8,
    "SGT": 8,
    "PKT": 5,
    "KST": 9,
    "JST": 9,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
}
"""Hours from UTC. Left out because they mean several things: IST (India, Israel, Ireland), CST (China, US), BST, AST."""

_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})(?:\s*(?P<half>[AP]M))?"
_ZONE = r"(?:\s+(?P<zone>[A-Z]{1,5}|[+-]\d{2}(?::?\d{2})?))?"
_FORMS = (
    # Thu Dec  7 00:01:15 WIB 2023 (C locale), Sun Mar 22 09:31:03 AM IST 2020
    re.compile(rf"^[^\s\d]+\s+(?P<month>[^\s\d]+)\s+(?P<day>\d{{1,2}})\s+{_TIME}{_ZONE}\s+(?P<year>\d{{4}})$"),
    # Thu 07 Dec 2023 12:01:15 AM WIB (en_US), Do 7. Dez 00:01:15 CET 2023 (de_DE)
    re.compile(rf"^[^\s\d]+\s+(?P<day>\d{{1,2}})\.?\s+(?P<month>[^\s\d.]+)\.?\s+(?P<year>\d{{4}}),?\s+{_TIME}{_ZONE}$"),
    re.compile(rf"^[^\s\d]+\s+(?P<day>\d{{1,2}})\.?\s+(?P<month>[^\s\d.]+)\.?\s+{_TIME}{_ZONE}\s+(?P<year>\d{{4}})$"),
    # 2023年 12月 07日 星期四 00:01:15 CST (zh, ja)
    re.compile(
        rf"^(?P<year>\d{{4}})\s*年\s*(?P<month>\d{{1,2}})\s*月\s*(?P<day>\d{{1,2}})\s*日\s*\S*\s+{_TIME}{_ZONE}$"
    ),
    # 2023-12-07 00:01:15 +0700 (iso)
    re.compile(rf"^(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})[T ]{_TIME}{_ZONE}$"),
)


@dataclass(frozen=True, slots=True)
class JobTime:
    """A moment in a job log.

    Attributes:
        local: as printed, without a time zone.
        zone: as printed, or `""`.
    """

    local: datetime
    zone: str

    def utc_timestamp(self) -> float | None:
        """Return seconds since 1970 in UTC, or None when the zone's name has several meanings or there is none."""
        hours = zone_offset_hours(self.zone)
        if hours is None:
            return None
        return self.local.replace(tzinfo=timezone.utc).timestamp() - 3600.0 * hours


@lru_cache(maxsize=256)
def zone_offset_hours(zone: str) -> float | None:
    """Return a time zone's offset from UTC in hours, or None when it is not known for certain.

    >>> zone_offset_hours("+0530"), zone_offset_hours("WIB"), zone_offset_hours("CST")
    (5.5, 7, None)
    """
    numeric = re.fullmatch(r"([+-])(\d{2}):?(\d{2})?", zone)
    if numeric is None:
        return ZONES.get(zone)
    hours = int(numeric[2]) + int(numeric[3] or 0) / 60
    return (-hours if numeric[1] == "-" else hours) if hours < 24 else None


@lru_cache(maxsize=16_384)
def parse_date(text: str) -> JobTime | None:
    """Return the moment that a line of `date` says, or None when it is in no known form.

    >>> parse_date("Wed Feb 27 16:50:14 +07 2019")
    JobTime(local=datetime.datetime(2019, 2, 27, 16, 50, 14), zone='+07')
    """
    text = text.strip()
    for form in _FORMS:
        match = form.match(text)
        if match is None:
            continue
        month_text = match["month"]
        month = int(month_text) if month_text.isdigit() else _MONTHS.get(month_text.lower())
        if month is None:
            continue
        hour = int(match["hour"])
        if match["half"] is not None:
            hour = hour % 12 + (12 if match["half"] == "PM" else 0)
        try:
            local = datetime(  # noqa: DTZ001 - the zone is kept beside it, because its name may be ambiguous
                int(match["year"]), month, int(match["day"]), hour, int(match["minute"]), int(match["second"])
            )
        except ValueError:
            continue
        return JobTime(local, match["zone"] or "")
    return None
