//! The tables and the manifest that are in the repository fit each other.

use std::{collections::BTreeSet, fs, path::Path};

use mplus_codegen::domains::{Domains, Scaled};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_domain_is_a_feature_and_full_is_all_of_them() {
    let manifest: toml::Table = read("../Cargo.toml").parse().unwrap();
    let features = manifest["features"].as_table().unwrap();
    let domains = Domains::parse(&read("domains.toml")).unwrap();
    let names: BTreeSet<&str> = domains.domains.keys().map(String::as_str).collect();
    let full: BTreeSet<&str> =
        features["full"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(full, names);
    for name in names {
        assert!(features.contains_key(name), "{name}");
    }
}

#[test]
fn every_operation_of_the_service_has_one_domain() {
    let domains = Domains::parse(&read("domains.toml")).unwrap();
    let all: Vec<&String> =
        domains.domains.values().flat_map(|domain| domain.reads.iter().chain(&domain.writes)).collect();
    assert_eq!(all.len(), 374);
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 374);
}

#[test]
fn what_may_claim_a_table_or_mark_a_message_is_no_read() {
    let domains = Domains::parse(&read("domains.toml")).unwrap();
    let reads: BTreeSet<&str> =
        domains.domains.values().flat_map(|domain| &domain.reads).map(String::as_str).collect();
    for operation in
        ["getTableOrder", "getTableOrderV3", "findTableOrder", "getMessages", "getActiveCycleCount"]
    {
        assert!(!reads.contains(operation), "{operation}");
    }
    for operation in ["getProducts", "getStock", "getOrder", "findOrder", "getApiVersion"] {
        assert!(reads.contains(operation), "{operation}");
    }
}

#[test]
fn the_scaled_table_reads_prices_as_cents_and_quantities_by_their_companion() {
    use mplus_codegen::model::Role;
    let scaled = Scaled::parse(&read("scaled.toml")).unwrap();
    assert_eq!(scaled.role("Article", "priceIncl"), Some(Role::Cents));
    assert_eq!(scaled.role("LineData", "quantity"), Some(Role::Scaled));
    assert_eq!(scaled.companion_of("LineData", "decimalPlaces"), Some("quantity"));
    assert_eq!(scaled.role("Article", "articleNumber"), None);
}
