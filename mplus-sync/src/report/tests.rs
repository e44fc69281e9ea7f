use rust_decimal::Decimal;

use super::*;
use crate::model::{ActivityLevel, BtwCode};
use crate::tax::{TaxMapping, VatGroup};

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000 + millis).unwrap()
}

fn report() -> RunReport {
    RunReport::start("menu", ConnectionId::from("bistro"), SyncContext::Manual, Scope::Incremental, at(0))
}

fn cola() -> Subject {
    Subject::new("Cola", "item-7")
}

fn price(pos: &str, host: &str) -> FieldDifference {
    FieldDifference { field: "price".to_owned(), pos: Some(pos.to_owned()), host: Some(host.to_owned()) }
}

fn price_conflict() -> Conflict {
    Conflict {
        resource: Resource::ARTICLES,
        subject: cola(),
        fields: vec![price("2.50", "2.75")],
        winner: Winner::Host,
        why: Why::HostIsLater,
    }
}

fn full_report() -> RunReport {
    let mut report = report();
    let counts = report.count(&Resource::ARTICLES);
    (counts.pulled, counts.unchanged, counts.pushed) = (100, 39_900, 5);
    report.count(&Resource::PREPARATION_METHOD_GROUPS).deactivated += 2;
    (report.requests, report.writes) = (14, 3);
    let groups = [VatGroup::new(BtwCode::new(1), Decimal::from(21))];
    let problem = TaxMapping::dutch().check(&groups).code_for("Cola", Some(Decimal::from(13))).unwrap_err();
    report.skip(Note::tax(Resource::ARTICLES, cola(), &problem));
    report.conflict(price_conflict());
    let (message, advice) = ("the choice Fries was removed on the host", "Remove it from the article menu");
    report.ask_for(Note::about(Resource::named("combos"), Subject::new("Lunch", "combo-1"), message, advice));
    report.incomplete(IncompleteLocation {
        location: LocationId::from("loc-1"),
        name: "Utrecht".to_owned(),
        missing: vec![MissingField::Coordinates, MissingField::OpeningHours],
    });
    report.fail(Note::general(
        Resource::named("images"),
        "the POS did not answer",
        "The next sync tries again",
    ));
    report.finish(RunOutcome::Completed, at(12_340));
    report
}

#[test]
fn a_report_reads_well_in_a_terminal() {
    let expected = "\
Sync of bistro: menu (manual, incremental)
Completed; 12.3 s, 14 requests, 3 writes

                              pulled  unchanged  deactivated     pushed    skipped  conflicts     failed
articles                         100      39900            0          5          1          1          0
images                             0          0            0          0          0          0          1
preparation_method_groups          0          0            2          0          0          0          0

Failures (1)
  images: the POS did not answer
    The next sync tries again

Skipped (1)
  Cola (item-7): Tax mismatch: 13 % is not in the tax mapping
    Add 13 % to the tax mapping, or correct the item's tax rate

Conflicts (1)
  Cola (item-7): the host wins, the host changed it later
    price: POS 2.50, host 2.75

To do by hand in the POS (1)
  Lunch (combo-1): the choice Fries was removed on the host
    Remove it from the article menu

Locations to complete (1)
  Utrecht (loc-1): coordinates, opening hours
";
    assert_eq!(full_report().to_string(), expected);
}

#[test]
fn a_clean_run_prints_two_lines_and_its_counts_only() {
    let mut report = report();
    report.count(&Resource::ARTICLES).pulled = 3;
    report.dry_run = true;
    report.finish(RunOutcome::Completed, at(100));
    assert!(report.is_clean());
    let expected = "\
Sync of bistro: menu (manual, incremental, dry run: nothing was written)
Completed; 0.1 s, 0 requests, 0 writes

             pulled     pushed
articles          3          0
";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn everything_that_a_person_should_look_at_makes_a_report_unclean() {
    fn note() -> Note {
        Note::general(Resource::ARTICLES, "m", "a")
    }
    let missing = vec![MissingField::Phone];
    let location = IncompleteLocation { location: LocationId::from("l"), name: "L".to_owned(), missing };
    type Change = Box<dyn Fn(&mut RunReport)>;
    let changes: [Change; 7] = [
        Box::new(|report| report.skip(note())),
        Box::new(|report| report.fail(note())),
        Box::new(|report| report.ask_for(note())),
        Box::new(|report| report.conflict(price_conflict())),
        Box::new(move |report| report.incomplete(location.clone())),
        Box::new(|report| report.outcome = RunOutcome::Cancelled),
        Box::new(|report| report.outcome = RunOutcome::Running),
    ];
    for change in changes {
        let mut report = report();
        report.finish(RunOutcome::Completed, at(1));
        assert!(report.is_clean());
        change(&mut report);
        assert!(!report.is_clean(), "{report}");
    }
}

#[test]
fn a_location_that_lacks_nothing_is_not_listed() {
    let mut report = report();
    let location = LocationId::from("l");
    report.incomplete(IncompleteLocation { location, name: "L".to_owned(), missing: Vec::new() });
    assert!(report.incomplete_locations.is_empty());
}

