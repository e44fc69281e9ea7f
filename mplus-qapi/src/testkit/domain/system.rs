//! Versions, sync markers, VAT rates, credentials.

use crate::{
    system::*,
    testkit::{
        catalogue::{LOW, VAT_RATES, vat_groups},
        dialect::{TURN, VatChange},
        domain::operations::{Answer, Operations},
        state::State,
    },
    types::VatGroup,
    value::SoapMplusDate,
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_api_version);
    operations.on(get_database_version);
    operations.on(get_license_information);
    operations.on(get_current_sync_markers);
    operations.on(get_current_sync_markers_v2);
    operations.on(get_vat_group_list);
    operations.on(verify_credentials);
}

fn get_api_version(state: &mut State, _: GetApiVersion) -> Answer<GetApiVersionResponse> {
    let today = SoapMplusDate::from(state.clock.today());
    Ok(GetApiVersionResponse {
        major_number: 1,
        minor_number: 0,
        revision_number: 0,
        database_major_number: Some(67),
        database_minor_number: Some(1),
        database_revision_number: Some(3),
        service_major_number: Some(67),
        service_minor_number: Some(1),
        service_revision_number: Some(3),
        service_build_number: Some(1),
        service_date: Some(today),
        service_date_time: Some(state.clock.stamp()),
        service_hostname: Some("pos.invalid".into()),
        service_min_worker_threads: Some(4),
        service_max_worker_threads: Some(16),
        server_major_number: Some(67),
        server_minor_number: Some(1),
        server_revision_number: Some(3),
        server_date: Some(today),
        server_date_time: Some(state.clock.stamp()),
        in_debug_mode: false,
        is_slave_api: Some(false),
        slave_api_type: Some(SlaveApiType::NoSlaveApi),
        service_version_display_string: Some("67.1.3".into()),
        ..GetApiVersionResponse::default()
    })
}

fn get_database_version(_: &mut State, _: GetDatabaseVersion) -> Answer<GetDatabaseVersionResponse> {
    Ok(GetDatabaseVersionResponse {
        major_number: 67,
        minor_number: 1,
        revision_number: 3,
        ..GetDatabaseVersionResponse::default()
    })
}

fn get_license_information(
    state: &mut State,
    _: GetLicenseInformation,
) -> Answer<GetLicenseInformationResponse> {
    let licensed = |branch_number| LicensedBranch {
        branch_number,
        branch_name: state.branches.get(branch_number).map(|branch| branch.branch_name.clone()),
        workplace_limit: Some(2),
        ..LicensedBranch::default()
    };
    Ok(GetLicenseInformationResponse {
        obscured_license_key: Some("****-TEST".into()),
        company_name: Some("Brasserie De Gouden Leeuw B.V.".into()),
        city: Some("Amsterdam".into()),
        licensed_branches: state.branches.numbers().into_iter().map(licensed).collect(),
    })
}

fn get_current_sync_markers(
    state: &mut State,
    _: GetCurrentSyncMarkers,
) -> Answer<GetCurrentSyncMarkersResponse> {
    Ok(GetCurrentSyncMarkersResponse {
        article_sync_marker: state.catalogue.marker(),
        article_group_sync_marker: Some(state.article_groups.marker()),
        relation_sync_marker: state.relations.marker(),
        order_sync_marker: state.orders.marker(),
        stock_id: Some(state.stock.last_id()),
        ..GetCurrentSyncMarkersResponse::default()
    })
}

/// What is asked for, as far as the test POS has a sequence for it.
fn get_current_sync_markers_v2(
    state: &mut State,
    GetCurrentSyncMarkersV2 { request }: GetCurrentSyncMarkersV2,
) -> Answer<GetCurrentSyncMarkersV2Response> {
    let asked = |flag: Option<bool>, marker: i64| (flag == Some(true)).then_some(marker);
    Ok(GetCurrentSyncMarkersV2Response {
        article_sync_marker: asked(request.include_article_sync_marker, state.catalogue.marker()),
        article_group_sync_marker: asked(
            request.include_article_group_sync_marker,
            state.article_groups.marker(),
        ),
        relation_sync_marker: asked(request.include_relation_sync_marker, state.relations.marker()),
        order_sync_marker: asked(request.include_order_sync_marker, state.orders.marker()),
        stock_id: asked(request.include_stock_id, state.stock.last_id()),
        preparation_method_group_sync_marker: asked(
            request.include_preparation_method_group_sync_marker,
            state.preparation.marker(),
        ),
        article_alterations_groups_sync_marker: asked(
            request.include_article_alterations_groups_sync_marker,
            state.preparation.alterations_marker(),
        ),
        article_nutritional_characteristics_sync_marker: asked(
            request.include_article_nutritional_characteristics_sync_marker,
            state.catalogue.marker(),
        ),
        ..GetCurrentSyncMarkersV2Response::default()
    })
}

fn get_vat_group_list(state: &mut State, _: GetVatGroupList) -> Answer<GetVatGroupListResponse> {
    let told = |mut group: VatGroup| {
        group.vat_percentage = state.vat_rate(group.vat_code).unwrap_or_default();
        group
    };
    Ok(GetVatGroupListResponse {
        vat_group: state.branches.numbers().into_iter().flat_map(vat_groups).map(told).collect(),
    })
}

impl State {
    /// The VAT codes with their percentages at this moment, in hundredths.
    pub(super) fn vat_rates(&self) -> Vec<(i32, i64)> {
        let rises = self.dialect.vat_change == VatChange::Rises && self.clock.hours() >= TURN;
        let rate = |(code, rate)| if rises && code == LOW { (code, RISEN) } else { (code, rate) };
        VAT_RATES.map(rate).into()
    }

    pub(in crate::testkit) fn vat_rate(&self, code: i32) -> Option<i64> {
        self.vat_rates().into_iter().find(|(known, _)| *known == code).map(|(_, rate)| rate)
    }
}

/// What the low rate becomes when it rises.
const RISEN: i64 = 2100;

/// The POS has one employee, `bediening` with the password `welkom`.
fn verify_credentials(
    _: &mut State,
    VerifyCredentials { request }: VerifyCredentials,
) -> Answer<VerifyCredentialsResponse> {
    let verified = (request.username.as_str(), request.password.as_str()) == ("bediening", "welkom");
    let result = if verified { VerifyResult::Authenticated } else { VerifyResult::NotAuthenticated };
    Ok(VerifyCredentialsResponse { verified, result, ..VerifyCredentialsResponse::default() })
}
