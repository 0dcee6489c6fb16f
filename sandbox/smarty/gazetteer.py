"""The invented towns and buildings every address stand-in answers from; the same on every start, nobody lives there."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SMARTY_KEY = 1234567890
UNITS_PER_BUILDING = 100


@dataclass(frozen=True)
class Town:
    city: str
    state: str
    state_name: str
    zipcode: str
    county_fips: str
    county_name: str
    latitude: float
    longitude: float
    time_zone: str
    iana_time_zone: str
    utc_offset: int
    observes_dst: bool = True
    country: str = "US"
    located_county_fips: str = ""  # where the map puts the town, when the post office disagrees (`county_source`)
    located_county_name: str = ""


@dataclass(frozen=True)
class Building:
    """One delivery building. `units` empty means it has no secondary addresses."""

    ordinal: int
    number: str
    street: str
    suffix: str
    town: Town
    predirection: str = ""
    units: tuple[str, ...] = ()
    designator: str = "Apt"
    plus4: str = "0001"
    rdi: str = "Residential"
    place_name: str = ""
    place_type: str = "premise"
    urbanization: str = ""
    is_postal: bool = True  # False: it stands there, but the post office does not know it
    is_vacant: bool = False
    is_cmra: bool = False  # a commercial mail receiving agency
    is_box: bool = False

    @property
    def smarty_key(self) -> str:
        return str(FIRST_SMARTY_KEY + (self.ordinal - 1) * UNITS_PER_BUILDING)

    def unit_key(self, unit: str) -> str:
        """The Smarty key of one unit; the building's own when the unit is unknown."""
        place = self.units.index(unit) + 1 if unit in self.units else 0
        return str(int(self.smarty_key) + place)

    @property
    def place_id(self) -> str:
        return f"ChIJsandbox{self.ordinal:04d}"

    @property
    def latitude(self) -> float:
        return round(self.town.latitude + (self.ordinal - 1) * 0.001 + 0.00001, 6)

    @property
    def longitude(self) -> float:
        return round(self.town.longitude - (self.ordinal - 1) * 0.001 - 0.00001, 6)

    @property
    def street_line(self) -> str:
        """The delivery line without a unit, as the post office writes it: `12 Example Pl`."""
        if self.is_box:
            return f"PO Box {self.number}"
        return " ".join(part for part in (self.number, self.predirection, self.street, self.suffix) if part)


_EASTERN = ("Eastern", "America/New_York", -5)

SAMPLETON = Town("Sampleton", "NY", "New York", "10099", "36061", "New York", 40.8, -73.96, *_EASTERN)
MOCKVILLE = Town(
    "Mockville",
    "NJ",
    "New Jersey",
    "07099",
    "34003",
    "Bergen",
    40.9,
    -74.1,
    *_EASTERN,
    located_county_fips="34013",
    located_county_name="Essex",
)
PLAYA_EJEMPLO = Town(
    "Playa Ejemplo",
    "PR",
    "Puerto Rico",
    "00699",
    "72127",
    "San Juan",
    18.4,
    -66.06,
    "Atlantic",
    "America/Puerto_Rico",
    -4,
    observes_dst=False,
    country="PR",
)
SPECIMEN = Town(
    "Specimen Springs",
    "CA",
    "California",
    "90099",
    "06037",
    "Los Angeles",
    34.05,
    -118.25,
    "Pacific",
    "America/Los_Angeles",
    -8,
)
TOWNS = (SAMPLETON, MOCKVILLE, PLAYA_EJEMPLO, SPECIMEN)

BUILDINGS = (
    Building(1, "12", "Example", "Pl", SAMPLETON, units=("1", "2", "3", "4"), place_name="Example Hall", plus4="0001"),
    Building(2, "14", "Example", "Pl", SAMPLETON, plus4="0002"),
    Building(3, "16", "Example", "Pl", SAMPLETON, plus4="0003", is_vacant=True),
    Building(4, "20", "Sample", "St", SAMPLETON, predirection="N", plus4="0020"),
    Building(5, "20", "Sample", "St", SAMPLETON, predirection="S", plus4="0021"),
    Building(
        6,
        "100",
        "Specimen",
        "Ave",
        SAMPLETON,
        units=("100", "200", "300"),
        designator="Ste",
        plus4="0100",
        rdi="Commercial",
        place_name="Specimen Library",
        place_type="library",
    ),
    Building(
        7, "40", "Mailbox", "Way", SAMPLETON, plus4="0040", rdi="Commercial", place_name="Parcel Corner", is_cmra=True
    ),
    Building(8, "7", "", "", SAMPLETON, plus4="0007", is_box=True, rdi="", place_type="post_box"),
    Building(9, "5", "Newbuilt", "Ln", SAMPLETON, plus4="", is_postal=False),
    Building(10, "1", "Placeholder", "Rd", MOCKVILLE, plus4="0001"),
    Building(11, "3", "Placeholder", "Rd", MOCKVILLE, plus4="0003", rdi="Commercial", place_name="Mock Bakery"),
    Building(12, "25", "Calle Muestra", "", PLAYA_EJEMPLO, plus4="0025", urbanization="URB Las Muestras"),
    Building(13, "800", "Template", "Blvd", SPECIMEN, plus4="0800", place_name="Template Theatre"),
)
