//! The binaries of one flow each: whom they reach, what they refuse, what they say when nobody answers.

use crate::process::{Till, nobody, program, run};

const ONE_FLOW: [(&str, &str); 4] = [
    ("connect", env!("CARGO_BIN_EXE_connect")),
    ("sync-menu", env!("CARGO_BIN_EXE_sync-menu")),
    ("sync-stock", env!("CARGO_BIN_EXE_sync-stock")),
    ("submit-order", env!("CARGO_BIN_EXE_submit-order")),
];

#[test]
fn each_flow_reaches_the_test_pos_by_its_url_without_credentials() {
    for (name, path) in ONE_FLOW {
        let till = Till::start();
        run(program(path).args(["--url", &till.url])).ends_with(0);
        assert!(till.pos.requests().total() > 0, "{name} asked another POS");
    }
}

#[test]
fn a_flow_that_nobody_answers_says_where_it_asked() {
    for (_, path) in ONE_FLOW {
        let url = nobody();
        let ran = run(program(path).args(["--url", &url])).ends_with(1);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(&url), "{ran:?}");
        assert!(!ran.err.contains("Error("), "a sentence, and no value of a program: {ran:?}");
    }
}

#[test]
fn a_real_pos_needs_credentials() {
    let flags = ["--host", "api.mpluskassa.nl", "--port", "34562"];
    let ran = run(program(env!("CARGO_BIN_EXE_connect")).args(flags)).ends_with(1);
    assert!(ran.err.contains("MPLUS_IDENT") && ran.err.contains("MPLUS_SECRET"), "{ran:?}");
}

#[test]
fn the_help_of_each_binary_says_what_it_does() {
    for (path, word) in [
        (env!("CARGO_BIN_EXE_connect"), "Connects a merchant"),
        (env!("CARGO_BIN_EXE_sync-menu"), "Syncs the menu"),
        (env!("CARGO_BIN_EXE_sync-stock"), "Pulls the stock"),
        (env!("CARGO_BIN_EXE_submit-order"), "Forwards one order of each type"),
        (env!("CARGO_BIN_EXE_external-payment"), "Takes an external payment"),
        (env!("CARGO_BIN_EXE_pos"), "A point of sale in memory"),
        (env!("CARGO_BIN_EXE_soak"), "Sends orders through a faulty POS"),
        (env!("CARGO_BIN_EXE_fleet"), "Runs a fleet"),
    ] {
        let ran = run(program(path).arg("--help")).ends_with(0);
        assert!(ran.out.starts_with(word), "{ran:?}");
    }
}

#[test]
fn arguments_that_cannot_be_meant_are_refused_before_anything_begins() {
    for (path, flags) in [
        (env!("CARGO_BIN_EXE_pos"), ["--fault-rate", "2"]),
        (env!("CARGO_BIN_EXE_pos"), ["--products", "0"]),
        (env!("CARGO_BIN_EXE_quickstart"), ["--products", "0"]),
        (env!("CARGO_BIN_EXE_soak"), ["--workers", "0"]),
        (env!("CARGO_BIN_EXE_soak"), ["--fault-rate", "1.5"]),
        (env!("CARGO_BIN_EXE_fleet"), ["--processes", "0"]),
        (env!("CARGO_BIN_EXE_connect"), ["--url", "http://api.mpluskassa.nl"]),
        (env!("CARGO_BIN_EXE_connect"), ["--port", "0"]),
    ] {
        let ran = run(program(path).args(flags)).ends_with(2);
        assert!(ran.err.contains(flags[0]), "{ran:?}");
    }
}