#[test]
fn an_aborted_run_says_what_to_do_and_a_cancelled_one_that_nothing_is_lost() {
    let mut report = report();
    let (message, advice) = ("the POS refused ident and secret".to_owned(), "Check them".to_owned());
    report.finish(RunOutcome::Failed { message, advice }, at(0));
    assert!(
        report.to_string().contains("FAILED: the POS refused ident and secret. Check them; 0.0 s"),
        "{report}"
    );
    report.finish(RunOutcome::Cancelled, at(0));
    assert!(report.to_string().contains("the next sync goes on from here"), "{report}");
}

#[test]
fn a_catalogue_full_of_problems_is_counted_whole_and_kept_in_bounds() {
    let mut report = report();
    for number in 0..50_000 {
        let subject = Subject::new(&"é".repeat(10_000), number);
        report.skip(Note::about(
            Resource::ARTICLES,
            subject,
            "the price is negative",
            "Correct it in the POS",
        ));
    }
    report.conflict(Conflict { fields: vec![price(&"9".repeat(10_000), "1")], ..price_conflict() });
    assert_eq!((report.skipped.total, report.skipped.first.len()), (50_000, DETAILS_KEPT));
    assert_eq!(report.counts[&Resource::ARTICLES].skipped, 50_000);
    assert!(report.to_string().contains("\n  and 49980 more\n"));
    assert!(serde_json::to_string(&report).unwrap().len() < 1 << 20);
}

#[test]
fn a_name_cannot_write_to_the_terminal() {
    let mut report = report();
    let evil = Subject::new("\u{1b}[2J\u{202E}Cola\r\n", "7");
    report.skip(Note::about(Resource::ARTICLES, evil, "a\u{7}b", "c\td"));
    let text = report.to_string();
    assert!(text.contains("   [2J Cola   (7): a b\n    c d\n"), "{text:?}");
}

#[test]
fn the_json_form_has_what_a_machine_asks_for() {
    let json = serde_json::to_value(full_report()).unwrap();
    assert_eq!(json["connection"], "bistro");
    assert_eq!(json["context"], "manual");
    assert_eq!(json["scope"], "incremental");
    assert_eq!(json["outcome"]["state"], "completed");
    assert_eq!(json["counts"]["articles"]["pushed"], 5);
    assert_eq!(json["conflicts"]["first"][0]["winner"], "host");
    assert_eq!(json["conflicts"]["first"][0]["fields"][0]["pos"], "2.50");
    assert_eq!(json["incomplete_locations"]["first"][0]["missing"][0], "coordinates");
    assert_eq!(json["failures"]["total"], 1);
    assert_eq!(json["started_at"], "2027-01-15T08:00:00Z");
}

#[test]
fn the_activity_log_gets_a_summary_and_a_line_for_what_needs_a_person() {
    let lines = full_report().activities();
    let short = |line: &crate::model::Activity| (line.level, line.subject.clone(), line.message.clone());
    let line =
        |level, subject: Option<&str>, message: &str| (level, subject.map(str::to_owned), message.to_owned());
    assert_eq!(
        lines.iter().map(short).collect::<Vec<_>>(),
        [
            line(
                ActivityLevel::Warning,
                None,
                "manual sync completed, with something to look at (100 pulled, 5 pushed, 1 skipped, 1 in conflict, \
                 1 to do by hand, 1 to complete, 1 failed)"
            ),
            line(ActivityLevel::Error, None, "the POS did not answer. The next sync tries again"),
            line(
                ActivityLevel::Warning,
                Some("Cola (item-7)"),
                "Tax mismatch: 13 % is not in the tax mapping. Add 13 % to the tax mapping, or correct the item's \
                 tax rate"
            ),
            line(
                ActivityLevel::Warning,
                Some("Lunch (combo-1)"),
                "the choice Fries was removed on the host. Remove it from the article menu"
            ),
        ]
    );
    assert!(lines.iter().all(|line| line.topic == "menu" && line.at == at(12_340)));
}

#[test]
fn a_run_without_anything_to_do_is_one_line_in_the_activity_log() {
    let mut report = report();
    report.finish(RunOutcome::Completed, at(1));
    let lines = report.activities();
    assert_eq!((lines.len(), lines[0].message.as_str()), (1, "manual sync completed (nothing changed)"));
    assert_eq!(lines[0].level, ActivityLevel::Info);
}

#[test]
fn fifty_thousand_problems_do_not_flood_the_activity_log() {
    let mut report = report();
    (0..50_000).for_each(|_| report.skip(Note::general(Resource::ARTICLES, "m", "a")));
    assert_eq!(report.activities().len(), 21);
}

#[test]
fn every_sentence_of_a_report_is_rid_of_secrets_and_names_stay() {
    let note = || Note::about(Resource::ARTICLES, cola(), "sent s3cret", "ask for s3cret");
    for outcome in [
        RunOutcome::Failed { message: "s3cret".to_owned(), advice: "no s3cret".to_owned() },
        RunOutcome::Incomplete { message: "s3cret".to_owned(), advice: "no s3cret".to_owned() },
    ] {
        let mut report = report();
        report.skip(note());
        report.fail(note());
        report.ask_for(note());
        report.finish(outcome, at(1));
        report.erase(|text| text.replace("s3cret", "***"));
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!((json.matches("s3cret").count(), json.matches("***").count()), (0, 8), "{json}");
        assert_eq!(json.matches("Cola").count(), 3);
        assert!(report.activities().iter().all(|line| !line.message.contains("s3cret")));
    }
}
