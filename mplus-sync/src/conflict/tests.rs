use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::model::{Marker, Version};

fn side(value: &str, second: Option<i64>) -> Side<&str> {
    Side { value, changed_at: second.map(at) }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

const CONTEXTS: [SyncContext; 3] = [SyncContext::Webhook, SyncContext::Manual, SyncContext::Scheduled];

fn decided(context: SyncContext, pos: Option<i64>, host: Option<i64>) -> (Action, Why) {
    let decision = decide(context, &Known::agreed("Cola"), &side("Cola 33 cl", pos), &side("Coke", host));
    (decision.action, decision.why)
}

#[test]
fn in_a_webhook_the_pos_wins_however_late_the_host_was() {
    assert_eq!(decided(SyncContext::Webhook, Some(1), Some(9)), (Action::TakePos, Why::Webhook));
}

#[test]
fn in_a_manual_or_scheduled_sync_the_later_change_wins() {
    for context in [SyncContext::Manual, SyncContext::Scheduled] {
        assert_eq!(decided(context, Some(1), Some(9)), (Action::KeepHost, Why::HostIsLater));
        assert_eq!(decided(context, Some(9), Some(1)), (Action::TakePos, Why::PosIsLater));
    }
}

#[test]
fn a_tie_and_an_unknown_time_go_to_the_pos() {
    for context in [SyncContext::Manual, SyncContext::Scheduled] {
        assert_eq!(decided(context, Some(5), Some(5)), (Action::TakePos, Why::Tie));
        assert_eq!(decided(context, None, Some(5)), (Action::TakePos, Why::TimeUnknown));
        assert_eq!(decided(context, Some(5), None), (Action::TakePos, Why::TimeUnknown));
    }
}

#[test]
fn a_fraction_of_a_second_does_not_make_the_host_later() {
    let host = Side { value: "Coke", changed_at: Some(at(5) + chrono::TimeDelta::milliseconds(999)) };
    let decision = decide(SyncContext::Manual, &Known::agreed("Cola"), &side("Cola 33 cl", Some(5)), &host);
    assert_eq!(decision.why, Why::Tie);
}

#[test]
fn a_change_on_one_side_is_taken_over_and_is_no_conflict() {
    for context in CONTEXTS {
        let known = Known::agreed("Cola");
        let only_pos = decide(context, &known, &side("Coke", None), &side("Cola", Some(9)));
        assert_eq!((only_pos.action, only_pos.why), (Action::TakePos, Why::OnlyPosChanged));
        let only_host = decide(context, &known, &side("Cola", Some(9)), &side("Coke", None));
        assert_eq!((only_host.action, only_host.why), (Action::KeepHost, Why::OnlyHostChanged));
        assert_eq!((only_pos.winner(), only_host.winner()), (None, None));
    }
}

#[test]
fn the_same_change_on_both_sides_is_no_conflict() {
    let decision =
        decide(SyncContext::Manual, &Known::agreed("Cola"), &side("Coke", Some(1)), &side("Coke", Some(2)));
    assert_eq!((decision.action, decision.why), (Action::Nothing, Why::Same));
}

#[test]
fn the_echo_of_a_push_whose_answer_was_lost_is_no_conflict() {
    let known = Known { agreed: Some("Cola"), sent: Some("Coke") };
    let nothing_since = decide(SyncContext::Webhook, &known, &side("Coke", Some(9)), &side("Coke", Some(1)));
    assert_eq!(nothing_since.action, Action::Nothing);
    let edited_since =
        decide(SyncContext::Webhook, &known, &side("Coke", Some(9)), &side("Coke Zero", Some(1)));
    assert_eq!((edited_since.action, edited_since.why), (Action::KeepHost, Why::Echo));
    let edited_back = decide(SyncContext::Webhook, &known, &side("Coke", Some(9)), &side("Cola", Some(1)));
    assert_eq!((edited_back.action, edited_back.why), (Action::KeepHost, Why::Echo));
}

#[test]
fn what_was_never_synced_and_differs_is_a_conflict() {
    let decision =
        decide(SyncContext::Manual, &Known::NOTHING, &side("Cola", Some(1)), &side("Coke", Some(2)));
    assert_eq!((decision.winner(), decision.why), (Some(Winner::Host), Why::HostIsLater));
}

#[test]
fn a_person_reads_what_started_a_run_who_won_and_why() {
    let contexts = CONTEXTS.map(|context| context.to_string());
    assert_eq!(contexts, ["webhook", "manual", "scheduled"]);
    assert_eq!(format!("{:>5}{:>5}", Winner::Pos, Winner::Host), "  POS host");
    let reasons = [
        (Why::Same, "the same"),
        (Why::OnlyPosChanged, "only the POS"),
        (Why::OnlyHostChanged, "only the host"),
        (Why::Echo, "after it was sent"),
        (Why::Webhook, "webhook"),
        (Why::PosIsLater, "the POS changed it later"),
        (Why::HostIsLater, "the host changed it later"),
        (Why::Tie, "same second"),
        (Why::TimeUnknown, "not known"),
    ];
    assert!(reasons.iter().all(|(why, words)| why.to_string().contains(words)));
}

fn version(content: &str, marker: Option<i64>) -> Option<Version> {
    let fingerprint = Fingerprint::of(content).unwrap();
    Some(Version { fingerprint, changed_at: None, marker: marker.map(Marker::new) })
}

#[test]
fn the_later_of_pull_and_push_is_what_both_agreed_on() {
    let print = |content: &str| Fingerprint::of(content).unwrap();
    let known = |pulled, pushed| {
        let mut sync = SyncState::default();
        (sync.pulled, sync.pushed) = (pulled, pushed);
        Known::of(&sync)
    };
    assert_eq!(known(version("a", Some(1)), version("b", Some(2))), Known::agreed(print("b")));
    assert_eq!(known(version("a", Some(3)), version("b", Some(2))), Known::agreed(print("a")));
    // What was read is what the POS has.
    assert_eq!(known(version("a", Some(2)), version("b", Some(2))), Known::agreed(print("a")));
    assert_eq!(known(None, version("b", Some(2))), Known::agreed(print("b")));
    assert_eq!(known(version("a", None), None), Known::agreed(print("a")));
    let unconfirmed = Known { agreed: Some(print("a")), sent: Some(print("b")) };
    assert_eq!(known(version("a", Some(1)), version("b", None)), unconfirmed);
    assert_eq!(known(None, version("b", None)), Known { agreed: None, sent: Some(print("b")) });
    assert_eq!(known(None, None), Known::NOTHING);
}

#[derive(Serialize, Clone)]
struct Dish {
    name: &'static str,
    price: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plu: Option<&'static str>,
    barcodes: Vec<u8>,
}

const SOUP: Dish = Dish { name: "Soup", price: "5.00", plu: None, barcodes: Vec::new() };

#[test]
fn each_field_is_decided_by_itself_when_the_agreed_record_is_known() {
    let pos = Side { value: Dish { price: "5.50", plu: Some("007"), ..SOUP }, changed_at: Some(at(1)) };
    let host = Side { value: Dish { name: "Onion soup", plu: Some("7"), ..SOUP }, changed_at: Some(at(2)) };
    let fields = decide_fields(SyncContext::Manual, &Known::agreed(SOUP), &pos, &host).unwrap();
    let short =
        |field: &FieldDecision| (field.difference.field.clone(), field.decision.action, field.decision.why);
    assert_eq!(
        fields.iter().map(short).collect::<Vec<_>>(),
        [
            ("name".to_owned(), Action::KeepHost, Why::OnlyHostChanged),
            ("plu".to_owned(), Action::KeepHost, Why::HostIsLater),
            ("price".to_owned(), Action::TakePos, Why::OnlyPosChanged),
        ]
    );
}

#[test]
fn a_field_that_one_side_lacks_differs_and_null_is_lacking() {
    let host = Dish { plu: Some("7"), barcodes: vec![1, 2], ..SOUP };
    let expected = |field: &str, pos: Option<&str>, host: &str| FieldDifference {
        field: field.to_owned(),
        pos: pos.map(str::to_owned),
        host: Some(host.to_owned()),
    };
    assert_eq!(
        differing_fields(&SOUP, &host).unwrap(),
        [expected("barcodes", Some("[]"), "[1,2]"), expected("plu", None, "7")]
    );
    assert_eq!(differing_fields(&Some(SOUP), &Some(SOUP)).unwrap(), []);
    assert!(differing_fields(&1, &2).is_err());
}

/// One merchant's life, on a value that never returns to an earlier one.
#[derive(Debug, Clone, Copy)]
enum Step {
    HostEdits,
    PosEdits,
    Sync(SyncContext, Push),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Push {
    Confirmed,
    AnswerLost,
    RequestLost,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let push = prop::sample::select(vec![Push::Confirmed, Push::AnswerLost, Push::RequestLost]);
    let step = prop_oneof![
        Just(Step::HostEdits),
        Just(Step::PosEdits),
        (prop::sample::select(CONTEXTS.to_vec()), push).prop_map(|(context, push)| Step::Sync(context, push)),
    ];
    prop::collection::vec(step, 0..30)
}

struct World {
    pos: Side<i64>,
    host: Side<i64>,
    known: Known<i64>,
    pos_edited: bool,
    host_edited: bool,
}

impl World {
    /// A pull and the push that follows from it, as a run does them.
    fn sync(&mut self, context: SyncContext, push: Push) -> Decision {
        let decision = decide(context, &self.known, &self.pos, &self.host);
        self.known = Known::agreed(self.pos.value);
        match decision.action {
            Action::Nothing | Action::TakePos => {
                self.host = Side { value: self.pos.value, changed_at: None };
                (self.pos_edited, self.host_edited) = (false, false);
            }
            Action::KeepHost => {
                if push != Push::RequestLost {
                    self.pos.value = self.host.value;
                    self.pos_edited = false;
                }
                if push == Push::Confirmed {
                    self.known = Known::agreed(self.host.value);
                    self.host.changed_at = None;
                    self.host_edited = false;
                } else {
                    self.known.sent = Some(self.host.value);
                }
            }
        }
        decision
    }
}

proptest! {
    #[test]
    fn a_conflict_needs_edits_on_both_sides_and_both_sides_agree_in_the_end(steps in steps()) {
        let start = Side { value: 0, changed_at: None };
        let known = Known::agreed(0);
        let mut world = World { pos: start, host: start, known, pos_edited: false, host_edited: false };
        let mut now = 0;
        for step in steps {
            now += 1;
            let edit = Side { value: now, changed_at: Some(at(now)) };
            match step {
                Step::HostEdits => (world.host, world.host_edited) = (edit, true),
                Step::PosEdits => (world.pos, world.pos_edited) = (edit, true),
                Step::Sync(context, push) => {
                    let (pos, host) = (world.pos, world.host);
                    let (pos_edited, host_edited) = (world.pos_edited, world.host_edited);
                    let decision = world.sync(context, push);
                    prop_assert!(!decision.why.is_conflict() || (pos_edited && host_edited), "{decision:?}");
                    if !host_edited {
                        prop_assert_ne!(decision.action, Action::KeepHost, "nothing of the host's to keep");
                    }
                    match decision.winner() {
                        Some(Winner::Host) => prop_assert!(
                            context != SyncContext::Webhook && host.changed_at > pos.changed_at
                        ),
                        Some(Winner::Pos) => prop_assert!(
                            context == SyncContext::Webhook || host.changed_at <= pos.changed_at
                        ),
                        None => {}
                    }
                }
            }
        }
        world.sync(SyncContext::Scheduled, Push::Confirmed);
        prop_assert_eq!(world.pos.value, world.host.value);
        prop_assert_eq!(world.sync(SyncContext::Manual, Push::Confirmed).action, Action::Nothing);
    }

    #[test]
    fn every_input_has_one_answer_that_agrees_with_its_reason(
        context in prop::sample::select(CONTEXTS.to_vec()),
        agreed in prop::option::of(0u8..4), sent in prop::option::of(0u8..4),
        pos in (0u8..4, prop::option::of(0i64..3)), host in (0u8..4, prop::option::of(0i64..3)),
    ) {
        let known = Known { agreed, sent };
        let pos = Side { value: pos.0, changed_at: pos.1.map(at) };
        let host = Side { value: host.0, changed_at: host.1.map(at) };
        let decision = decide(context, &known, &pos, &host);
        prop_assert_eq!(decision.action == Action::Nothing, pos.value == host.value);
        prop_assert_eq!(decision.why == Why::Same, pos.value == host.value);
        prop_assert_eq!(decision.winner().is_some(), decision.why.is_conflict());
        if decision.why.is_conflict() {
            prop_assert!(agreed != Some(pos.value) && agreed != Some(host.value));
            prop_assert!(sent != Some(pos.value), "an echo");
            let later = context != SyncContext::Webhook && host.changed_at > pos.changed_at && pos.changed_at.is_some();
            prop_assert_eq!(decision.winner() == Some(Winner::Host), later);
        }
    }
}
