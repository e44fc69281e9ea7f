//! Branches and what is known of them.

use crate::{
    branches::*,
    testkit::{
        domain::operations::{Answer, Operations},
        state::State,
    },
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_branches);
    operations.on(get_branch_information);
    operations.on(save_branch_information);
    operations.on(get_branch_groups);
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
