//! POS to host: a branch as a location. Pure.

use mplus_qapi::branches::{Branch, BranchInformation};

use crate::model::{BranchNumber, Location, LocationId, MissingField, Workplace};

/// The branch as a new location, without its address, for which there is a call of its own
/// ([`branch_information_to_location`]).
///
/// Everything that the POS does not keep is listed as missing: coordinates, opening hours, delivery zones.
pub fn branch_to_location(branch: &Branch) -> Location {
    let number = BranchNumber::new(branch.branch_number);
    let mut location = Location::new(LocationId::for_branch(number), format!("Branch {number}"));
    take_branch(&mut location, branch);
    location.missing = vec![
        MissingField::Address,
        MissingField::Coordinates,
        MissingField::OpeningHours,
        MissingField::DeliveryZones,
        MissingField::Phone,
        MissingField::Email,
    ];
    settle_missing(&mut location);
    location
}

/// Takes the branch's name, country and workplaces over.
pub(crate) fn take_branch(location: &mut Location, branch: &Branch) {
    if let Some(name) = filled(&branch.branch_name) {
        location.name = name;
    }
    let country = filled(&branch.country_iso3).or_else(|| filled(&branch.country_name));
    location.address.country = country.or(location.address.country.take());
    let workplace = |told: &mplus_qapi::branches::Workplace| Workplace {
        number: told.workplace_number,
        name: told.workplace_name.clone(),
    };
    // Every branch that sells has one: a list that came without them tells nothing.
    if !branch.workplaces.is_empty() {
        location.workplaces = branch.workplaces.iter().map(workplace).collect();
    }
}

/// Takes over what the POS knows of a branch's address. What it leaves empty stays as the host has it.
pub fn branch_information_to_location(location: &mut Location, information: &BranchInformation) {
    let take = |field: &mut Option<String>, told: &str| {
        if let Some(told) = filled(told) {
            *field = Some(told);
        }
    };
    take(&mut location.address.street, &information.address);
    take(&mut location.address.postcode, &information.zipcode);
    take(&mut location.address.city, &information.city);
    let phone =
        if information.telephone.trim().is_empty() { &information.mobile } else { &information.telephone };
    take(&mut location.phone, phone);
    take(&mut location.email, &information.email);
    take(&mut location.vat_number, &information.vat_number);
    settle_missing(location);
}

/// Strikes from the list what is there by now. What the host struck itself stays struck.
pub(crate) fn settle_missing(location: &mut Location) {
    let address = &location.address;
    let has_address = address.street.is_some() && address.postcode.is_some() && address.city.is_some();
    let there = |field: &MissingField| match field {
        MissingField::Address => has_address,
        MissingField::Phone => location.phone.is_some(),
        MissingField::Email => location.email.is_some(),
        MissingField::Attribute(name) => location.attributes.contains_key(name),
        _ => false,
    };
    let missing = location.missing.iter().filter(|field| !there(field)).cloned().collect();
    location.missing = missing;
}

fn filled(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch() -> Branch {
        Branch {
            branch_number: 2,
            branch_name: "Utrecht".to_owned(),
            country_iso3: "NLD".to_owned(),
            ..Branch::default()
        }
    }

    #[test]
    fn a_new_location_lists_what_a_person_has_to_fill_in() {
        let location = branch_to_location(&branch());
        assert_eq!((location.id.as_str(), location.name.as_str()), ("mpluskassa-2", "Utrecht"));
        assert_eq!(location.missing.len(), 6);
    }

    #[test]
    fn what_the_pos_knows_is_not_missing_and_what_it_leaves_empty_stays_the_hosts() {
        let mut location = branch_to_location(&branch());
        location.phone = Some("030-1".to_owned());
        let information = BranchInformation {
            address: "Oudegracht 88".to_owned(),
            zipcode: "3511 AV".to_owned(),
            city: "Utrecht".to_owned(),
            ..BranchInformation::default()
        };
        branch_information_to_location(&mut location, &information);
        assert_eq!(location.phone.as_deref(), Some("030-1"));
        assert_eq!(location.address.country.as_deref(), Some("NLD"));
        let left = [
            MissingField::Coordinates,
            MissingField::OpeningHours,
            MissingField::DeliveryZones,
            MissingField::Email,
        ];
        assert_eq!(location.missing, left);
    }

    #[test]
    fn a_branch_that_is_told_without_its_workplaces_keeps_them() {
        let workplace = mplus_qapi::branches::Workplace { workplace_number: 3, ..Default::default() };
        let mut location = branch_to_location(&Branch { workplaces: vec![workplace].into(), ..branch() });
        assert_eq!(location.workplaces.len(), 1);
        take_branch(&mut location, &branch());
        assert_eq!(location.workplaces.len(), 1);
    }

    #[test]
    fn a_branch_without_a_name_is_called_by_its_number() {
        assert_eq!(branch_to_location(&Branch { branch_number: 7, ..Branch::default() }).name, "Branch 7");
    }
}
