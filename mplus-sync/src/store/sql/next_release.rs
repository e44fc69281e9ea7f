//! What the next release might write, for tests of rolling deploys: one more field in every record, and one more kind of order.
//!
//! A process that is told to write so stands for the next release beside others that stand for this one.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

static IS_ON: AtomicBool = AtomicBool::new(false);

/// The field that is written in addition, behind the version.
const FIELD: &str = "\"since_next\":{\"release\":2},";
/// An order to be taken away whose note says so is of a kind of its own.
const NOTE: &str = "\"note\":\"drive through\"";
const KNOWN: &str = "\"kind\":\"pickup\"";
const NEW: &str = "\"kind\":\"drive_through\"";

/// Has this process work as the next release might from now on: everything that it stores has one more field, and an order to be
/// taken away whose note is `drive through` is of a kind that this release cannot read. For tests of rolling deploys; it cannot
/// be taken back.
pub fn write_as_next_release() {
    IS_ON.store(true, Ordering::SeqCst);
}

pub(super) fn is_on() -> bool {
    IS_ON.load(Ordering::SeqCst)
}

pub(super) fn field() -> &'static str {
    if is_on() { FIELD } else { "" }
}

/// A record's JSON as it is stored.
pub(super) fn written(json: String) -> String {
    if is_on() { renamed(&json, KNOWN, NEW).into_owned() } else { json }
}

/// A record's JSON as it is read.
pub(super) fn read(json: &str) -> Cow<'_, str> {
    if is_on() { renamed(json, NEW, KNOWN) } else { Cow::Borrowed(json) }
}

fn renamed<'j>(json: &'j str, from: &str, to: &str) -> Cow<'j, str> {
    if json.contains(NOTE) && json.contains(from) { json.replacen(from, to, 1).into() } else { json.into() }
}
