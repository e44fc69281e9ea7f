//! Branches and what is known of them.

use crate::{
    branches::*,
    testkit::{
        brasserie,
        domain::{
            operations::{Answer, Operations},
            state::State,
        },
    },
};

#[derive(Debug)]
pub(in crate::testkit) struct Branches {
    list: Vec<(Branch, BranchInformation)>,
}

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_branches);
    operations.on(get_branch_information);
    operations.on(save_branch_information);
    operations.on(get_branch_groups);
}

impl Branches {
    pub(in crate::testkit) fn brasserie() -> Self {
        let mut branches = Self { list: Vec::new() };
        for (number, name, street, zipcode, city) in brasserie::BRANCHES {
            branches.add(number, name);
            if let Some((_, information)) = branches.list.last_mut() {
                (information.address, information.zipcode, information.city) =
                    (street.into(), zipcode.into(), city.into());
            }
        }
        branches
    }

    pub(in crate::testkit) fn add(&mut self, branch_number: i32, name: &str) {
        let workplace = |workplace_number| Workplace {
            workplace_number,
            workplace_name: format!("Kassa {workplace_number}"),
            is_mobile: workplace_number > 1,
            ..Workplace::default()
        };
        let branch = Branch {
            branch_number,
            branch_name: name.to_owned(),
            abbreviation: format!("V{branch_number}"),
            workplaces: vec![workplace(1), workplace(2)].into(),
            country_code: 528,
            country_iso3: "NLD".into(),
            country_name: "Nederland".into(),
            ..Branch::default()
        };
        let information = BranchInformation {
            branch_number,
            branch_name: name.to_owned(),
            company_name: "Brasserie De Gouden Leeuw B.V.".into(),
            country_code: 528,
            country_name: "Nederland".into(),
            telephone: format!("+31 20 555 01 {branch_number:02}"),
            email: format!("filiaal{branch_number}@gouden-leeuw.example"),
            vat_number: "NL000000000B01".into(),
            ..BranchInformation::default()
        };
        self.list.push((branch, information));
    }

    pub(in crate::testkit) fn numbers(&self) -> Vec<i32> {
        self.list.iter().map(|(branch, _)| branch.branch_number).collect()
    }

    pub(in crate::testkit) fn get(&self, number: i32) -> Option<&Branch> {
        self.list.iter().map(|(branch, _)| branch).find(|branch| branch.branch_number == number)
    }

    pub(in crate::testkit) fn has_workplace(&self, branch: i32, workplace: i32) -> bool {
        self.get(branch)
            .is_some_and(|branch| branch.workplaces.iter().any(|held| held.workplace_number == workplace))
    }
}

fn get_branches(state: &mut State, _: GetBranches) -> Answer<GetBranchesResponse> {
    Ok(GetBranchesResponse {
        branches: state.branches.list.iter().map(|(branch, _)| branch.clone()).collect(),
    })
}

fn get_branch_information(
    state: &mut State,
    GetBranchInformation { request }: GetBranchInformation,
) -> Answer<GetBranchInformationResponse> {
    let found = state.branches.list.iter().find(|(branch, _)| branch.branch_number == request.branch_number);
    Ok(match found {
        Some((_, information)) => GetBranchInformationResponse {
            result: GetBranchInformationResult::Ok,
            branch_information: Some(information.clone()),
            error_message: None,
        },
        None => GetBranchInformationResponse {
            result: GetBranchInformationResult::Failed,
            branch_information: None,
            error_message: Some(format!("There is no branch {}.", request.branch_number)),
        },
    })
}

fn save_branch_information(
    state: &mut State,
    SaveBranchInformation { request }: SaveBranchInformation,
) -> Answer<SaveBranchInformationResponse> {
    let number = request.branch_information.branch_number;
    let found = state.branches.list.iter_mut().find(|(branch, _)| branch.branch_number == number);
    let Some((branch, information)) = found else {
        return Ok(SaveBranchInformationResponse {
            result: SaveBranchInformationResult::Failed,
            error_message: Some(format!("There is no branch {number}.")),
        });
    };
    branch.branch_name = request.branch_information.branch_name.clone();
    *information = request.branch_information;
    Ok(SaveBranchInformationResponse { result: SaveBranchInformationResult::Ok, error_message: None })
}

fn get_branch_groups(state: &mut State, _: GetBranchGroups) -> Answer<GetBranchGroupsResponse> {
    let branch_group = BranchGroup {
        group_name: "Alle filialen".into(),
        group_number: 1,
        group_sort_number: 1,
        branch_numbers: state.branches.numbers(),
        ..BranchGroup::default()
    };
    Ok(GetBranchGroupsResponse {
        branch_groups_list: vec![BranchGroups { branch_group, sub_groups: Vec::new() }],
    })
}
