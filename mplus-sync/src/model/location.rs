//! Locations: the POS's branches. Pull only; what the POS does not know, the host completes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BranchNumber, LocationId, Record};

/// A place of the merchant; a branch at the POS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// The host's identifier.
    pub id: LocationId,
    /// As guests read it.
    pub name: String,
    /// Where it is, as far as the POS says.
    #[serde(default)]
    pub address: PostalAddress,
    /// The telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The BTW number for receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_number: Option<String>,
    /// The workplaces of the branch, which orders name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workplaces: Vec<Workplace>,
    /// What only the host can say of it, by the host's own names: who pays for it, how it looks. Given by the host's
    /// [`LocationProvisioner`](crate::branches::LocationProvisioner).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What a person still has to fill in before guests can order here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingField>,
    /// Whether the POS no longer lists the branch. The location is kept; a person decides.
    #[serde(default)]
    pub vanished: bool,
}

impl Location {
    /// A location of which nothing but the name is known.
    pub fn new(id: impl Into<LocationId>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            address: PostalAddress::default(),
            phone: None,
            email: None,
            vat_number: None,
            workplaces: Vec::new(),
            attributes: BTreeMap::new(),
            missing: Vec::new(),
            vanished: false,
        }
    }
}

impl Record for Location {
    type Id = LocationId;
    type PosId = BranchNumber;
    const NAME: &'static str = "location";

    fn id(&self) -> &LocationId {
        &self.id
    }

    fn pos_key(number: &BranchNumber) -> String {
        number.to_string()
    }

    fn from_pos_key(key: &str) -> Option<BranchNumber> {
        key.parse().ok().map(BranchNumber::new)
    }
}

/// A till or terminal of a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workplace {
    /// `workplaceNumber`.
    pub number: i32,
    /// As the POS names it.
    pub name: String,
}

/// What a person has to fill in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MissingField {
    /// Street, postcode or town.
    Address,
    /// Latitude and longitude; the POS has none.
    Coordinates,
    /// When it is open.
    OpeningHours,
    /// Where it delivers; the POS has none.
    DeliveryZones,
    /// The telephone number.
    Phone,
    /// The e-mail address.
    Email,
    /// An attribute that the host's provisioner wants each location to have and could not give.
    Attribute(String),
}

/// An address, as far as it is known; no line of it is required.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostalAddress {
    /// Street and house number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// Postcode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// Town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Country: an ISO 3166 code where it is known, the POS's name otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}
