"""A place as Places (New) writes it, and what the asked fields cost: the dearest field sets the SKU (§5.4, §9)."""

from __future__ import annotations

from enum import IntEnum

from sandbox.google import atlas
from sandbox.google.billing import Sku
from sandbox.google.geocoding import address_components, plus_codes
from sandbox.google.messages import Mask, Message
from sandbox.smarty.gazetteer import Building


class BusinessStatus(IntEnum):
    BUSINESS_STATUS_UNSPECIFIED = 0
    OPERATIONAL = 1
    CLOSED_TEMPORARILY = 2
    CLOSED_PERMANENTLY = 3
    FUTURE_OPENING = 4


_IDS = {"id", "name", "attributions", "photos", "movedPlace", "movedPlaceId"}
_ESSENTIALS = {
    "addressComponents",
    "addressDescriptor",
    "adrFormatAddress",
    "formattedAddress",
    "location",
    "plusCode",
    "postalAddress",
    "shortFormattedAddress",
    "types",
    "viewport",
}
_PRO = {
    "accessibilityOptions",
    "businessStatus",
    "containingPlaces",
    "displayName",
    "googleMapsLinks",
    "googleMapsTypeLabel",
    "googleMapsUri",
    "iconBackgroundColor",
    "iconMaskBaseUri",
    "openingDate",
    "primaryType",
    "primaryTypeDisplayName",
    "pureServiceAreaBusiness",
    "subDestinations",
    "timeZone",
    "utcOffsetMinutes",
}
_ENTERPRISE = {
    "currentOpeningHours",
    "currentSecondaryOpeningHours",
    "internationalPhoneNumber",
    "nationalPhoneNumber",
    "priceLevel",
    "priceRange",
    "rating",
    "regularOpeningHours",
    "regularSecondaryOpeningHours",
    "userRatingCount",
    "websiteUri",
}
_ATMOSPHERE = {
    "allowsDogs",
    "curbsidePickup",
    "delivery",
    "dineIn",
    "editorialSummary",
    "evChargeAmenitySummary",
    "evChargeOptions",
    "fuelOptions",
    "generativeSummary",
    "goodForChildren",
    "goodForGroups",
    "liveMusic",
    "menuForChildren",
    "neighborhoodSummary",
    "outdoorSeating",
    "parkingOptions",
    "paymentOptions",
    "reservable",
    "restroom",
    "reviewSummary",
    "reviews",
    "servesBreakfast",
    "servesCoffee",
    "servesDinner",
    "servesLunch",
    "takeout",
}
FIELDS = _IDS | _ESSENTIALS | _PRO | _ENTERPRISE | _ATMOSPHERE


def details_sku(mask: Mask) -> Sku:
    """What Place Details with these fields are billed as."""
    asked = {path[0] for path in mask}
    if "*" in asked or asked & _ATMOSPHERE:
        return Sku.DETAILS_ATMOSPHERE
    if asked & _ENTERPRISE:
        return Sku.DETAILS_ENTERPRISE
    if asked & _PRO:
        return Sku.DETAILS_PRO
    return Sku.DETAILS_ESSENTIALS if asked & _ESSENTIALS else Sku.DETAILS_IDS


def search_sku(mask: Mask) -> Sku:
    """What a Text Search with these fields is billed as: ids, Pro (which has the essentials in it), or Enterprise."""
    inner = {path[1] if len(path) > 1 else "*" for path in mask if path[0] in ("places", "*")}
    if "*" in inner or inner & (_ENTERPRISE | _ATMOSPHERE):
        return Sku.TEXT_ENTERPRISE
    return Sku.TEXT_PRO if inner & (_ESSENTIALS | _PRO) else Sku.TEXT_IDS


def place_message(building: Building, language: str) -> Message:
    """Everything known of a place; the field mask picks."""
    types, town = atlas.place_types(building), building.town
    return {
        "name": f"places/{building.place_id}",
        "id": building.place_id,
        "types": types,
        "formattedAddress": atlas.formatted(building, language),
        "addressComponents": [_component(one, language) for one in address_components(building, language)],
        **_where(building),
        "googleMapsUri": f"https://maps.example/?cid={building.ordinal}",
        "utcOffsetMinutes": town.utc_offset * 60,
        "adrFormatAddress": f'<span class="street-address">{building.street_line}</span>',
        "businessStatus": BusinessStatus.OPERATIONAL if building.place_name else BusinessStatus(0),
        "displayName": {"text": atlas.name_of(building), "languageCode": language},
        "primaryType": types[0],
        "shortFormattedAddress": f"{building.street_line}, {town.city}",
        "postalAddress": _postal_address(building, language),
        "timeZone": {"id": town.iana_time_zone},
    }


def _where(building: Building) -> Message:
    low, high = atlas.corners(building.latitude, building.longitude)
    codes = plus_codes(building.latitude, building.longitude, building.town)
    return {
        "plusCode": {"globalCode": codes["global_code"], "compoundCode": codes["compound_code"]},
        "location": atlas.point(building),
        "viewport": {
            "low": {"latitude": low[0], "longitude": low[1]},
            "high": {"latitude": high[0], "longitude": high[1]},
        },
    }


def _postal_address(building: Building, language: str) -> Message:
    town = building.town
    return {
        "regionCode": town.country,
        "languageCode": language,
        "postalCode": town.zipcode,
        "administrativeArea": town.state_name,
        "locality": town.city,
        "addressLines": [building.street_line],
    }


def _component(classic: Message, language: str) -> Message:
    return {
        "longText": classic["long_name"],
        "shortText": classic["short_name"],
        "types": classic["types"],
        "languageCode": language,
    }
